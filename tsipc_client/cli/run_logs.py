"""`ts-ipc logs`: what the steps of a run printed, from their files, also while they print it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass

from tsipc_client.asking import expect
from tsipc_client.cli import deliver, screen
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.cli.waiting import LONG_S, Output
from tsipc_client.launch import open_plain
from tsipc_client.wire.address import state_path
from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import Explain, Explained, RunEnded, StepView, Watch


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which logs, and how."""

    run: str
    step: str
    """Empty: of all."""
    attempt: int
    """0: the last."""
    follow: bool
    raw: bool


def show(wanted: Wanted, options: Options) -> int:
    """Print them; to be followed, until the step or the run has ended."""
    shown: dict[str, _Log] = {}
    with deliver.connect(options) as daemon:
        while True:
            run = expect(RunEnded, daemon.call(Watch(id=wanted.run)))
            steps = [step for step in run.steps if wanted.step in ("", *_names(step))]
            if wanted.step and (len(steps) < 2 or wanted.attempt):  # noqa: PLR2004 - one, or none of that name
                told = expect(Explained, daemon.call(Explain(id=wanted.run, step=wanted.step)))
                steps, is_over = _of_step(told, wanted), told.step.result is not None
            else:
                is_over = run.ended_at is not None or all(step.result is not None for step in steps)
                steps = [step for step in steps if step.log]
            for step in steps:
                title = f"== {step.index} {step.name} in {step.session}" if step.name else ""
                log = shown.setdefault(step.log, _Log(wanted.run, step, title, raw=wanted.raw))
                log.go_on(is_whole=step.ended_at is not None)
            if is_over or not wanted.follow:
                return ExitStatus.OK
            time.sleep(LONG_S)


def _names(step: StepView) -> tuple[str, ...]:
    """What it may be called: by its number, its name, or the id that combinations of a matrix share."""
    return str(step.index), step.name, step.name.partition(" (")[0]


def _of_step(told: Explained, wanted: Wanted) -> list[StepView]:
    step = told.step
    if wanted.attempt:
        earlier = next((each for each in told.attempts if each.attempt == wanted.attempt), None)
        log, ended_at = (earlier.log, earlier.ended_at) if earlier is not None else ("", None)
    else:
        log, ended_at = step.log, step.ended_at
    if not log and (not wanted.follow or step.result is not None):
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"{wanted.step} of {wanted.run} has printed nothing. {told.why}",
            hint=f"more: ts-ipc explain {wanted.run} {wanted.step}",
        )
    view = StepView(
        index=step.index, session=step.session, command="", status=step.status, log=log, ended_at=ended_at
    )
    return [view] if log else []


class _Log:
    """One step's log on stdout, as far as it goes."""

    def __init__(self, run: str, step: StepView, title: str, *, raw: bool) -> None:
        number = run.removeprefix("run-")
        self._path = f"{state_path()}/{step.log}"
        self._output = Output(int(number) if number.isdecimal() else 0, step.index)
        self._title = title
        self._raw = raw
        self._is_whole = False

    def go_on(self, *, is_whole: bool) -> None:
        """Write what came since; of one that is whole the rest."""
        if self._is_whole or (self._raw and not is_whole):
            return
        if self._title:
            screen.tell([self._title])
            self._title = ""
        if self._raw:
            self._copy()
        elif is_whole:
            self._output.complete(self._path)
        else:
            while self._output.grew(self._path):
                pass
        self._is_whole = is_whole

    def _copy(self) -> None:
        try:
            with open(open_plain(self._path, os.O_RDONLY), "rb") as log:  # noqa: PTH123 (a descriptor)
                shutil.copyfileobj(log, sys.stdout.buffer)
        except OSError as error:
            screen.tell([f"ts-ipc: what it printed cannot be read: {self._path}: {error.strerror}"])
        sys.stdout.buffer.flush()
