"""What a task comes after, found once for each task: the same as looking through all of it each time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tsipc_client.wire.messages import StepResult
from tsipcd.core.runs.records import GOOD, Cause, RunRecord, Settled, Start
from tsipcd.core.runs.standing import standing_of
from tsipcd.workflows.definition import Order, Step, Workflow
from tsipcd.workflows.plan import Task

SETTLED = st.builds(
    Settled,
    result=st.sampled_from(StepResult),
    at=st.just(0.0),
    cause=st.sampled_from(Cause),
    excused=st.booleans(),
)


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    """A run of up to eight steps whose tasks are all settled."""
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 8))):
        needs = draw(st.lists(st.sampled_from(steps), unique_by=lambda step: step.id)) if steps else []
        order = draw(st.sampled_from(Order))
        steps.append(Step(id=f"s{number}", session="a", needs=tuple(step.id for step in needs), order=order))
    run = RunRecord(1, Start(definition=Workflow(name="w", steps=tuple(steps))), 0.0)
    for task in run.plan.tasks:
        run.task(task.index).settled = draw(SETTLED)
    return run


def looked_through(run: RunRecord, task: Task) -> tuple[bool, bool, bool]:
    """Whether all is well, something failed, something was interrupted: by a walk over everything."""
    well, failed, interrupted = True, False, False
    seen, left = set(), [(need, task.step.order) for need in task.needs]
    while left:
        link = index, order = left.pop()
        settled = run.settled(index)
        if link in seen or settled is None:
            continue
        seen.add(link)
        passes = settled.cause is Cause.NOT_SELECTED or (
            settled.cause is Cause.CONDITION and order is Order.LISTED
        )
        well &= settled.conclusion is StepResult.SUCCESS or passes
        failed |= settled.conclusion not in (*GOOD, StepResult.CANCELLED)
        interrupted |= settled.conclusion is StepResult.INTERRUPTED
        if order is Order.LISTED or settled.result is StepResult.SKIPPED:
            before = run.plan.task(index)
            left += [(need, before.step.order) for need in before.needs]
    return well, failed, interrupted


@settings(max_examples=300)
@given(runs(), st.randoms(use_true_random=False))
def test_it_is_what_a_walk_over_everything_finds(run: RunRecord, chance: object) -> None:
    """In whatever order the tasks are asked about; the culprit is one that is not well."""
    tasks = list(run.plan.tasks)
    chance.shuffle(tasks)  # type: ignore[attr-defined]
    for task in tasks:
        found = standing_of(run, task)
        assert (found.is_well, found.has_failed, found.is_interrupted) == looked_through(run, task)
        assert bool(found.culprit) == (not found.is_well)
