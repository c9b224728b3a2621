"""How what a task comes after went: what its status functions say, and whether it is skipped without any."""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.messages import StepResult
from tsipcd.core.runs.records import GOOD, Cause, RunRecord, Settled, Standing
from tsipcd.workflows.definition import Order
from tsipcd.workflows.plan import Task

WELL: Final = Standing()


def standing_of(run: RunRecord, task: Task) -> Standing:
    """What `task` comes after: one of a list sees all before it in the list, one with `needs` sees those.

    Each task's part is kept, as it never changes: a long list is looked through once, not once for each step.
    """
    left = [(need, task.step.order) for need in task.needs]
    while left:
        link = index, order = left[-1]
        before = _before(run, index, order)
        missing = [each for each in before if each not in run.standings]
        if link in run.standings or not missing:
            left.pop()
            if link not in run.standings and (settled := run.settled(index)) is not None:
                # What is nearest comes first.
                found = _of_one(index, settled, order)
                for each in before:
                    found = found.behind(run.standings[each])
                run.standings[link] = found
        else:
            left += missing
    found = WELL
    for need in task.needs:
        found = found.behind(run.standings.get((need, task.step.order), WELL))
    return found


def _before(run: RunRecord, index: int, order: Order) -> list[tuple[int, Order]]:
    """What is seen through a task, by whoever comes after it in this way."""
    settled = run.settled(index)
    # What was left out tells nothing: look at what it comes after.
    if settled is None or not (order is Order.LISTED or settled.result is StepResult.SKIPPED):
        return []
    task = run.plan.task(index)
    return [(need, task.step.order) for need in task.needs if run.settled(need) is not None]


def _of_one(index: int, settled: Settled, order: Order) -> Standing:
    result = settled.conclusion
    passes = settled.cause is Cause.NOT_SELECTED or (
        settled.cause is Cause.CONDITION and order is Order.LISTED
    )
    is_well = result is StepResult.SUCCESS or passes
    has_failed = result not in GOOD and result is not StepResult.CANCELLED
    return Standing(is_well, 0 if is_well else index, has_failed, result is StepResult.INTERRUPTED)
