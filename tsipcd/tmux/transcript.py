"""What a command printed, as the terminal saw it: cut out by its markers, and as plain text."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path

from tsipc_client.wire.printed import MAX_LINE_CHARS, plain_text
from tsipcd.tmux.files import open_plain

TAIL_BYTES = 4096
_COPY_BYTES = 1 << 20


def last_line(log: Path, begin: bytes = b"") -> str:
    """The last line that can be seen of what was printed behind the marker; empty: nothing yet."""
    try:
        with os.fdopen(open_plain(log, os.O_RDONLY), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
    except OSError:
        return ""
    if begin:
        _, marker, behind = tail.partition(begin)
        if marker:
            tail = behind
        elif size <= TAIL_BYTES:
            return ""
    lines = [line.strip() for line in plain_text(tail).splitlines()]
    return next((line[:MAX_LINE_CHARS] for line in reversed(lines) if line), "")


def find_marker(log: Path, marker: bytes, start: int = 0) -> int | None:
    """Where `marker` first stands at or behind `start`; None: it does not (yet)."""
    with os.fdopen(open_plain(log, os.O_RDONLY), "rb") as file:
        if os.fstat(file.fileno()).st_size <= start:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(marker, start)
    return at if at >= 0 else None


def cut(log: Path, begin: bytes, end: bytes, *, whole: bool, spare: Path | None = None) -> None:
    """Replace `log` by what stands between the markers; a missing one means from the start, or to the end.

    Not `whole`: there was no end; the line that was not finished is left out, it is the prompt that followed.
    The file `spare`, if it is there, is used up: the new `log`.
    """
    first = find_marker(log, begin)
    start = first + len(begin) if first is not None else 0
    stop = find_marker(log, end, start)
    if stop is None:
        stop = log.stat().st_size if whole else max(start, _last_line_start(log))
    partial = log.with_name(f"{log.name}.partial")
    partial.unlink(missing_ok=True)
    if spare is not None:
        with suppress(FileNotFoundError):
            spare.rename(partial)
    descriptor = open_plain(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(descriptor, "wb") as target, os.fdopen(open_plain(log, os.O_RDONLY), "rb") as source:
        source.seek(start)
        left = stop - start
        while left > 0 and (chunk := source.read(min(left, _COPY_BYTES))):
            target.write(chunk)
            left -= len(chunk)
    partial.replace(log)


def _last_line_start(log: Path) -> int:
    with os.fdopen(open_plain(log, os.O_RDONLY), "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.rfind(b"\n") + 1
