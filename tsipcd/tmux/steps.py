"""Workflow steps: a script sourced in the pane's own shell, its output captured, its end found out.

A step leaves these files, so that a daemon that restarts can take it up (`N` is the run, `I` the step):

    runs/run-N/I.log        what it printed; while it runs, with the typed line and the markers around it
    runs/run-N/I/step, ...  the script, see `scripts`
    runs/run-N/I/claim      the shell's pid; there once the script has begun
    runs/run-N/I/status     the exit status
    runs/run-N/I/output     what it leaves for others, see `outputs`
    runs/run-N/I/pipe       see `capture`

A later attempt has others, `I-attempt-2` in place of `I`; so has one that was begun anew, since nobody knows
whether it ran: `I-again-1`. Those of a captured message by itself are in `runs/msg-N`, as `1`.

It ends with its status file; or when its shell or pane dies; or when the shell is back at its prompt without
a status, after Ctrl-C for example. The output is complete when the end marker has come through the pipe.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tsipc_client.wire.printed import begin_marker, end_marker
from tsipcd.core.effects import AdoptStep, StartStep, StopStep, step_folder
from tsipcd.core.inputs import Input, Outcome, StepEnded, StepPrinted, Typed
from tsipcd.core.topology import PanePin
from tsipcd.tmux import outputs, scripts, transcript, tty
from tsipcd.tmux.alarm import Alarm
from tsipcd.tmux.capture import Capture
from tsipcd.tmux.changes import Changes
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.files import make_folder, open_plain, read_word
from tsipcd.tmux.keys import TypeLine
from tsipcd.tmux.programs import identify
from tsipcd.tmux.spares import PARTIAL, Spares
from tsipcd.tmux.stopping import Stopping
from tsipcd.workflows.shell_text import shell_text

PIPE = "pipe"

QUIET_S = 0.08
"""After output was heard of: a shell that came back without a status has drawn its prompt by then."""
LOOK_S = 1.0
"""Between two looks at a step from which nothing is heard."""
PRINT_S = 0.1
"""Between two reports of what a step prints."""
MARKER_S = 2.0
"""How long the end marker may take through tmux and its pipe once the status is there."""
BEGIN_S = 10.0
"""How long a shell at its prompt may take to read the line that was typed."""
DRAIN_S = 0.5
"""How long the pipe of a dead pane may take to write its rest."""
BIG_BYTES = 1 << 20
"""A log of this size is cut in a thread."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class _Step:
    """One step under way."""

    number: int
    pin: PanePin
    run: int
    index: int
    folder: Path
    capture: Capture
    alarm: Alarm
    followed_at: float = 0.0
    printed: str = ""
    printed_at: float = 0.0

    @property
    def log(self) -> Path:
        return log_path(self.folder)

    @property
    def begin(self) -> bytes:
        return begin_marker(self.run, self.index)

    @property
    def end(self) -> bytes:
        return end_marker(self.run, self.index)

    @property
    def status(self) -> int | None:
        """The exit status, once it is complete."""
        return scripts.exit_code_in(read_word(self.folder / scripts.STATUS))

    @property
    def shell(self) -> int:
        """The pid of the shell that runs it; 0: the script has not begun."""
        text = read_word(self.folder / scripts.CLAIM).strip()
        return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class _End:
    """How a step ended."""

    code: int | None
    reason: str = ""


