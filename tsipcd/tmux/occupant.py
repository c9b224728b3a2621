"""The occupant gate: whether a pane may be typed into now, why not, and when that changes.

It types nothing. What is looked at, in this order; the first that speaks against it is the reason:

1. the pane: dead, input off, in a mode. Not to be overridden.
2. who is in the foreground of its terminal, and whether that program reads a line now.
3. whether a person has typed something that is not entered.
4. whether the terminal can take a line as long as the message's. Not to be overridden.

`now` skips 2 and 3. For a step the program must be a shell whose scripts we can write.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tsipcd.core.effects import Inspect
from tsipcd.core.inputs import Input, Inspected, Verdict
from tsipcd.core.topology import PanePin
from tsipcd.tmux import tty
from tsipcd.tmux.alarm import Alarm
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.control import Notification
from tsipcd.tmux.programs import Kind, Occupant, identify
from tsipcd.tmux.screen import Line, composer_text, read_line
from tsipcd.tmux.sight import Sight, look

TYPING_S = 3.0
"""A key press this long ago may belong to a line under way: at least 2 s, as tmux counts whole ones."""

LADDER_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Between two looks while nothing happens; from the start again when something did."""

SETTLE_S = 0.001
SETTLE_LOOKS = 5
"""A shell that is just taking in what was typed looks as at its prompt for some 0.1 ms: look again."""

TAKEN_IN_S = 0.5
"""A shell that shows the screen on which the last line was typed has not taken that in yet, for so long."""

NO_PROMPT_S = 0.05
"""For so long after a line was typed, a shell that shows no prompt is rather about to run it."""

MAX_SETTLE_S = 0.02
"""Between two such looks at most."""

WORTH_A_LOOK = frozenset(
    {"pane-mode-changed", "window-pane-changed", "window-close", "unlinked-window-close"}
    | {"session-window-changed", "session-changed", "session-renamed", "sessions-changed"}
    | {"client-session-changed", "client-detached"}
)
"""Notifications of tmux after which a place may look different."""

MAX_PANES = 1024
MAX_PROMPTS = 4
"""Remembered per pane, the latest ones."""

_FISH_READ = "read>"
_CHOICE = re.compile(r"\d+[.)]")
_PLACEHOLDER = re.compile(r'(?:Try|Ask|Type) ["\w]')


@dataclass(slots=True)
class _Pane:
    """What is kept of a pane between two messages."""

    prompts: tuple[str, ...] = ()
    """Seen alone, the latest last."""
    opened: int | None = None
    """A hash of the screen on which the gate last opened."""
    typed: float = -math.inf
    """When the last line was typed, as `time.monotonic` says, and as people do."""
    typed_at: float = 0.0


