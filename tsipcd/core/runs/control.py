"""What is asked of runs that were started: end, hold, answer, repeat. Refusals are raised as `WireError`s."""

from __future__ import annotations

from collections.abc import Callable

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import RunStatus, StepResult
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.records import Remembered
from tsipcd.core.runs import explaining, views
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.engine import Engine
from tsipcd.core.runs.records import RunRecord, Settled, Start, Trigger
from tsipcd.core.runs.requests import RunRequests, left_out
from tsipcd.core.runs.watching import Watching
from tsipcd.core.state import State
from tsipcd.core.turn import Turn
from tsipcd.workflows.plan import Phase, Task

Asked = m.Runs | m.Pause | m.Resume | m.Approve | m.Reject | m.Rerun | m.Watch | m.Explain


class Control:
    """The verbs about runs that there are."""

    def __init__(self, state: State, engine: Engine, watching: Watching, requests: RunRequests) -> None:
        self._state = state
        self._engine = engine
        self._watching = watching
        self._requests = requests

    def answer(
        self,
        turn: Turn,
        call: i.Call,
        caller: i.Caller,
        request: Asked,
        remembered: Callable[[str, bytes], Remembered | None],
    ) -> None:
        """Carry out one of them."""
        match request:
            case m.Runs():
                turn.ask(e.Reply(call, views.listed(self._state, request)))
            case m.Rerun():
                self._rerun(turn, call, caller, request, remembered)
            case m.Watch():
                run = self.run_of(request.id)
                self._watching.attach(turn, call, run.number, follow=request.follow)
            case m.Explain():
                run = self.run_of(request.id)
                told = explaining.explained(self._state, run, _task(run, request.step))
                turn.ask(e.Reply(call, told))
            case m.Pause() | m.Resume():
                run = self.run_of(request.id)
                self._hold(turn, run, caller.session, isinstance(request, m.Pause))
                self._reply(turn, call, run)
            case m.Approve() | m.Reject():
                run = self.run_of(request.id)
                by = caller.session or "hand"
                self._decide(turn, run, request.step, by, yes=isinstance(request, m.Approve))
                self._reply(turn, call, run)

    def cancel(self, turn: Turn, call: i.Call, caller: i.Caller, run_id: str) -> None:
        """End a run. Once is enough: what is ending, or was cancelled, is no error."""
        run = self.run_of(run_id)
        if run.has_ended and run.status is not RunStatus.CANCELLED:
            raise Refused(ErrorCode.NOT_ALLOWED, f"{run_id} has ended: {run.status}")
        self._engine.cancel(turn, run, caller.session)
        turn.ask(e.Reply(call, m.Cancelled(id=run_id, status=run.status)))

    def run_of(self, run_id: str) -> RunRecord:
        """The run of this id. Raises `BadInput`."""
        run = self._state.runs.get(number_in(run_id.removeprefix("run-")))
        if run is None:
            raise unknown_id(run_id if run_id.startswith("run-") else f"run-{run_id}")
        return run

    def _reply(self, turn: Turn, call: i.Call, run: RunRecord) -> None:
        self._engine.follow_along(turn)
        turn.ask(e.Reply(call, m.RunNow(id=run.id, status=run.status, paused=run.paused_at is not None)))

    def _hold(self, turn: Turn, run: RunRecord, by: str, is_to_pause: bool) -> None:  # noqa: FBT001
        if run.has_ended or run.status is RunStatus.CANCELLING:
            raise Refused(ErrorCode.NOT_ALLOWED, f"{run.id} is {run.status}: nothing more of it is begun")
        if is_to_pause and run.paused_at is None:
            turn.record(rf.RunPaused(turn.now, run.number, by))
        elif not is_to_pause and run.paused_at is not None:
            turn.record(rf.RunResumed(turn.now, run.number, by))

    def _decide(self, turn: Turn, run: RunRecord, step: str, by: str, *, yes: bool) -> None:
        asked = [run.plan.task(n) for n, record in sorted(run.tasks.items()) if record.question is not None]
        if step:
            task = _task(run, step)
            if task not in asked:
                self._check_answered(run, task, yes=yes)
                return
        elif len(asked) == 1:
            (task,) = asked
        else:
            names = ", ".join(task.name for task in asked)
            what = f"{len(asked)} steps of {run.id} ask: {names}" if asked else f"nothing in {run.id} asks"
            hint = f"say which: ts-ipc approve {run.id} STEP" if asked else f"see it: ts-ipc watch {run.id}"
            raise Refused(ErrorCode.NOT_ALLOWED, what, hint=hint)
        self._engine.answer(turn, run, task.index, by, yes=yes)

    @staticmethod
    def _check_answered(run: RunRecord, task: Task, *, yes: bool) -> None:
        """The same answer again is no error."""
        settled = run.settled(task.index)
        given = {StepResult.SUCCESS: True, StepResult.REJECTED: False}
        is_question = not task.step.command or task.step.kind == "approval"
        if settled is None or not is_question or given.get(settled.result) is not yes:
            state = "has not asked yet" if settled is None else f"is {settled.result}"
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{task.name} of {run.id} {state}",
                hint=f"see why: ts-ipc explain {run.id} {task.step.id}",
            )

    def _rerun(
        self,
        turn: Turn,
        call: i.Call,
        caller: i.Caller,
        request: m.Rerun,
        remembered: Callable[[str, bytes], Remembered | None],
    ) -> None:
        run = self.run_of(request.id)
        digest = self._requests.digest(f"rerun {run.id} {request.failed} {request.begin_with}")
        if request.key and (answer := remembered(request.key, digest)) is not None and answer.run:
            self._watching.attach(turn, call, answer.run, follow=request.follow)
            return
        if not run.has_ended:
            raise Refused(
                ErrorCode.NOT_ALLOWED, f"{run.id} goes on", hint=f"end it first: ts-ipc cancel {run.id}"
            )
        start = run.start
        again = Start(
            definition=start.definition, library=start.library, inputs=start.inputs, event=start.event,
            trigger=Trigger.RERUN, again=run.number, kept=_kept(run, request),
        )  # fmt: skip
        self._requests.check(again, caller, follow=request.follow)
        self._requests.begin(turn, again, run.depth, observed=caller.session, key=request.key, digest=digest)
        self._watching.attach(turn, call, self._state.last_run, follow=request.follow)


