"""What a command printed, as the terminal saw it: cut out by its markers, and as plain text."""

from __future__ import annotations

import mmap
import os
import re
from pathlib import Path

from tsipcd.tmux.files import open_plain

TAIL_BYTES = 4096
MAX_LINE_CHARS = 500
_COPY_BYTES = 1 << 20

_ESCAPE = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, marks
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS and other strings
    r"|\[(?P<parameters>[0-9;:<=>?]*)[ -/]*(?:(?P<final>[@-~])|$)"  # CSI
    r"|[ -/]*[0-~])?"
)
_TOKEN = re.compile(
    rf"(?P<text>[^\x00-\x1f\x7f]+)|(?P<escape>{_ESCAPE.pattern})|(?P<control>[\x00-\x1f\x7f])"
)
_TAB = 8


def plain_text(raw: bytes) -> str:
    """What stood on the lines in the end: no escapes, overwritten parts (progress bars) as they were last."""
    lines: list[str] = []
    line, column = "", 0
    for token in _TOKEN.finditer(raw.decode("utf-8", "replace")):
        text, control = token["text"], token["control"]
        if text is not None:
            line = line[:column].ljust(column) + text + line[column + len(text) :]
            column += len(text)
        elif control == "\n":
            lines.append(line.rstrip())
            line, column = "", 0
        elif control == "\r":
            column = 0
        elif control == "\b":
            column = max(0, column - 1)
        elif control == "\t":
            column = (column // _TAB + 1) * _TAB
            line = line.ljust(column)
        elif token["final"] is not None:
            line, column = _moved(line, column, token["parameters"], token["final"])
    if line.rstrip():
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n" if lines else ""


def _moved(line: str, column: int, parameters: str, final: str) -> tuple[str, int]:
    """The line after an escape that erases or moves within it."""
    number = int(parameters) if parameters.isdigit() else 0
    match final:
        case "K" if number == 0:
            return line[:column], column
        case "K" if number == 2:  # noqa: PLR2004 - the whole line
            return "", column
        case "C":
            return line, column + min(max(number, 1), MAX_LINE_CHARS)
        case "D":
            return line, max(0, column - max(number, 1))
        case "G":
            return line, min(max(number, 1), MAX_LINE_CHARS) - 1
        case _:
            return line, column


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


def cut(log: Path, begin: bytes, end: bytes, *, whole: bool) -> None:
    """Replace `log` by what stands between the markers; a missing one means from the start, or to the end.

    Not `whole`: there was no end; the line that was not finished is left out, it is the prompt that followed.
    """
    first = find_marker(log, begin)
    start = first + len(begin) if first is not None else 0
    stop = find_marker(log, end, start)
    if stop is None:
        stop = log.stat().st_size if whole else max(start, _last_line_start(log))
    partial = log.with_name(f"{log.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = open_plain(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
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
