"""What expressions of a workflow see of its run, and what they come to. Nothing but its record is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from tsipc_client.wire.messages import RunStatus, StepResult
from tsipcd.core.runs.records import GOOD, Cause, RunRecord, Settled, Standing
from tsipcd.core.runs.standing import standing_of
from tsipcd.workflows.contexts import CONTEXTS, STATUS_FUNCTIONS
from tsipcd.workflows.event import EventContext
from tsipcd.workflows.expressions.evaluation import Evaluation, Status
from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.tree import Call, Index, Node, Operation
from tsipcd.workflows.expressions.values import Value, text, truth
from tsipcd.workflows.plan import Phase, Task
from tsipcd.workflows.templates import embedded, filled, variable

_WITHIN: Final = ("Object", "Array")
"""What contexts come to by themselves: nothing to tell."""

_WORST: Final = (
    StepResult.FAILURE,
    StepResult.TIMED_OUT,
    StepResult.INTERRUPTED,
    StepResult.REJECTED,
    StepResult.CANCELLED,
    StepResult.SUCCESS,
    StepResult.SKIPPED,
)
"""What a step comes to whose tasks came to several things: the first of these."""


class View:
    """What the expressions of one task see."""

    def __init__(self, run: RunRecord, task: Task) -> None:
        self._run = run
        self._task = task
        self._contexts: dict[str, Value] | None = None
        self._env: dict[str, str] = {}

    def condition(self) -> tuple[bool, Settled | None]:
        """Whether its turn has come; if not, how it is settled but for the time. Raises `ExpressionError`."""
        source = self._task.step.if_
        standing = standing_of(self._run, self._task)
        node = parsed(source)
        if self._task.phase is Phase.STEPS and not self.asks_for_status and not standing.is_well:
            return False, _upstream(self._run, standing.culprit)
        if node is None:
            return True, None
        evaluation = Evaluation(source, self._values(), self._functions(standing))
        if truth(evaluation.of(node)):
            return True, None
        seen = (part for part in evaluation.trace if part.value not in _WITHIN)
        trace = tuple((part.text, json.dumps(part.value)) for part in seen)
        return False, Settled(
            result=StepResult.SKIPPED,
            at=0.0,
            cause=Cause.CONDITION,
            reason=f"if: {source.strip()}",
            trace=trace,
        )

    @property
    def asks_for_status(self) -> bool:
        """Whether the condition says itself what it makes of what came before. Raises `ExpressionError`."""
        node = parsed(self._task.step.if_)
        return node is not None and _asks_for_status(node)

    def value(self, source: str) -> Value:
        """What an expression comes to. Raises `ExpressionError`."""
        evaluation = Evaluation(source, self._values(), self._functions(standing_of(self._run, self._task)))
        return evaluation.of(parsed(source))

    def filled(self, template: str) -> str:
        """A text with the values of its expressions. Raises `ExpressionError`."""
        return filled(template, self.value)

    def environment(self) -> tuple[tuple[str, str], ...]:
        """The variables that its command gets. Raises `ExpressionError`."""
        self._values()
        environment = dict(self._env)
        step = self._task.step
        if not step.literal:
            for index, each in enumerate(embedded(step.command)):
                environment[variable(index)] = text(self.value(each.source))
        for name, value in environment.items():
            if "\0" in value:
                raise ExpressionError(Stage.EVALUATION, f"the value of {name} holds a NUL byte")
        return tuple(environment.items())

    def _functions(self, standing: Standing) -> dict[str, Status]:
        run, in_steps = self._run, self._task.phase is Phase.STEPS
        cancelled = run.status is RunStatus.CANCELLING or run.outcome is RunStatus.CANCELLED
        well = standing.is_well if in_steps else run.outcome in (RunStatus.SUCCESS, RunStatus.PARTIAL)
        failed = standing.has_failed if in_steps else not (well or cancelled)
        return {
            "success": lambda _: well and not cancelled,
            "failure": lambda _: failed and not cancelled,
            "always": lambda _: True,
            "cancelled": lambda _: cancelled,
            "interrupted": lambda _: standing.is_interrupted or run.outcome is RunStatus.INTERRUPTED,
        }

    def _values(self) -> dict[str, Value]:
        if self._contexts is None:
            run, task, event = self._run, self._task, self._run.start.event
            self._contexts = {
                "run": _of_run(run),
                "inputs": dict(run.start.inputs),
                "env": self._env,
                "steps": _Steps(run),
                "needs": _of_needs(run, task),
                "matrix": dict(task.matrix),
                "event": {}
                if event is None
                else EventContext(event.type, event.source, event.data, event.id),
                "session": {"name": task.step.session},
            }
            # Each variable sees those before it.
            for name, template in (*run.start.definition.env, *task.step.env):
                self._env[name] = filled(template, self.value)
        return self._contexts


@lru_cache(maxsize=4096)
def parsed(source: str) -> Node | None:
    """The tree of an expression of a workflow. Raises `ExpressionError`."""
    return parse(source, CONTEXTS, STATUS_FUNCTIONS)


def _worst(run: RunRecord, step: str, what: Callable[[Settled], StepResult]) -> StepResult | None:
    found = [run.settled(index) for index in run.plan.of_step.get(step, ())]
    results = {what(settled) for settled in found if settled is not None}
    if not found or any(settled is None for settled in found):
        return None
    return next(result for result in _WORST if result in results)


def _upstream(run: RunRecord, culprit: int) -> Settled:
    settled = run.settled(culprit)
    name = run.plan.task(culprit).name
    result = settled.result if settled is not None else StepResult.SKIPPED
    was = "was skipped" if result is StepResult.SKIPPED else f"ended with {result}"
    return Settled(result=StepResult.SKIPPED, at=0.0, cause=Cause.UPSTREAM, reason=f"{name} {was}")


def _asks_for_status(node: Node) -> bool:
    left: list[Node] = [node]
    while left:
        each = left.pop()
        match each:
            case Call():
                if each.name in STATUS_FUNCTIONS:
                    return True
                left += each.arguments
            case Operation():
                left += each.operands
            case Index():
                left += (each.of, each.key)
            case _:
                pass
    return False


def _of_run(run: RunRecord) -> Mapping[str, Value]:
    failed = (task.name for task in run.plan.tasks if _went_wrong(run.settled(task.index)))
    return {
        "id": run.id,
        "workflow": run.workflow,
        "trigger": str(run.start.trigger),
        "started": run.started_at,
        "status": str(run.outcome or run.status),
        "failed": next(failed, "") if run.outcome is not None else "",
    }


def _went_wrong(settled: Settled | None) -> bool:
    return settled is not None and settled.conclusion not in GOOD


def _of_needs(run: RunRecord, task: Task) -> Mapping[str, Value]:
    found: dict[str, Value] = {}
    for need in task.step.needs:
        result = _worst(run, need, lambda settled: settled.conclusion)
        found[need] = {"result": str(result or ""), "outputs": _outputs(run, need)}
    return found


def _outputs(run: RunRecord, step: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for index in run.plan.of_step.get(step, ()):
        if (settled := run.settled(index)) is not None:
            found.update(settled.outputs)
    return found


class _Steps(Mapping[str, Value]):
    """The context `steps`: made of what is asked for, since a run may have thousands."""

    def __init__(self, run: RunRecord) -> None:
        self._run = run

    def __getitem__(self, name: str) -> Value:
        run = self._run
        indexes = run.plan.of_step[name]
        settled = [found for index in indexes if (found := run.settled(index)) is not None]
        codes = [each.exit_code for each in settled if each.exit_code is not None]
        return {
            "outcome": str(_worst(run, name, lambda each: each.result) or ""),
            "conclusion": str(_worst(run, name, lambda each: each.conclusion) or ""),
            "exit_code": codes[-1] if codes else None,
            "outputs": _outputs(run, name),
            "attempts": sum(len(run.tasks[index].messages) for index in indexes if index in run.tasks),
            "session": run.plan.task(indexes[0]).step.session,
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.plan.of_step)

    def __len__(self) -> int:
        return len(self._run.plan.of_step)
