"""Following `events.log`: its last lines, then what is added, also across rotation. Only reads."""

from __future__ import annotations

import os
import sys
import time
from typing import Final, NoReturn

from tsipc_client.asking import expect
from tsipc_client.cli import deliver, screen
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.launch import open_plain
from tsipc_client.render import listing
from tsipc_client.wire.messages import Events, LogLines

PAUSE_S: Final = 0.1
"""Between two looks at the file; the daemon writes four times a second."""

_READ_BYTES: Final = 1 << 16


def tail(lines: int, options: Options) -> int:
    """Until Ctrl-C, which is how this ends well."""
    with deliver.connect(options) as daemon:
        path = expect(LogLines, daemon.call(Events(lines=1))).path
    try:
        _follow(path, lines)
    except KeyboardInterrupt:
        return ExitStatus.OK


def _follow(path: str, lines: int) -> NoReturn:
    fd = _opened(path)
    at = 0 if fd < 0 else _place(fd, lines)
    rest = b""
    while True:
        data = b"" if fd < 0 else os.pread(fd, _READ_BYTES, at)
        at += len(data)
        *whole, rest = (rest + data).split(b"\n")
        if whole:
            texts = tuple(text.decode(errors="replace") for text in whole)
            screen.put(listing.events(LogLines(lines=texts, path=path), screen.style_of(sys.stdout)))
        if data:
            continue
        if fd < 0 or _has_moved(fd, path, at):
            if fd >= 0:
                os.close(fd)
            fd, at, rest = _opened(path), 0, b""
        time.sleep(PAUSE_S)


def _opened(path: str) -> int:
    """A descriptor; -1 while there is no such file."""
    try:
        return open_plain(path, os.O_RDONLY)
    except FileNotFoundError:
        return -1


def _has_moved(fd: int, path: str, at: int) -> bool:
    """Whether the log is another file now, or was begun anew."""
    mine = os.fstat(fd)
    try:
        return not os.path.samestat(mine, os.stat(path)) or mine.st_size < at  # noqa: PTH116 (as it was given)
    except FileNotFoundError:
        return True


def _place(fd: int, lines: int) -> int:
    """Where the last `lines` lines begin."""
    end = os.fstat(fd).st_size
    tail_ = b""
    begin = end
    while begin > 0 and tail_.count(b"\n") <= lines:
        size = min(_READ_BYTES, begin)
        begin -= size
        tail_ = os.pread(fd, size, begin) + tail_
    whole = tail_[: tail_.rfind(b"\n") + 1]
    kept = whole.split(b"\n")[-lines - 1 : -1] if lines else []
    return begin + len(whole) - sum(len(text) + 1 for text in kept)