class Occupants:
    """The gate for all panes. One call of `inspect` per message that waits."""

    def __init__(
        self,
        emit: Callable[[Input], None],
        *,
        quiet_s: float = TYPING_S,
        type_into: Iterable[str] = (),
    ) -> None:
        """`type_into` names programs that take commands besides those known; `quiet_s`: see the settings."""
        self._emit = emit
        self._quiet_s = quiet_s
        self._type_into = frozenset(type_into)
        self._panes: OrderedDict[PanePin, _Pane] = OrderedDict()

    async def inspect(self, effect: Inspect, connection: Connection) -> None:
        """Emit `Inspected` at once and on each change; return after `ready` or `gone`. Raises `TmuxError`."""
        last: Inspected | None = None
        rung = 0
        with Alarm() as alarm, _listening(connection, alarm):
            while True:
                alarm.clear()
                sight, answer = await self._look(effect, connection)
                if answer != last:
                    self._emit(answer)
                    rung = 0
                if sight is None or answer.verdict is not Verdict.WAIT:
                    return
                last = answer
                if sight.process is not None:
                    alarm.follow(sight.process.pid)
                if await alarm.wait(LADDER_S[rung]):
                    rung = 0
                    # A storm of notifications makes no storm of looks.
                    await asyncio.sleep(LADDER_S[0])
                else:
                    rung = min(rung + 1, len(LADDER_S) - 1)

    def forget(self, number: int) -> None:
        """Nothing is kept of a message."""

    def typed(self, pin: PanePin) -> None:
        """A line was typed there, or may have been: before the next one it is to be taken in."""
        pane = self._pane(pin)
        pane.typed, pane.typed_at = time.monotonic(), time.time()

    async def _look(self, effect: Inspect, connection: Connection) -> tuple[Sight | None, Inspected]:
        looks = 1 if effect.now else SETTLE_LOOKS
        pause = SETTLE_S
        while True:
            sight = await look(connection, effect.place)
            if sight is None:
                reason = f"no session {effect.place.session} there any more"
                return None, Inspected(effect.number, Verdict.GONE, reason, place=effect.place)
            answer, line = self._judge(effect, sight)
            looks -= 1
            if not effect.now and answer.verdict is Verdict.READY and not self._is_taken_in(sight, line):
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_SETTLE_S)
                continue
            if not looks or _is_settled(sight, answer):
                if answer.verdict is Verdict.READY:
                    self._pane(sight.pin).opened = _face(sight)
                return sight, answer
            await asyncio.sleep(SETTLE_S)

    def _is_taken_in(self, sight: Sight, line: Line) -> bool:
        """Whether the line typed last has had its effect on the screen.

        Until it has, its reader looks as at its prompt: neither tmux nor the kernel tell of keys under way.
        """
        pane = self._pane(sight.pin)
        since_s = time.monotonic() - pane.typed
        if since_s > TAKEN_IN_S:
            return True
        if pane.opened is None or pane.opened == _face(sight):
            return False
        return line is Line.EMPTY or since_s > NO_PROMPT_S

    def _judge(self, effect: Inspect, sight: Sight) -> tuple[Inspected, Line]:
        pane = self._pane(sight.pin)
        occupant = self._identify(sight)
        line = Line.EMPTY
        reason = _pane_reason(sight)
        if not reason and not (effect.now and not effect.step):
            line, before = read_line(
                sight.screen,
                pane.prompts,
                console=occupant.shell is None,
                untouched=_is_untouched(occupant, sight, pane.typed_at),
            )
            if line is Line.EMPTY:
                others = tuple(prompt for prompt in pane.prompts if prompt != before)
                pane.prompts = (*others[1 - MAX_PROMPTS :], before)
            reason = (
                (_step_reason(occupant, sight) if effect.step else "")
                or _program_reason(occupant, sight, line, before)
                or _person_reason(occupant, sight, line, typing=self._is_recent(sight.activity))
            )
        reason = reason or _line_reason(occupant, sight, effect.line_bytes)
        if occupant.kind is Kind.AGENT:
            # It draws no line that ends at the cursor.
            line = Line.EMPTY
        if reason:
            return Inspected(effect.number, Verdict.WAIT, reason, sight.pin), line
        shell = _shell_at_prompt(occupant, sight)
        return Inspected(effect.number, Verdict.READY, "", sight.pin, shell), line

    def _is_recent(self, second: float) -> bool:
        # Later than now: the clock was set back since.
        return -1.0 <= time.time() - second < self._quiet_s

    def _identify(self, sight: Sight) -> Occupant:
        if sight.process is None:
            return Occupant("an unknown program")
        occupant = identify(sight.process)
        is_unknown = occupant.shell is None and occupant.kind is None
        if is_unknown and self._type_into.intersection((occupant.name, sight.process.name)):
            return Occupant(occupant.name, kind=Kind.CONSOLE)
        return occupant

    def _pane(self, pin: PanePin) -> _Pane:
        pane = self._panes.pop(pin, None) or _Pane()
        self._panes[pin] = pane
        if len(self._panes) > MAX_PANES:
            self._panes.popitem(last=False)
        return pane


@contextmanager
def _listening(connection: Connection, alarm: Alarm) -> Iterator[None]:
    """Ring when tmux tells of something after which the place may look different."""

    def on_notification(notification: Notification) -> None:
        if notification.name in WORTH_A_LOOK:
            alarm.ring()

    stop = connection.listen(on_notification)
    try:
        yield
    finally:
        stop()


def _face(sight: Sight) -> int:
    """The same for what looks the same, and has scrolled as far."""
    return hash((sight.screen, sight.history))


def _is_untouched(occupant: Occupant, sight: Sight, typed_at: float) -> bool:
    """Whether a shell that prints prompts without looking at its line has been left alone by people.

    Since the last line was typed, by tmux's clock of whole seconds, or as long as the session has lived.
    """
    is_plain = occupant.shell is not None and not occupant.shell.edits
    return is_plain and (not sight.touched or sight.touched < int(typed_at))


