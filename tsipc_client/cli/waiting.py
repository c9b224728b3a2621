"""Waiting for a message: sent here and followed to its end, or one that was sent before.

A thread asks the daemon and waits; the main one writes what a command prints, which it reads from the
command's log itself: whoever reads slowly holds up nobody. Ctrl-C is for the command if it is followed live,
else it ends the waiting only.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import replace

from tsipc_client.asking import expect, keyed
from tsipc_client.cli import deliver, screen
from tsipc_client.cli.orders import DEFAULT_TIMEOUT_S, Options
from tsipc_client.cli.statuses import ExitStatus, status_of_message
from tsipc_client.launch import open_plain
from tsipc_client.render.style import STATUS_TONES, line
from tsipc_client.wire.address import state_path
from tsipc_client.wire.errors import Refused, TimedOut, WireError
from tsipc_client.wire.messages import Cancel, Milestone, Progress, Result, Send, Sent, Status, Wait, Waited
from tsipc_client.wire.printed import Printed

SHORT_S, LONG_S = 0.02, 0.1
"""Between two looks at a log: while something comes, and while nothing does."""

READ_BYTES = 1 << 16


def send(request: Send, options: Options, *, until: Milestone, live: bool = False) -> int:
    """Send it, and wait until it has come there; `live`: write what it prints as it comes, pass Ctrl-C on."""
    request = expect(Send, keyed(request))
    began = time.monotonic()
    is_stopped = False
    try:
        try:
            sent = _sent(request, options)
        except KeyboardInterrupt:
            if not live:
                raise
            is_stopped = True
            # Whether it was accepted is not known: the same key again tells its id.
            sent = _sent(request, options)
            _stop(sent.id, options)
    except WireError as error:
        if not request.capture:
            raise
        deliver.report(error, json=options.json)
        return ExitStatus.NO_STATUS
    if options.timeout_s is not None:
        options = replace(options, timeout_s=max(0.0, options.timeout_s - (time.monotonic() - began)))
    waiter = Waiter(sent.id, until, options)
    waiter.note(sent.status, sent.target, sent.reason)
    return _Following(waiter, options, live=live, is_stopped=is_stopped, is_captured=request.capture).run()


def wait(message: str, options: Options, *, until: Milestone) -> int:
    """Wait for a message that was sent before."""
    return _Following(Waiter(message, until, options), options).run()


class Waiter(threading.Thread):
    """Asks the daemon; `stirred` is set whenever there is news, and when it is over."""

    def __init__(self, message: str, until: Milestone, options: Options) -> None:
        super().__init__(name="wait", daemon=True)
        self.message = message
        self.stirred = threading.Event()
        self.outcome: Waited | WireError | None = None
        self.is_over = False
        self.log = ""
        """The path of what it prints, once there is one."""
        self.status = ""
        """What is known of it, for people."""
        self.until = until
        self._request = Wait(id=message, until=until)
        self._options = options

    def run(self) -> None:
        """The thread's work."""
        try:
            with deliver.connect(self._options) as daemon:
                self.outcome = expect(Waited, daemon.call(self._request, self._take))
        except WireError as error:
            self.outcome = error
        finally:
            self.is_over = True
            self.stirred.set()

    def note(self, status: Status, target: str, reason: str) -> None:
        """Say once for each reason what it waits for."""
        told = f"{status}: {reason}" if reason else str(status)
        if told != self.status and status is Status.HELD and not self._options.json:
            style = screen.style_of(sys.stderr).uncut
            screen.tell(
                [line(style, (status, STATUS_TONES[status]), f": {self.message} → {target}: {reason}")]
            )
        self.status = told

    def _take(self, news: Progress) -> None:
        step = news.step
        if step.status is not None:
            self.note(step.status, step.session, step.reason)
        self.message = step.id
        if step.log:
            self.log = f"{state_path()}/{step.log}"
        self.stirred.set()