class Steps:
    """Starts and follows steps. Their files are below `folder`, the state folder's `runs`."""

    def __init__(self, folder: Path, emit: Callable[[Input], None]) -> None:
        if _CONTROL.search(str(folder)):
            raise ValueError(f"the state folder's path holds control characters: {str(folder)!r}")
        self._folder = folder
        self._emit = emit
        self._changes = Changes()
        self._spares = Spares(folder, (scripts.STEP, scripts.COMMAND, PIPE))
        self._stopping: dict[int, Stopping] = {}
        """By message: the steps that are to end."""
        self._alarms: dict[int, Alarm] = {}
        """Of the steps that are followed."""

    async def start(self, effect: StartStep, connection: Connection, type_line: TypeLine) -> None:
        """Emit `Typed`, then `StepPrinted` as it prints, and `StepEnded`. Raises `TmuxError`."""
        self._stopping.pop(effect.number, None)
        with Alarm() as alarm:
            step = self._step(effect, connection, alarm)
            try:
                files = scripts.script_files(
                    effect.shell, step.folder, effect.run, effect.index, _text(effect),
                    environment=effect.environment,
                )  # fmt: skip
                self._prepare(step, files)
            except (OSError, ValueError) as exc:
                reason = f"cannot write the step's script: {exc}"
                self._emit(Typed(effect.number, effect.attempt, Outcome.REFUSED, reason))
                return
            with self._changes.watch(step.folder, step.log, alarm):
                # Not one after the other: tmux takes them in this order.
                opened, typed = await asyncio.gather(
                    step.capture.open(),
                    type_line(scripts.typed_line(effect.shell, step.folder)),
                    return_exceptions=True,
                )
                if isinstance(typed, BaseException):
                    raise typed
                self._emit(typed)
                self._spares.refill()
                if typed.outcome in (Outcome.TYPED, Outcome.ALREADY):
                    if opened is not None:
                        raise opened
                    await self._follow(step)
                elif typed.outcome is Outcome.REFUSED:
                    await step.capture.close()

    async def adopt(self, effect: AdoptStep, connection: Connection) -> None:
        """Follow a step that was typed before: emit `StepPrinted` and `StepEnded`. Raises `TmuxError`."""
        with Alarm() as alarm:
            step = self._step(effect, connection, alarm)
            if not (step.folder.is_dir() and step.log.is_file()):
                self._emit(StepEnded(step.number, None, f"the files in {step.folder} are gone"))
                return
            with self._changes.watch(step.folder, step.log, alarm):
                await step.capture.find()
                await self._follow(step)

    def stop(self, effect: StopStep) -> None:
        """End the command of a step that is followed, or soon will be; see `stopping`."""
        now = asyncio.get_running_loop().time()
        first = signal.Signals[effect.signal]
        self._stopping[effect.number] = Stopping(now, effect.asked_s, first, effect.grace_s)
        if effect.number in self._alarms:
            self._alarms[effect.number].ring()

    def _prepare(self, step: _Step, files: dict[str, str]) -> None:
        for folder in (step.folder.parent.parent, step.folder.parent):
            make_folder(folder)
        self._spares.place(step.folder, step.log)
        make_folder(step.folder)
        for name, text in files.items():
            _write(step.folder / name, text, os.O_TRUNC)
        # Made here for their mode; an earlier submission may have made them already.
        _write(step.folder / PIPE, "", 0)
        _write(step.log, "", 0)

    def _step(self, effect: StartStep | AdoptStep, connection: Connection, alarm: Alarm) -> _Step:
        folder = self._folder / step_folder(effect.run, effect.index, effect.again, effect.retry)
        capture = Capture(connection, effect.pin, log_path(folder), folder / PIPE)
        return _Step(effect.number, effect.pin, effect.run, effect.index, folder, capture, alarm)

    async def _follow(self, step: _Step) -> None:
        self._alarms[step.number] = step.alarm
        try:
            end = await self._await_end(step)
        finally:
            del self._alarms[step.number]
        await self._finish(step, end)
        self._stopping.pop(step.number, None)

    async def _await_end(self, step: _Step) -> _End:
        loop = asyncio.get_running_loop()
        step.followed_at = looked_at = loop.time()
        step.alarm.follow(step.pin.pid)
        # It may end before its claim is read, and take along with what it ended.
        if (reader := tty.foreground_of(step.pin.pid)) is not None:
            step.alarm.follow(reader.pid)
        pause_s = QUIET_S
        while True:
            step.alarm.clear()
            if (end := _end_of(step)) is not None:
                return end
            self._report(step, loop.time())
            stopping = self._stopping.get(step.number)
            rang = await step.alarm.wait(pause_s if stopping is None else QUIET_S)
            pause_s = QUIET_S if rang else LOOK_S
            if rang and stopping is None and loop.time() - looked_at < LOOK_S:
                continue
            looked_at = loop.time()
            if _is_back_at_prompt(step, looked_at):
                # It may have finished between the two looks.
                return _end_of(step) or _End(None, _came_back(step))
            if stopping is not None and step.shell:
                group = tty.foreground_group(step.pin.pid)
                # The group was read before: it is the step's, if that has not ended now.
                if (end := _end_of(step)) is not None:
                    return end
                stopping.send(loop.time(), group, step.shell)
            if stopping is not None and stopping.is_over(loop.time()):
                return _End(None, STILL_RUNS)

    def _report(self, step: _Step, now: float) -> None:
        """Tell the last line that it printed, if it is another one and not too soon."""
        if step.capture.is_piped and now - step.printed_at >= PRINT_S:
            line = transcript.last_line(step.log, step.begin)
            if line and line != step.printed:
                step.printed, step.printed_at = line, now
                self._emit(StepPrinted(step.number, line))

    async def _finish(self, step: _Step, end: _End) -> None:
        """Complete the log, then tell the end."""
        if not step.capture.is_piped:
            if end.reason != PANE_DIED:
                _write(step.log, await step.capture.read_screen(), os.O_TRUNC)
        else:
            whole = end.code is not None
            is_complete = whole and not end.reason and await _await_end_marker(step)
            if step.alarm.has_ended(step.pin.pid):
                await _await_drained(step)
                await _cut(step, whole=whole)
            elif is_complete:
                # What comes behind the marker is left out: not to be waited for.
                await asyncio.gather(step.capture.close(), _cut(step, whole=whole))
            else:
                await step.capture.close()
                await _cut(step, whole=whole)
            self._report_rest(step)
        found, fault = outputs.read(step.folder / scripts.OUTPUT) if end.code is not None else ((), "")
        self._emit(StepEnded(step.number, end.code, end.reason, found, fault))

    def _report_rest(self, step: _Step) -> None:
        line = transcript.last_line(step.log)
        if line and line != step.printed:
            self._emit(StepPrinted(step.number, line))


