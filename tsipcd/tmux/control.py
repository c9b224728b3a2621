r"""What a `tmux -C` client prints, as values. Takes bytes, returns blocks and notifications; does no I/O.

tmux answers each command it runs with a block, and tells what happens in between as single lines:

    %begin TIME NUMBER FLAGS        a block begins
    any line, `%...` lines too      its content
    %end TIME NUMBER FLAGS          it ends; `%error` with the same three words if the command failed
    %sessions-changed               a notification, never inside a block

NUMBER counts all commands of the server. One line of input gives as many blocks as commands run: the inner
commands of `if-shell` have their own (their FLAGS are 0 in 3.1), hooks of the user add theirs, and a line
that does not parse gives one `%error`. So blocks cannot be counted; a request is ended by a line of its own
that prints an unguessable word. Other lines are strays: complaints of the client, what `run-shell` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_BLOCK_BYTES = 32 * 1024 * 1024
"""A larger answer is a mistake: the panes of 10,000 sessions take 2 MiB."""


class Overflow(Exception):
    """tmux printed a line or a block beyond any sense; the stream cannot be followed any more."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one command printed."""

    lines: tuple[str, ...]
    """Decoded as UTF-8; bytes that are none are kept as lone surrogates (PEP 383)."""
    ok: bool

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that happened, told unasked."""

    name: str
    """Without the `%`: `sessions-changed`."""
    rest: str
    """What follows the name and one space."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A line outside of blocks that is no notification."""

    line: str


Event = Block | Notification | Stray


@dataclass(slots=True)
class ControlParser:
    """Follows one client's output. `feed` it bytes as they come, cut anywhere."""

    _rest: list[bytes] = field(default_factory=list)
    _rest_bytes: int = 0
    _open: bytes | None = None
    """What follows `%begin` of the block that is open."""
    _lines: list[str] = field(default_factory=list)
    _block_bytes: int = 0

    def feed(self, data: bytes) -> list[Event]:
        """All that is complete now. Raises `Overflow`."""
        *complete, rest = data.split(b"\n")
        events: list[Event] = []
        if complete:
            complete[0] = b"".join((*self._rest, complete[0]))
            self._rest, self._rest_bytes = [], 0
            for line in complete:
                event = self._take(line)
                if event is not None:
                    events.append(event)
        if rest:
            self._rest.append(rest)
            self._rest_bytes += len(rest)
        if self._rest_bytes + self._block_bytes > MAX_BLOCK_BYTES:
            raise Overflow(f"tmux printed more than {MAX_BLOCK_BYTES} bytes in one block")
        return events

    def _take(self, line: bytes) -> Event | None:
        if self._open is not None:
            return self._take_content(line)
        if line.startswith(b"%begin "):
            self._open = line[len(b"%begin ") :]
            return None
        text = line.decode("utf-8", "surrogateescape")
        if not text.startswith("%"):
            return Stray(text)
        name, _, rest = text[1:].partition(" ")
        return Notification(name, rest)

    def _take_content(self, line: bytes) -> Block | None:
        if line.startswith((b"%end ", b"%error ")) and line.partition(b" ")[2] == self._open:
            block = Block(tuple(self._lines), ok=line.startswith(b"%end "))
            self._open, self._lines, self._block_bytes = None, [], 0
            return block
        self._lines.append(line.decode("utf-8", "surrogateescape"))
        self._block_bytes += len(line)
        return None