class _Following:
    """The main thread's part: writes, takes Ctrl-C, and says in the end what came of it."""

    def __init__(
        self,
        waiter: Waiter,
        options: Options,
        *,
        live: bool = False,
        is_stopped: bool = False,
        is_captured: bool = False,
    ) -> None:
        self._waiter = waiter
        self._options = options
        self._live = live and not options.json
        self._passes_on = live
        self._is_stopped = is_stopped
        """Whether the command was asked to end."""
        self._is_captured = is_captured
        self._until = waiter.until
        self._output = Output(0, _number(waiter.message))

    def run(self) -> int:
        self._waiter.start()
        while True:
            try:
                self._follow()
                break
            except KeyboardInterrupt:
                if not self._passes_on or self._is_stopped:
                    return self._left()
                self._is_stopped = True
                _stop(self._waiter.message, self._options)
            except BrokenPipeError:
                if self._passes_on:
                    _stop(self._waiter.message, self._options)
                raise
        outcome = self._waiter.outcome
        if isinstance(outcome, Waited):
            return self._ended(outcome)
        if isinstance(outcome, TimedOut):
            return self._over()
        if outcome is None:
            raise RuntimeError("the thread that waits failed")
        if not self._is_captured:
            raise outcome
        deliver.report(outcome, json=self._options.json)
        self._say_that_it_goes_on()
        return ExitStatus.NO_STATUS

    def _follow(self) -> None:
        pause_s = SHORT_S
        while not self._waiter.is_over:
            is_watched = self._live and self._waiter.log
            self._waiter.stirred.wait(pause_s if is_watched else None)
            self._waiter.stirred.clear()
            if self._live and self._waiter.log:
                pause_s = SHORT_S if self._output.grew(self._waiter.log) else LONG_S

    def _ended(self, waited: Waited) -> int:
        is_captured = self._until is Milestone.DONE and (self._is_captured or bool(waited.log))
        if self._options.json:
            screen.put([deliver.json_of(waited)])
        elif self._until is Milestone.ANSWERED and waited.status is Status.DONE:
            style = screen.style_of(sys.stdout)
            screen.put(
                line(style.uncut, text) if style.terminal else text for text in waited.answer.split("\n")
            )
            return ExitStatus.OK
        elif is_captured and waited.log:
            self._output.complete(f"{state_path()}/{waited.log}")
        if waited.exit_code is not None:
            return waited.exit_code
        if self._is_stopped:
            return ExitStatus.CTRL_C
        status = ExitStatus.NO_STATUS if is_captured else status_of_message(waited.status)
        if status is not ExitStatus.OK:
            self._tell_why(waited)
        elif not self._options.json:
            screen.put([waited.id])
        return status

    def _tell_why(self, waited: Waited) -> None:
        if self._options.json:
            return
        style = screen.style_of(sys.stderr).uncut
        why = f": {waited.reason}" if waited.reason else ""
        screen.tell(
            [
                line(style, f"ts-ipc: {waited.id} is ", (waited.status, STATUS_TONES[waited.status]), why),
                f"  its story: ts-ipc show {waited.id}",
            ]
        )

    def _over(self) -> int:
        message = self._waiter.message
        style = screen.style_of(sys.stderr).uncut
        state = self._waiter.status or "under way"
        screen.tell([line(style, f"ts-ipc: the time to wait is over; {message} is {state}, and goes on")])
        self._say_that_it_goes_on()
        return ExitStatus.WAIT_OVER

    def _left(self) -> int:
        screen.tell(["", f"ts-ipc: no longer waiting; {self._waiter.message} goes on"])
        self._say_that_it_goes_on()
        return ExitStatus.CTRL_C

    def _say_that_it_goes_on(self) -> None:
        message = self._waiter.message
        screen.tell([f"  wait on: ts-ipc wait {message}    take it back: ts-ipc cancel {message}"])


class Output:
    """What a step or captured command prints, to our stdout; as much as its log has."""

    def __init__(self, run: int, index: int) -> None:
        """See `Printed`."""
        terminal = screen.is_terminal(sys.stdout)
        colour = screen.is_coloured(terminal=terminal)
        self._printed = Printed(run, index, terminal=terminal, colour=colour)
        self._log = -1

    def grew(self, path: str) -> bool:
        """Write what has come; whether something has."""
        if self._log < 0:
            try:
                self._log = open_plain(path, os.O_RDONLY)
            except OSError:
                return False  # it has a log in a moment, or had one long ago
        raw = os.read(self._log, READ_BYTES)
        _write(self._printed.feed(raw))
        return bool(raw)

    def complete(self, path: str) -> None:
        """Write the rest of a log to which nothing is added any more."""
        while self._log >= 0 and self.grew(path):
            if self._printed.has_ended:
                break
        if not self._printed.has_ended:
            # The log is cut now: it begins where the output does, and ends with it.
            self._printed.drop()
            try:
                self._log = open_plain(path, os.O_RDONLY)
            except OSError as error:
                screen.tell([f"ts-ipc: what it printed cannot be read: {path}: {error.strerror}"])
            else:
                os.lseek(self._log, self._printed.shown_bytes, os.SEEK_SET)
                while raw := os.read(self._log, READ_BYTES):
                    _write(self._printed.take(raw))
        _write(self._printed.finish())


def _number(message: str) -> int:
    digits = message.removeprefix("msg-")
    return int(digits) if digits.isdecimal() else 0


def _sent(request: Send, options: Options) -> Sent:
    return expect(Sent, _asked(request, options))


def _stop(message: str, options: Options) -> None:
    """Take it back, or end it; that it has ended meanwhile is told to who waits for it."""
    try:
        _asked(Cancel(id=message), options)
    except Refused:
        return


def _asked(request: Send | Cancel, options: Options) -> Result:
    if options.timeout_s is None:
        options = replace(options, timeout_s=DEFAULT_TIMEOUT_S)
    with deliver.connect(options) as daemon:
        return daemon.call(request)


def _write(text: str) -> None:
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()