PANE_DIED = "pane died"
STILL_RUNS = "it could not be stopped, and still runs"


def log_path(folder: Path) -> Path:
    """Where the step with this folder of files leaves what it printed."""
    return folder.with_name(f"{folder.name}.log")


def _text(effect: StartStep) -> str:
    """The command as its shell is to read it. Raises `ValueError`."""
    if effect.literal:
        return effect.command
    return shell_text(effect.command)[0]


def _write(path: Path, text: str, flags: int) -> None:
    descriptor = open_plain(path, os.O_WRONLY | os.O_CREAT | flags)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)


def _end_of(step: _Step) -> _End | None:
    """How it ended; None: as far as files and processes tell, it runs."""
    shell = step.shell
    if shell:
        step.alarm.follow(shell)
    pane_died = step.alarm.has_ended(step.pin.pid)
    shell_ended = shell > 0 and step.alarm.has_ended(shell)
    # Read behind the processes: what they left is complete once they are gone.
    if (code := step.status) is not None:
        return _End(code)
    if shell_ended:
        code = step.alarm.exit_code_of(shell)
        # A shell that hangs up with its pane may say 0; that is no success.
        if code is not None and code > 0:
            return _End(code, f"the shell exited with {code}")
    if pane_died:
        return _End(None, PANE_DIED)
    return _End(None, "the shell exited") if shell_ended else None


def _is_back_at_prompt(step: _Step, now: float) -> bool:
    """Whether the step's shell reads commands again, so that nothing of the script is left to run."""
    mode = tty.line_mode(step.capture.terminal)
    process = tty.foreground_of(step.pin.pid)
    if mode is None or process is None or mode.unread_bytes or process.runs:
        return False
    if step.shell != process.pid and (step.shell or now - step.followed_at < BEGIN_S):
        return False
    shell = identify(process).shell
    # Shells read a variable as they read a command; but most hold the script open until it is done.
    if shell is None or tty.has_open(process.pid, step.folder):
        return False
    if mode.canonical:
        return not shell.edits and mode.echo and tty.reads_terminal(process.pid) is True
    return not mode.echo


def _came_back(step: _Step) -> str:
    if step.shell:
        return "the shell came back to its prompt without a status (interrupted?)"
    return "the shell did not run the line that was typed"


async def _await_end_marker(step: _Step) -> bool:
    """Whether it came."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + MARKER_S
    step.alarm.is_eager = True
    scanned = 0
    while not step.alarm.has_ended(step.pin.pid) and loop.time() < deadline:
        step.alarm.clear()
        has_ended = step.capture.has_ended
        size = step.log.stat().st_size
        if transcript.find_marker(step.log, step.end, scanned) is not None:
            return True
        if has_ended:
            return False
        scanned = max(0, size - len(step.end))
        await step.alarm.wait(deadline - loop.time())
    return False


async def _await_drained(step: _Step) -> None:
    cat = step.capture.cat
    deadline = asyncio.get_running_loop().time() + DRAIN_S
    while cat and not step.alarm.has_ended(cat) and asyncio.get_running_loop().time() < deadline:
        step.alarm.clear()
        step.alarm.follow(cat)
        await step.alarm.wait(QUIET_S)


async def _cut(step: _Step, *, whole: bool) -> None:
    cut = partial(transcript.cut, step.log, step.begin, step.end, whole=whole, spare=step.folder / PARTIAL)
    if step.log.stat().st_size < BIG_BYTES:
        cut()
    else:
        await asyncio.to_thread(cut)
