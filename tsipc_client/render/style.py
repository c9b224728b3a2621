"""One printed line: made safe, cut to the width, coloured. Every line with foreign text comes from here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tsipc_client.render.columns import ELLIPSIS, columns, cut
from tsipc_client.wire.messages import RunStatus, Status
from tsipc_client.wire.text import visible


class Tone(StrEnum):
    """The few colours in use, as SGR parameters; they work on dark and light backgrounds."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


Span = str | tuple[str, Tone]
"""A piece of a line, with a tone if it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the place of output can do. The default is a pipe: no colour, no limit."""

    width: int | None = None
    """Columns; None: lines are never cut."""
    colour: bool = False
    terminal: bool = False
    """A person looks at it: extras that a script would trip over may be shown."""

    @property
    def uncut(self) -> Style:
        """The same for what is read to its end or copied: ids, paths, errors, log lines."""
        return replace(self, width=None)


PLAIN = Style()


def line(style: Style, *spans: Span) -> str:
    """The spans as one line without a line end, whatever is in them."""
    pieces: list[tuple[str, Tone | None]] = [
        (visible(s), None) if isinstance(s, str) else (visible(s[0]), s[1]) for s in spans
    ]
    if style.width is not None and sum(columns(text) for text, _ in pieces) > style.width:
        pieces = _cut(pieces, style.width)
    if not style.colour:
        return "".join(text for text, _ in pieces)
    return "".join(
        text if tone is None or not text else f"\x1b[{tone}m{text}\x1b[0m" for text, tone in pieces
    )


def _cut(pieces: list[tuple[str, Tone | None]], width: int) -> list[tuple[str, Tone | None]]:
    kept: list[tuple[str, Tone | None]] = []
    room = width
    for text, tone in pieces:
        size = columns(text)
        if size >= room:
            # Something follows or it does not fit: either way the line ends here, with its mark.
            shortened = cut(text, room) if size > room else cut(text + ELLIPSIS, room)
            kept.append((shortened, tone))
            break
        kept.append((text, tone))
        room -= size
    return kept


STATUS_TONES: dict[Status, Tone] = {
    Status.ACCEPTED: Tone.CYAN,
    Status.HELD: Tone.YELLOW,
    Status.INTENT: Tone.CYAN,
    Status.DELIVERED: Tone.GREEN,
    Status.STARTED: Tone.CYAN,
    Status.DONE: Tone.GREEN,
    Status.FAILED: Tone.RED,
    Status.EXPIRED: Tone.RED,
    Status.CANCELLED: Tone.DIM,
    Status.IN_DOUBT: Tone.RED,
}

RUN_TONES: dict[RunStatus, Tone] = {
    RunStatus.RUNNING: Tone.CYAN,
    RunStatus.SUCCESS: Tone.GREEN,
    RunStatus.FAILURE: Tone.RED,
    RunStatus.CANCELLED: Tone.YELLOW,
    RunStatus.INTERRUPTED: Tone.RED,
}
