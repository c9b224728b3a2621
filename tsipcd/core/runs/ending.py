"""Ending what runs have under way, whatever it is: asked, waiting, being typed, running, or a run itself."""

from __future__ import annotations

from tsipc_client.wire.messages import RunStatus, Status, StepResult
from tsipcd.core import effects as e
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.records import time_of
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.attempts import Verdict
from tsipcd.core.runs.records import RunRecord
from tsipcd.core.runs.settling import settle
from tsipcd.core.state import State
from tsipcd.core.turn import Turn
from tsipcd.workflows.plan import Phase


class Ending:
    """Ends tasks and runs."""

    def __init__(self, state: State, deliveries: Deliveries) -> None:
        self._state = state
        self._deliveries = deliveries

    def cancel(self, turn: Turn, run: RunRecord, by: str, why: str = "", *, timed_out: bool = False) -> None:
        """End a run: what waits is taken back, what runs is stopped; its handlers come behind that."""
        phase = run.phase or Phase.FINALLY
        if run.status is RunStatus.QUEUED:
            turn.record(rf.RunFinished(turn.now, run.number, RunStatus.CANCELLED, why))
        elif not run.has_ended and (run.cancel_phase is not phase or _has_survivors(run)):
            turn.record(rf.RunCancelAsked(turn.now, run.number, by, why, phase, timed_out))

    def stop_all(self, turn: Turn, run: RunRecord) -> None:
        """End what a run to be cancelled has under way in the phase that is to end."""
        for index, record in list(run.tasks.items()):
            if record.settled is None and is_to_end(run, index):
                self.stop(turn, run, index)

    def give_up(self, turn: Turn, run: RunRecord, index: int, why: str) -> None:
        """End one task that is of no use any more."""
        record = run.tasks.get(index)
        if record is None:
            settle(turn, run, index, Verdict(StepResult.CANCELLED, why))
        elif record.settled is None and not record.unwanted:
            turn.record(rf.TaskStopped(turn.now, run.number, index, timed_out=False, reason=why))
            self.stop(turn, run, index)

    def stop(self, turn: Turn, run: RunRecord, index: int) -> None:
        """End what a task has under way; of what is being typed the outcome comes first."""
        record, step = run.tasks[index], run.plan.task(index).step
        if record.child:
            child = self._state.runs.get(record.child)
            if child is not None:
                self.cancel(turn, child, "", f"{run.id} was cancelled")
            return
        message = self._state.messages.get(record.messages[-1]) if record.messages else None
        if record.question is not None or record.retry_reason or message is None:
            settle(turn, run, index, Verdict(StepResult.CANCELLED, record.unwanted or run.reason))
        elif message.status in WAITING:
            self._deliveries.cancel(turn, message)
        elif message.status is Status.STARTED:
            started = time_of(message, Status.STARTED) or 0.0
            asked = [at for at in (run.cancel_asked_at, record.stop_asked_at) if at is not None]
            asked_s = turn.now - max(min(asked, default=turn.now), started)
            on_stop = step.on_stop
            turn.ask(e.StopStep(message.number, max(0.0, asked_s), on_stop.signal, on_stop.grace_s))

    def take_back(self, turn: Turn, run: RunRecord) -> None:
        """A run that is paused begins nothing: what only waits goes back to where it was."""
        for record in list(run.tasks.values()):
            message = self._state.messages.get(record.messages[-1]) if record.messages else None
            if record.settled is None and message is not None and message.status in WAITING:
                self._deliveries.cancel(turn, message)


def is_to_end(run: RunRecord, index: int) -> bool:
    """Whether a task under way is to be stopped."""
    record = run.tasks[index]
    is_cancelled = run.cancel_phase is run.plan.task(index).phase and not record.survives
    return is_cancelled or record.timed_out or bool(record.unwanted)


def _has_survivors(run: RunRecord) -> bool:
    return any(record.survives and record.settled is None for record in run.tasks.values())
