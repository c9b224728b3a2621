"""Types a text into one pane, at most once per attempt. Guarded by tmux itself, in one command list.

The list asks for the pane's identity, its state and its marker (a pane option), types, moves the marker, and
prints what it did. tmux lets no other command in between, and a failing one skips the rest, so handing the
same attempt in again, after whatever break, types nothing a second time. This module repeats nothing by
itself, and does not judge who sits in the pane.

Short plain text goes as keys (`send-keys -H`, whose cost grows with the square of the length: 0.3 ms for 20
bytes, 1.2 for 256, 30 for 3,000). All else goes through a paste buffer (0.5 ms), which brackets it if the
program asked for that: TAB then completes nothing, and LF runs nothing. tmux reads the buffer from a file,
which takes it 2 ms for 1 MB, and 110 to 650 ms as an argument.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tsipcd.core.inputs import Outcome, Typed
from tsipcd.core.outrun import MARKER_DIGITS
from tsipcd.core.topology import PanePin
from tsipcd.tmux.commands import as_format, both, command, equal, sequence, when
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.control import Block

MAX_KEYS_BYTES = 64
TYPE_S = 5.0
"""Until an outcome counts as unknown."""
ENTER_PAUSE_S = 0.15
"""Programs that edit their own line take an Enter within about 120 ms of a text as a newline in it."""

PREFIX = "text-"
PASTE_END = re.compile("(?:\x1b\\[|\x9b)201~")

_LOOKED_AT = ("pane_id", "pane_pid", "pane_dead", "pane_in_mode", "pane_input_off", "pane_synchronized")
_REFUSALS = (
    "the pane's program has ended",
    "copy mode",
    "the pane's input is off",
    "synchronize-panes is on: keys would reach other panes too",
)


TypeLine = Callable[[str], Awaitable[Typed]]
"""Types one text and Enter, guarded by the attempt of the effect it was made for; never raises `TmuxError`.

Its answer is to be emitted by whoever called it.
"""


def marker_of(identity: str) -> str:
    """The pane option of the journal with that identity: how far typing came."""
    return f"@tsipc_seq_{identity}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One text for one pane, with the number under which it is typed at most once."""

    identity: str
    """Of the journal that counts the attempts, hex digits: the counters of two state folders never mix."""
    number: int
    pin: PanePin
    text: str
    pause: bool
    """The reader is no shell: let it take the text in before Enter."""

    @property
    def marker(self) -> str:
        """The pane option that holds how far typing came."""
        return marker_of(self.identity)

    @property
    def begun(self) -> str:
        """The marker's value once the text was typed but not Enter. Zero-padded: compared as text."""
        return f"{self.number:0{MARKER_DIGITS}d}"

    @property
    def done(self) -> str:
        """The marker's value once Enter was typed: behind `begun`, before the next attempt."""
        return self.begun + "!"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the guarded list printed. All empty: there is no such pane."""

    typed: bool = False
    marker: str = ""
    state: tuple[str, ...] = ()
    """The values of `_LOOKED_AT`."""
    complaint: str = ""
    """A command of the list failed."""

    def judge(self, attempt: Attempt) -> tuple[Outcome, str]:
        if self.typed:
            return Outcome.TYPED, ""
        if self.complaint:
            return Outcome.REFUSED, f"tmux: {self.complaint}"
        if self.state[:2] != (attempt.pin.pane, str(attempt.pin.pid)):
            return Outcome.GONE, "the pane is gone"
        if self.marker >= attempt.done:
            return Outcome.ALREADY, self.marker
        for value, refusal in zip(self.state[2:], _REFUSALS, strict=True):
            if value != "0":
                return Outcome.REFUSED, refusal
        return Outcome.REFUSED, "the pane's marker is beyond this attempt"


def remove_leftovers(folder: Path) -> None:
    """Remove texts that a life of ours that ended suddenly left behind."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            path.unlink(missing_ok=True)


