"""What people and scripts ask of runs: begin one, end it, hold it, answer it. Refusals are `WireError`s."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused, UnknownSession
from tsipc_client.wire.messages import StepResult
from tsipcd.core import inputs as i
from tsipcd.core.bounds import Bounds
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
        digest = self.digest(*_words(asked)) if asked.key else b""
        if (answer := remembered(asked.key, digest)) is not None and answer.run:
            self._watching.attach(turn, asked.call, answer.run, follow=asked.follow)
            return
        start = Start(
            definition=workflow, library=asked.library, inputs=inputs_of(workflow, dict(asked.inputs)),
            kept=_before(Plan(workflow), asked.begin_with, turn.now) if asked.begin_with else (),
        )  # fmt: skip
        self.check(start, asked.caller, follow=asked.follow)
        depth, seen_in = self._loops.depth_of(turn.now, asked.caller), asked.caller.session
        self.begin(turn, start, depth, observed=seen_in, key=asked.key, digest=digest)
        self._watching.attach(turn, asked.call, self._state.last_run, follow=asked.follow)

    def begin_due(self, turn: Turn, start: Start, due: DueRun) -> None:
        """Start a run that nobody asked for by hand. Raises `WireError` if it cannot be."""
        self.check(start, i.Caller(), follow=False)
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

    @staticmethod
    def digest(*words: str) -> bytes:
        """What tells one request from another under the same key."""
        return hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()

    def check(self, start: Start, caller: i.Caller, *, follow: bool) -> None:
        """Refuse what could never run, before anything does. Raises `WireError`."""
        kept = dict(start.kept)
        tasks = Plan(start.definition).tasks
        for task in tasks:
            if task.step.session and OPEN not in task.step.session and task.index not in kept:
                self._check_session(task, start.definition.name, caller if follow else None)
        # Its first step; the others are never refused.
        first = [task.step.session for task in tasks if task.step.kind is Kind.COMMAND][:1]
        self._bounds.check(first)

    def _check_session(self, task: Task, workflow: str, watcher: i.Caller | None) -> None:
        where = f"step {task.index} of {workflow!r}"
        try:
            found = self._world.resolve(task.step.session, self._state.names)
        except UnknownSession as error:
            error.message = f"{where}: {error.message}; nothing was run"
            raise
        if watcher is not None and isinstance(found, Found) and found.place.session == watcher.session:
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{where} is for {found.place.session}, which you are in: "
                "it would wait for this command to end, and this command for it",
                hint="use --detach, or run it from another session; nothing was run",
            )


def left_out(step: str, at: float) -> Settled:
    """What a task counts as that comes before the step which a run begins with."""
    reason = f"the run begins with {step}"
    return Settled(result=StepResult.SKIPPED, at=at, cause=Cause.NOT_SELECTED, reason=reason)


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
    nothing = left_out(step, now)
    in_steps = (task for task in plan.tasks if task.phase is plan.task(first[0]).phase)
    return tuple((task.index, nothing) for task in in_steps if task.index not in wanted)


def _group(group: str, start: Start, number: int, now: float) -> str:
    """The concurrency group of a run that is about to start. Raises `BadInput`."""
    run = RunRecord(number, start, now)
    try:
        return View(run, run.plan.task(1)).filled(group)
    except ExpressionError as error:
        raise BadInput(ErrorCode.BAD_PARAMS, f"concurrency.group: {error.message}") from error


def _words(asked: i.RunAsked) -> list[str]:
    words = [asked.workflow.name, *(f"{name}={value}" for name, value in asked.inputs)]
    return [*words, f"from {asked.begin_with}"] if asked.begin_with else words