def _is_settled(sight: Sight, answer: Inspected) -> bool:
    """Whether what was seen will still be true in a moment: nobody is about to read or to run something."""
    if sight.line_mode is not None and sight.line_mode.unread_bytes:
        return False
    return answer.verdict is not Verdict.READY or sight.process is None or not sight.process.runs


def _pane_reason(sight: Sight) -> str:
    if sight.dead:
        return "pane is dead"
    if sight.input_off:
        return "input is off"
    if sight.synchronized:
        return "synchronize-panes is on"
    return sight.mode.replace("-", " ")


def _line_reason(occupant: Occupant, sight: Sight, size: int) -> str:
    """A terminal in line mode drops what is beyond its limit, not the Enter: half a command would run."""
    if size > tty.MAX_LINE_BYTES and sight.line_mode is not None and sight.line_mode.canonical:
        return f"a line of {size} bytes, {occupant.name} takes {tty.MAX_LINE_BYTES}"
    return ""


def _step_reason(occupant: Occupant, sight: Sight) -> str:
    if occupant.shell is None:
        # A program that will end, and leave a shell behind, is only busy.
        return f"no supported shell: {occupant.name}" if occupant.kind is not None else ""
    if occupant.shell.dialect is None:
        return f"no supported shell: {occupant.name}"
    if sight.process is not None and sight.process.uid not in (None, 0, os.getuid()):
        return f"a shell of another user: {occupant.name}"
    return ""


def _program_reason(occupant: Occupant, sight: Sight, line: Line, before: str) -> str:
    mode = sight.line_mode
    if mode is None:
        return "its terminal cannot be read"
    if occupant.shell is not None:
        if occupant.shell.name == "fish" and before.strip() == _FISH_READ:
            return "busy: fish"
        if _is_at_prompt(occupant, sight, line, before):
            return ""
    elif sight.alternate and occupant.kind is not Kind.AGENT:
        return f"full-screen program: {occupant.name}"
    elif occupant.kind is not None and not mode.canonical:
        # What is behind a second terminal shows only by its prompt; a question (`Password:`) is none.
        elsewhere = occupant.kind is Kind.REMOTE
        return f"busy: {occupant.name}" if elsewhere and not _shows_prompt(line, before) else ""
    if mode.canonical and not mode.echo:
        return "reading a password"
    return f"busy: {occupant.name}"


def _is_at_prompt(occupant: Occupant, sight: Sight, line: Line, before: str) -> bool:
    mode, shell = sight.line_mode, occupant.shell
    if mode is None or shell is None or mode.unread_bytes:
        return False
    if not mode.canonical:
        # `read -n1` reads key by key too, but shows them. A shell that reads a variable with its line
        # editor looks the same as at its prompt, but has none there.
        return not mode.echo and (shell.edits or line is not Line.BLANK)
    if shell.edits or not mode.echo or sight.process is None:
        return False
    # Without a line editor the prompt and `read` differ on the screen, and in how much they ask for: `read`
    # takes single bytes, to leave the next line to whom it belongs.
    pid = sight.process.pid
    return _shows_prompt(line, before) and tty.reads_terminal(pid) is not False and tty.asked_bytes(pid) != 1


def _shows_prompt(line: Line, before: str) -> bool:
    """Whether a prompt is there, by the screen alone; what ends with a colon is rather a question."""
    return line is Line.TYPED or (line is Line.EMPTY and not before.rstrip().endswith(":"))


def _person_reason(occupant: Occupant, sight: Sight, line: Line, *, typing: bool) -> str:
    if occupant.kind is Kind.AGENT:
        text = composer_text(sight.screen)
        if text and _CHOICE.match(text):
            return f"waits for a choice: {occupant.name}"
        return "half-typed line" if text and not _PLACEHOLDER.match(text) else ""
    if line is Line.TYPED or (line is Line.UNKNOWN and typing):
        return "half-typed line"
    return ""


def _shell_at_prompt(occupant: Occupant, sight: Sight) -> str:
    """The name of the shell that will read what is typed; a shell that is busy will, too."""
    return occupant.shell.name if occupant.shell is not None and not sight.dead else ""
