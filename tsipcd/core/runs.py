"""Workflow runs: one step after the other, each a message, until the last is done or one is not.

A run moves only because the message of its current step moved: `follow_along` is called after every turn with
the facts it recorded. One that is to be cancelled ends with its step, however that ends. Whoever follows a
run is told of each change, and answered when it ends.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire import messages as m
from tsipc_client.wire.messages import MessageType, Progress, RunEnded, RunStatus, Status, StepView
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.names import Absent, World, absent_reason
from tsipcd.core.records import Message, RunRecord, StepEnd, time_of
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

RUN_STATUS: Final = {
    Status.EXPIRED: RunStatus.FAILURE,
    Status.CANCELLED: RunStatus.CANCELLED,
    Status.IN_DOUBT: RunStatus.INTERRUPTED,
}
"""What becomes of a run whose step ended in one of these."""

MAX_LISTED: Final = 500
"""Runs in one answer; more would not fit into a frame."""

_OF_RUNS: Final = (f.RunCancelAsked, f.RunFinished)
"""Facts whose number is a run's."""


class Runs:
    """The volatile side of runs: who follows which, and what each last printed."""

    def __init__(self, state: State, world: World, deliveries: Deliveries) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._followers: dict[int, list[i.Call]] = {}
        self._last_lines: dict[int, str] = {}
        """By message."""

    def restore(self, turn: Turn, ttl_s: float) -> None:
        """Go on with runs whose last step's end was recorded, but not what followed from it."""
        for run in list(self._state.runs.values()):
            if not run.has_ended:
                self._go_on(turn, run, ttl_s)
            if run.status is RunStatus.CANCELLING:
                self._stop_step(turn, run)

    def follow_along(self, turn: Turn, ttl_s: float) -> None:
        """Look at each fact of this turn, those that this adds included, and move the runs they concern."""
        at = 0
        while at < len(turn.facts):
            fact = turn.facts[at]
            at += 1
            if isinstance(fact, f.RunStarted):
                self._go_on(turn, self._state.runs[fact.number], ttl_s)
                continue
            message = self._state.messages.get(getattr(fact, "number", 0))
            if message is None or not message.run or isinstance(fact, _OF_RUNS):
                continue
            run = self._state.runs.get(message.run)
            if run is not None and not run.has_ended:
                self._tell(turn, run, message.step)
                self._go_on(turn, run, ttl_s)
                if run.status is RunStatus.CANCELLING and isinstance(fact, f.StepStarted | f.MessageHeld):
                    self._stop_step(turn, run)

    def printed(self, turn: Turn, answer: i.StepPrinted) -> None:
        """A step printed: whoever follows sees its last line."""
        message = self._state.messages.get(answer.number)
        if message is not None and message.run and message.status is Status.STARTED:
            self._last_lines[message.number] = answer.line
            self._tell(turn, self._state.runs[message.run], message.step)

    def attach(self, turn: Turn, call: i.Call, number: int, *, follow: bool) -> None:
        """Answer `call` when the run ends, and tell it of all that happens until then."""
        run = self._state.runs.get(number)
        if run is None or not follow or run.has_ended:
            turn.ask(e.Reply(call, self._ended(run, number)))
            return
        self._followers.setdefault(number, []).append(call)
        for message in run.messages:
            turn.ask(e.Tell(call, self._progress(run, self._state.messages[message].step)))

    def cancel(self, turn: Turn, run: RunRecord, by: str) -> None:
        """End a run: take back the step that waits, or stop the one that runs. Once is enough."""
        if run.status is RunStatus.RUNNING:
            turn.record(f.RunCancelAsked(turn.now, run.number, by))
            self._stop_step(turn, run)
            self._end_cancelled(turn, run)

    def forget_peer(self, peer: int) -> None:
        """A connection ended: its calls follow nothing any more."""
        for number, calls in list(self._followers.items()):
            self._followers[number] = [call for call in calls if call.peer != peer]

    def _go_on(self, turn: Turn, run: RunRecord, ttl_s: float) -> None:
        """Begin the next step, if none is under way; end the run, if none is left or one went wrong."""
        last = self._last_message(run)
        if run.status is RunStatus.CANCELLING:
            self._end_cancelled(turn, run)
        elif last is not None and last.status is Status.DONE and last.course.exit_code != 0:
            self._finish(turn, run, RunStatus.FAILURE)
        elif last is not None and last.status is Status.FAILED:
            started = time_of(last, Status.STARTED) is not None
            self._finish(turn, run, RunStatus.INTERRUPTED if started else RunStatus.FAILURE)
        elif last is not None and last.status in RUN_STATUS:
            self._finish(turn, run, RUN_STATUS[last.status])
        elif last is None or last.status is Status.DONE:
            if len(run.messages) == len(run.steps):
                self._finish(turn, run, RunStatus.SUCCESS)
            else:
                self._begin(turn, run, ttl_s)

    def _begin(self, turn: Turn, run: RunRecord, ttl_s: float) -> None:
        index = len(run.messages) + 1
        step = run.steps[index - 1]
        found = self._world.place_of(step.session) or Absent(step.session)
        number = self._state.last_message + 1
        turn.record(
            f.MessageAccepted(
                turn.now, number, run.workflow, step.session, MessageType.COMMAND, step.command,
                turn.now + ttl_s, run=run.number, step=index, depth=run.depth,
                held=absent_reason(step.session) if isinstance(found, Absent) else "",
                pane=found.pane if not isinstance(found, Absent) and found.pinned else None,
            )
        )  # fmt: skip
        self._deliveries.enter(turn, self._state.messages[number], found)

    def _stop_step(self, turn: Turn, run: RunRecord) -> None:
        """End what a run to be cancelled has under way; of what is being typed the outcome comes first."""
        message = self._last_message(run)
        if message is None:
            return
        if message.status in WAITING:
            self._deliveries.cancel(turn, message)
            self._tell(turn, run, message.step)
        elif message.status is Status.STARTED:
            begun = max(run.cancel_asked_at or turn.now, time_of(message, Status.STARTED) or 0.0)
            turn.ask(e.StopStep(message.number, max(0.0, turn.now - begun)))

    def _end_cancelled(self, turn: Turn, run: RunRecord) -> None:
        last = self._last_message(run)
        if last is None or last.has_ended or last.status is Status.IN_DOUBT:
            self._finish(turn, run, RunStatus.CANCELLED)

    def _last_message(self, run: RunRecord) -> Message | None:
        return self._state.messages.get(run.messages[-1]) if run.messages else None

    def _finish(self, turn: Turn, run: RunRecord, status: RunStatus) -> None:
        turn.record(f.RunFinished(turn.now, run.number, status))
        for call in self._followers.pop(run.number, ()):
            turn.ask(e.Reply(call, self._ended(run, run.number)))
        for number in run.messages:
            self._last_lines.pop(number, None)

    def listed(self, request: m.Runs) -> m.RunList:
        """The last `limit` runs, oldest first."""
        numbers = sorted(self._state.runs)[-min(request.limit, MAX_LISTED) :] if request.limit > 0 else ()
        return m.RunList(runs=tuple(self._view(self._state.runs[number]) for number in numbers))

    def _view(self, run: RunRecord) -> m.RunView:
        at = len(run.messages)
        step = self._step_view(run, at) if at else None
        return m.RunView(
            run=run.id,
            workflow=run.workflow,
            status=run.status,
            steps=len(run.steps),
            done=sum(end.status is Status.DONE and end.exit_code == 0 for end in run.ends.values()),
            step=at,
            session=step.session if step is not None else "",
            reason=_reason(step) if step is not None else "",
            started_at=run.started_at,
            ended_at=run.ended_at,
        )

    def _tell(self, turn: Turn, run: RunRecord, step: int) -> None:
        for call in self._followers.get(run.number, ()):
            turn.ask(e.Tell(call, self._progress(run, step)))

    def _progress(self, run: RunRecord, step: int) -> Progress:
        return Progress(
            run=run.id, workflow=run.workflow, steps=len(run.steps), step=self._step_view(run, step)
        )

    def _ended(self, run: RunRecord | None, number: int) -> RunEnded:
        if run is None:  # its key outlived it
            return RunEnded(
                run=f"run-{number}", workflow="", status=RunStatus.SUCCESS, steps=(), started_at=0, ended_at=0
            )
        return RunEnded(
            run=run.id,
            workflow=run.workflow,
            status=run.status,
            steps=tuple(self._step_view(run, index) for index in range(1, len(run.steps) + 1)),
            started_at=run.started_at,
            ended_at=run.ended_at,
        )

    def _step_view(self, run: RunRecord, index: int) -> StepView:
        step = run.steps[index - 1]
        number = run.messages[index - 1] if index <= len(run.messages) else 0
        if (end := run.ends.get(index)) is not None and end.message == number:
            return self._end_view(run, end)
        message = self._state.messages.get(number)
        if message is None:
            return StepView(index=index, session=step.session, command=step.command, status=None)
        started = time_of(message, Status.STARTED)
        return StepView(
            index=index,
            session=step.session,
            command=step.command,
            status=message.status,
            id=message.id,
            reason=message.reason,
            started_at=started,
            log=_log(run, index, message.course.redelivered, started),
            last_line=self._last_lines.get(number, ""),
        )

    def _end_view(self, run: RunRecord, end: StepEnd) -> StepView:
        step = run.steps[end.step - 1]
        return StepView(
            index=end.step,
            session=step.session,
            command=step.command,
            status=end.status,
            id=f"msg-{end.message}",
            reason=end.reason,
            exit_code=end.exit_code,
            started_at=end.started_at,
            ended_at=end.ended_at,
            log=_log(run, end.step, end.again, end.started_at),
            last_line=self._last_lines.get(end.message, ""),
        )


def _log(run: RunRecord, index: int, again: int, started: float | None) -> str:
    return "" if started is None else f"runs/{run.id}/{e.step_name(index, again)}.log"


def _reason(step: StepView) -> str:
    """Why the run stands where it does, as far as its step tells; empty: all is well with it."""
    if step.reason or step.exit_code in (0, None):
        return step.reason if step.status is not Status.DONE else ""
    return f"exit {step.exit_code}"
