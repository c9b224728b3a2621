"""What people and scripts ask of runs: begin one, end it, hold it, answer it. Refusals are `WireError`s."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused, UnknownSession
from tsipc_client.wire.messages import Cancelled, RunStatus, StepResult
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.bounds import Bounds
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.loops import Loops
from tsipcd.core.names import Found, World
from tsipcd.core.records import Remembered
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs import groups
from tsipcd.core.runs.conditions import View
from tsipcd.core.runs.engine import Engine
from tsipcd.core.runs.given import inputs_of
from tsipcd.core.runs.records import Cause, RunRecord, Settled, Start
from tsipcd.core.runs.watching import Watching
from tsipcd.core.state import State
from tsipcd.core.triggers.records import DueRun
from tsipcd.core.turn import Turn
from tsipcd.workflows.definition import Kind
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.plan import Plan, Task
from tsipcd.workflows.templates import OPEN

_NOBODY: Final = i.Call(0, None)

Remember = Callable[[str, bytes], Remembered | None]
"""What a key was used for, by key and digest."""


class RunRequests:
    """The verbs about runs."""

    def __init__(
        self, state: State, world: World, engine: Engine, watching: Watching, *, loops: Loops, bounds: Bounds
    ) -> None:
        self._state = state
        self._world = world
        self._engine = engine
        self._watching = watching
        self._loops = loops
        self._bounds = bounds

    def run(self, turn: Turn, asked: i.RunAsked, remembered: Remember) -> None:
        """Start a run of a workflow; what is due first follows from the fact."""
        workflow = asked.workflow
        digest = _digest(asked) if asked.key else b""
        if (answer := remembered(asked.key, digest)) is not None and answer.run:
            self._watching.attach(turn, asked.call, answer.run, follow=asked.follow)
            return
        start = Start(
            definition=workflow, library=asked.library, inputs=inputs_of(workflow, dict(asked.inputs)),
            kept=_before(Plan(workflow), asked.begin_with, turn.now) if asked.begin_with else (),
        )  # fmt: skip
        self._check(start, asked)
        depth, seen_in = self._loops.depth_of(turn.now, asked.caller), asked.caller.session
        self.begin(turn, start, depth, observed=seen_in, key=asked.key, digest=digest)
        self._watching.attach(turn, asked.call, self._state.last_run, follow=asked.follow)

    def cancel(self, turn: Turn, call: i.Call, caller: i.Caller, run_id: str) -> None:
        """End a run. Once is enough: what is ending, or was cancelled, is no error."""
        run = self._run_of(run_id)
        if run.has_ended and run.status is not RunStatus.CANCELLED:
            raise Refused(ErrorCode.NOT_ALLOWED, f"{run_id} has ended: {run.status}")
        self._engine.cancel(turn, run, caller.session)
        turn.ask(e.Reply(call, Cancelled(id=run_id, status=run.status)))

    def begin_due(self, turn: Turn, start: Start, due: DueRun) -> None:
        """Start a run that nobody asked for by hand. Raises `WireError` if it cannot be."""
        self._check(start, i.RunAsked(_NOBODY, i.Caller(), start.definition, follow=False, key=""))
        self.begin(turn, start, due.depth, due=due.number)

    def begin(
        self,
        turn: Turn,
        start: Start,
        depth: int,
        *,
        observed: str = "",
        key: str = "",
        digest: bytes = b"",
        due: int = 0,
    ) -> None:
        """Record that a run started, in its group if its workflow has one. Raises `WireError`."""
        number = self._state.last_run + 1
        concurrency = start.definition.concurrency
        if concurrency is not None:
            group = _group(concurrency.group, start, number, turn.now)
            others = groups.members(self._state.runs.values(), group)
            waits = groups.waits(concurrency, others)
            for other in groups.displaced(concurrency, others) if waits else ():
                self._engine.cancel(turn, other, "", f"run-{number} of the same group came")
            # What was only waiting has made room already; what runs has to end first.
            waits = waits and groups.waits(concurrency, groups.members(self._state.runs.values(), group))
            start = replace(start, group=group, waits=waits)
        turn.record(rf.RunStarted(turn.now, number, start.definition.name, (), observed, key, digest, depth,
                                  start, due))  # fmt: skip

    def _run_of(self, run_id: str) -> RunRecord:
        run = self._state.runs.get(number_in(run_id.removeprefix("run-")))
        if run is None:
            raise unknown_id(run_id)
        return run

    def _check(self, start: Start, asked: i.RunAsked) -> None:
        kept = dict(start.kept)
        tasks = Plan(start.definition).tasks
        for task in tasks:
            if task.step.session and OPEN not in task.step.session and task.index not in kept:
                self._check_session(task, asked)
        # Its first step; the others are never refused.
        first = [task.step.session for task in tasks if task.step.kind is Kind.COMMAND][:1]
        self._bounds.check(first)

    def _check_session(self, task: Task, asked: i.RunAsked) -> None:
        where = f"step {task.index} of {asked.workflow.name!r}"
        try:
            found = self._world.resolve(task.step.session, self._state.names)
        except UnknownSession as error:
            error.message = f"{where}: {error.message}; nothing was run"
            raise
        if asked.follow and isinstance(found, Found) and found.place.session == asked.caller.session:
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{where} is for {found.place.session}, which you are in: "
                "it would wait for this command to end, and this command for it",
                hint="use --detach, or run it from another session; nothing was run",
            )


def _before(plan: Plan, step: str, now: float) -> tuple[tuple[int, Settled], ...]:
    """The tasks that are left out of a run that begins with `step`: all that do not come behind it."""
    first = plan.of_step.get(step)
    if first is None:
        raise BadInput(
            ErrorCode.BAD_PARAMS,
            f"there is no step {step!r}",
            hint=f"the steps are {', '.join(plan.of_step)}",
        )
    wanted = set(first).union(*(plan.behind(index) for index in first))
    left_out = Settled(
        result=StepResult.SKIPPED, at=now, cause=Cause.NOT_SELECTED, reason=f"the run begins with {step}"
    )
    in_steps = (task for task in plan.tasks if task.phase is plan.task(first[0]).phase)
    return tuple((task.index, left_out) for task in in_steps if task.index not in wanted)


def _group(group: str, start: Start, number: int, now: float) -> str:
    """The concurrency group of a run that is about to start. Raises `BadInput`."""
    run = RunRecord(number, start, now)
    try:
        return View(run, run.plan.task(1)).filled(group)
    except ExpressionError as error:
        raise BadInput(ErrorCode.BAD_PARAMS, f"concurrency.group: {error.message}") from error


def _digest(asked: i.RunAsked) -> bytes:
    words = [asked.workflow.name, *(f"{name}={value}" for name, value in asked.inputs)]
    if asked.begin_with:
        words.append(f"from {asked.begin_with}")
    return hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()
