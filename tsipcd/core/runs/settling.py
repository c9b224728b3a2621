"""A task is settled: once, with what it came to."""

from __future__ import annotations

from tsipc_client.wire.messages import StepResult
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.attempts import Verdict
from tsipcd.core.runs.records import GOOD, RunRecord
from tsipcd.core.turn import Turn


def settle(turn: Turn, run: RunRecord, index: int, verdict: Verdict) -> None:
    """Record what a task came to; what went wrong may be excused by its definition."""
    is_bad = verdict.result not in GOOD and verdict.result is not StepResult.CANCELLED
    turn.record(
        rf.TaskSettled(
            turn.now, run.number, index, verdict.result, verdict.reason,
            excused=is_bad and run.plan.task(index).step.continue_on_error, exit_code=verdict.exit_code,
        )
    )  # fmt: skip
