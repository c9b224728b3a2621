"""The process's own output: what stdout and stderr can show, and writing to them. Decides no wording.

Loaded by every command: it brings nothing along that costs time.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from tsipc_client.render.notes import Note
    from tsipc_client.render.style import Style

_FALLBACK_COLUMNS = 80
_FALLBACK_ROWS = 24


def prepare() -> None:
    """UTF-8 in every locale: the listings have arrows, and a name must come out as the bytes it is."""
    # Python has no stream at all for one that was closed (`>&-`).
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 (for the life of the process)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 (the same)
    for stream in (sys.stdout, sys.stderr):
        # Under a test's capture or a replaced stream there is nothing to reconfigure.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def is_terminal(stream: TextIO) -> bool:
    """Whether a person reads it; a closed stream is no terminal."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def can_redraw(stream: TextIO) -> bool:
    """Whether lines on it can be overwritten."""
    return is_terminal(stream) and _is_able()


def _is_able() -> bool:
    return os.environ.get("TERM", "") not in {"", "dumb"}


def style_of(stream: TextIO) -> Style:
    """NO_COLOR wins over FORCE_COLOR, both over what the stream is; an empty variable counts as unset."""
    from tsipc_client.render.style import Style  # noqa: PLC0415 (an id alone needs no style)

    terminal = is_terminal(stream)
    colour = is_coloured(terminal=terminal)
    return Style(width=width_of(stream) if terminal else None, colour=colour, terminal=terminal)


def is_coloured(*, terminal: bool) -> bool:
    """Whether there is colour on a stream that is a terminal or none: see `style_of`."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "0") not in {"", "0"} or (terminal and _is_able())


def width_of(stream: TextIO) -> int:
    """Columns: what COLUMNS says, else what the terminal says."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return _size_of(stream).columns or _FALLBACK_COLUMNS


def height_of(stream: TextIO) -> int:
    """Rows of the terminal."""
    return _size_of(stream).lines or _FALLBACK_ROWS


def _size_of(stream: TextIO) -> os.terminal_size:
    try:
        return os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return os.terminal_size((0, 0))


def put(lines: Iterable[str]) -> None:
    """Data, to stdout, out at once. Raises BrokenPipeError if the reader has gone."""
    sys.stdout.writelines(f"{text}\n" for text in lines)
    sys.stdout.flush()


def tell(lines: Iterable[str]) -> None:
    """Words for the person, to stderr."""
    sys.stderr.writelines(f"{text}\n" for text in lines)
    sys.stderr.flush()


def note(notes: Iterable[Note]) -> None:
    """The notes that are due: all on a terminal, the urgent ones anywhere."""
    everything = is_terminal(sys.stderr)
    tell(one.text for one in notes if everything or one.urgent)


def silence() -> None:
    """After a broken pipe: the interpreter's last flush goes nowhere instead of complaining."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if not is_terminal(stream):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
