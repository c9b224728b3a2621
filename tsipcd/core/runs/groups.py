"""Concurrency groups: how many runs go on at the same time. Counted from the runs, so no slot can leak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import RunStatus
from tsipcd.core.runs.records import RunRecord
from tsipcd.workflows.definition import Concurrency, Policy

MAX_QUEUED: Final = 1000
"""Runs that wait in one group; more are refused."""


def members(runs: Iterable[RunRecord], group: str) -> list[RunRecord]:
    """The runs of a group that have not ended, oldest first."""
    return [run for run in runs if run.start.group == group and not run.has_ended]


def admissible(runs: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """The runs that wait and for which there is a place now, oldest first of each group."""
    active: Counter[str] = Counter()
    waiting: list[RunRecord] = []
    for run in runs:
        if run.start.group and not run.has_ended:
            if run.status is RunStatus.QUEUED:
                waiting.append(run)
            else:
                active[run.start.group] += 1
    passed: set[str] = set()
    for run in waiting:
        group, concurrency = run.start.group, run.start.definition.concurrency
        limit = concurrency.limit if concurrency is not None else 1
        if group not in passed and active[group] < limit:
            active[group] += 1
            yield run
        else:
            # Nobody overtakes in a group, whatever the limits of later runs are.
            passed.add(group)


def waits(concurrency: Concurrency, others: list[RunRecord]) -> bool:
    """Whether one more run has to wait behind `others` of its group. Raises `Refused`."""
    if len(others) < concurrency.limit:
        return False
    first = others[0]
    if concurrency.policy is Policy.SKIP:
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"{first.id} of the group {first.start.group!r} goes on, and the policy is to skip then",
            hint="nothing was run",
        )
    queued = sum(run.status is RunStatus.QUEUED for run in others)
    if concurrency.policy is Policy.QUEUE and queued >= MAX_QUEUED:
        raise Refused(
            ErrorCode.QUEUE_FULL,
            f"{queued:,} runs of the group {first.start.group!r} wait already",
            hint=f"see what goes on: ts-ipc watch {first.id}",
        )
    return True


def displaced(concurrency: Concurrency, others: list[RunRecord]) -> list[RunRecord]:
    """The runs among `others` that one more run of the group ends, those that wait first."""
    match concurrency.policy:
        case Policy.REPLACE_PENDING:
            return [run for run in others if run.status is RunStatus.QUEUED]
        case Policy.CANCEL_IN_PROGRESS:
            return sorted(others, key=lambda run: run.status is not RunStatus.QUEUED)
        case Policy.QUEUE | Policy.SKIP:
            return []