def _kept(run: RunRecord, request: m.Rerun) -> tuple[tuple[int, Settled], ...]:
    """What is not repeated, and what it came to. Raises `BadInput`, or `Refused` if nothing is left."""
    plan = run.plan
    if request.begin_with:
        first = plan.of_step.get(request.begin_with)
        if first is None:
            raise _no_step(run, request.begin_with)
        again = set(first).union(*(plan.behind(index) for index in first))
        nothing = left_out(request.begin_with, run.ended_at or 0.0)
        kept = {task.index: run.settled(task.index) or nothing for task in plan.in_phase(Phase.STEPS)}
        return tuple((index, settled) for index, settled in kept.items() if index not in again)
    if not request.failed:
        return ()
    again = {task.index for task in plan.in_phase(Phase.STEPS) if not _went_well(run.settled(task.index))}
    if not again:
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"every step of {run.id} went well",
            hint=f"all again: ts-ipc rerun {run.id}",
        )
    for index in list(again):
        again |= plan.behind(index)
    settled = ((task.index, run.settled(task.index)) for task in plan.in_phase(Phase.STEPS))
    return tuple((index, each) for index, each in settled if each is not None and index not in again)


def _went_well(settled: Settled | None) -> bool:
    """Whether it is not repeated: a success, or left out by its own condition."""
    return settled is not None and (
        settled.result is StepResult.SUCCESS
        or (settled.result is StepResult.SKIPPED and settled.cause in ("condition", "not-selected"))
    )


def _task(run: RunRecord, step: str) -> Task:
    """The task of this name, id or number. Raises `BadInput`."""
    plan = run.plan
    number = number_in(step)
    if 0 < number <= len(plan.tasks):
        return plan.task(number)
    named = [task for task in plan.tasks if task.name == step] or [
        task for task in plan.tasks if task.step.id == step
    ]
    if not named:
        raise _no_step(run, step)
    asking = [task for task in named if (run.tasks.get(task.index) is not None)]
    return (asking or named)[0]


def _no_step(run: RunRecord, step: str) -> BadInput:
    names = ", ".join(run.plan.of_step)
    return BadInput(ErrorCode.BAD_PARAMS, f"{run.workflow} has no step {step!r}", hint=f"it has {names}")
