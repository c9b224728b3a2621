"""One printed line: made safe, cut to the width, coloured. Every line with foreign text comes from here.

Loaded by short commands: no `dataclasses` and no `enum` here, and no messages, which are made of them.
"""

from __future__ import annotations

from tsipc_client.render.columns import ELLIPSIS, columns, cut
from tsipc_client.wire.text import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class Tone(str):
    """The few colours in use, as SGR parameters; they work on dark and light backgrounds."""

    __slots__ = ()

    BOLD: ClassVar[Tone]
    DIM: ClassVar[Tone]
    RED: ClassVar[Tone]
    GREEN: ClassVar[Tone]
    YELLOW: ClassVar[Tone]
    CYAN: ClassVar[Tone]


# An enum in all but its module, which costs a command 2 ms.
Tone.BOLD = Tone("1")
Tone.DIM = Tone("2")
Tone.RED = Tone("31")
Tone.GREEN = Tone("32")
Tone.YELLOW = Tone("33")
Tone.CYAN = Tone("36")


Span = str | tuple[str, Tone]
"""A piece of a line, with a tone if it has one."""


class Style:
    """What the place of output can do. The default is a pipe: no colour, no limit."""

    __slots__ = ("colour", "terminal", "width")

    def __init__(self, *, width: int | None = None, colour: bool = False, terminal: bool = False) -> None:
        self.width = width
        """Columns; None: lines are never cut."""
        self.colour = colour
        self.terminal = terminal
        """A person looks at it: extras that a script would trip over may be shown."""

    @property
    def uncut(self) -> Style:
        """The same for what is read to its end or copied: ids, paths, errors, log lines."""
        return Style(colour=self.colour, terminal=self.terminal)


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


# Of `Status` and `RunStatus`, by their words.

STATUS_TONES: dict[str, Tone] = {
    "accepted": Tone.CYAN,
    "held": Tone.YELLOW,
    "intent": Tone.CYAN,
    "delivered": Tone.GREEN,
    "started": Tone.CYAN,
    "done": Tone.GREEN,
    "failed": Tone.RED,
    "expired": Tone.RED,
    "cancelled": Tone.DIM,
    "in-doubt": Tone.RED,
}

RUN_TONES: dict[str, Tone] = {
    "running": Tone.CYAN,
    "cancelling": Tone.YELLOW,
    "success": Tone.GREEN,
    "failure": Tone.RED,
    "cancelled": Tone.YELLOW,
    "interrupted": Tone.RED,
    "queued": Tone.YELLOW,
    "partial": Tone.YELLOW,
    "timed-out": Tone.RED,
    "rejected": Tone.RED,
}