async def type_text(connection: Connection, attempt: Attempt, folder: Path) -> tuple[Outcome, str]:
    """Type the text and Enter; what came of it, and why not. Raises `TmuxError`, then it cannot be known.

    `folder` holds a long text while tmux reads it.
    """
    text = pasteable(attempt.text)
    below = f"#{{<:#{{{attempt.marker}}},{attempt.begun}}}"
    enter = _send_bytes(attempt, b"\r")
    if not attempt.pause:
        if is_short(text):
            keys = (_send_bytes(attempt, text.encode() + b"\r"),)
            answer = await _submit(connection, attempt, below, keys, attempt.done)
        else:
            with _buffered(attempt, text, folder) as paste:
                answer = await _submit(connection, attempt, below, (*paste, enter), attempt.done)
        return answer.judge(attempt)
    with _buffered(attempt, text, folder) as paste:
        answer = await _submit(connection, attempt, below, paste, attempt.begun)
    if not answer.typed and answer.marker != attempt.begun:
        return answer.judge(attempt)
    await asyncio.sleep(ENTER_PAUSE_S)
    entered = await _submit(
        connection, attempt, equal(f"#{{{attempt.marker}}}", attempt.begun), (enter,), attempt.done
    )
    outcome, reason = entered.judge(attempt)
    if outcome is Outcome.REFUSED:
        return Outcome.UNKNOWN, f"the text was typed, Enter was not: {reason}"
    return outcome, reason


def pasteable(text: str) -> str:
    """`text` without any sequence that would end a bracketed paste early."""
    while True:
        shorter = PASTE_END.sub("", text)
        if shorter == text:
            return text
        # Taking one out can join the halves of another.
        text = shorter


def is_short(text: str) -> bool:
    """Whether the text may go as keys: every program takes each of them as itself."""
    return text.isprintable() and len(text.encode()) <= MAX_KEYS_BYTES


def _send_bytes(attempt: Attempt, data: bytes) -> str:
    return f"{command('send-keys', '-t', attempt.pin.pane, '-H')} {data.hex(' ')}"


@contextmanager
def _buffered(attempt: Attempt, text: str, folder: Path) -> Iterator[tuple[str, ...]]:
    """The commands that paste `text`, valid while the context lasts."""
    name = f"tsipc-{attempt.identity}-{attempt.number}"
    path = folder / f"{PREFIX}{secrets.token_hex(6)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        yield (
            command("load-buffer", "-b", name, as_format(str(path))),
            command("paste-buffer", "-d", "-p", "-b", name, "-t", attempt.pin.pane),
        )
    finally:
        path.unlink(missing_ok=True)


async def _submit(
    connection: Connection, attempt: Attempt, marker: str, keys: tuple[str, ...], after: str
) -> _Answer:
    """Type `keys` and move the marker to `after`, if the pane is the right one, ready, and `marker` holds."""
    token = secrets.token_hex(8)
    pane = attempt.pin.pane
    looked_at = "|".join(f"#{{{name}}}" for name in _LOOKED_AT)
    ready = equal(looked_at, f"{pane}|{attempt.pin.pid}|0|0|0|0")
    then = sequence(
        *keys,
        command("set-option", "-p", "-t", pane, attempt.marker, after),
        command("display-message", "-p", f"{token} typed"),
    )
    otherwise = command("display-message", "-p", "-t", pane, f"{token} #{{{attempt.marker}}}|{looked_at}")
    blocks = await connection.join(when(both(ready, marker), then, otherwise, target=pane), deadline_s=TYPE_S)
    return _read(blocks, token, pane)


def _read(blocks: list[Block], token: str, pane: str) -> _Answer:
    for block in blocks:
        for line in block.lines:
            head, _, rest = line.partition(" ")
            if head == token and rest == "typed":
                return _Answer(typed=True)
            if head == token:
                marker, *state = rest.split("|")
                return _Answer(marker=marker, state=tuple(state))
    complaints = [block.text for block in blocks if not block.ok]
    # The first command that fails ends the list, so nothing was typed. 3.1 complains of a pane that is gone;
    # it may be another's, whose list this one joined.
    if any(complaint.endswith(f"can't find pane: {pane}") for complaint in complaints):
        return _Answer()
    return _Answer(complaint=next(iter(complaints), "tmux printed no outcome"))
