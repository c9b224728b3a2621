"""The last lines of a log and of what was rotated away from it. Only reads."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tsipc_client.wire.errors import WireError
from tsipcd.views.folder import Folder

MAX_BYTES = 900_000
"""Of all lines together, so that an answer fits into a frame."""

_BLOCK_BYTES = 64 << 10
_PER_LINE_BYTES = 8
"""What the protocol adds to a line, at most."""


def tail(folder: Folder, names: list[str], lines: int, max_bytes: int = MAX_BYTES) -> tuple[list[str], bool]:
    """The last `lines` lines of the files `names` (newest first), oldest line first.

    Also whether there are more of them than `max_bytes` hold. A last line without its end is being written,
    and left out.
    """
    taken: list[str] = []
    size = 0
    for line in _backwards(folder, names):
        if len(taken) >= lines:
            break
        size += len(line) + _PER_LINE_BYTES
        if size > max_bytes:
            return taken[::-1], True
        taken.append(line.decode(errors="replace"))
    return taken[::-1], False


def _backwards(folder: Folder, names: list[str]) -> Iterator[bytes]:
    """Every line, the newest first. A file that gets another name meanwhile is read once."""
    seen: set[int] = set()
    for name in names:
        try:
            fd = folder.open_reading(name)
        except WireError:
            continue
        if fd is None:
            continue
        try:
            inode = os.fstat(fd).st_ino
            if inode not in seen:
                seen.add(inode)
                yield from _lines_of(fd)
        finally:
            os.close(fd)


def _lines_of(fd: int) -> Iterator[bytes]:
    """The whole lines of one file, the last one first."""
    end = os.fstat(fd).st_size
    rest: bytes | None = None
    """The end of a line whose start is before `end`; None: no line end was seen yet."""
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        first, *others = os.pread(fd, end - start, start).split(b"\n")
        end = start
        if others:
            if rest is not None:
                yield others[-1] + rest
            yield from reversed(others[:-1])
            rest = first
        elif rest is not None:
            rest = first + rest
            if len(rest) > MAX_BYTES:  # no line of ours; too long for an answer
                break
    if rest is not None:
        yield rest
