"""What an attempt of a task came to, and whether there is another one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from tsipc_client.wire.messages import Status, StepResult
from tsipcd.core.records import Message
from tsipcd.core.runs.records import RunRecord, StepEnd, TaskRecord
from tsipcd.workflows.definition import OnInterrupt
from tsipcd.workflows.plan import Task

MAX_UNASKED: Final = 3
"""Attempts of a task that is to be repeated after interruptions: it may be what interrupts itself."""

LONGEST_S: Final = 366 * 86_400.0
"""Between two attempts, however fast the waits grow."""

TIMEOUT: Final = "timeout"
"""Another word for `timed-out` in a list of what is tried again."""

_BYTE: Final = 256


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt came to."""

    result: StepResult
    reason: str = ""
    exit_code: int | None = None


def judged(record: TaskRecord, message: Message | None, *, stopped: bool, why: str) -> Verdict:
    """By how its last attempt ended, and whether that was `stopped`, for the reason `why`.

    `message` is the attempt's, if it is still known.
    """
    if message is not None and message.status is Status.IN_DOUBT:
        return Verdict(StepResult.CANCELLED if stopped else StepResult.INTERRUPTED, message.reason)
    end = record.ends[-1]
    if end.status is Status.DONE and end.exit_code == 0 and not record.timed_out:
        if record.fault:
            return Verdict(StepResult.FAILURE, record.fault, 0)
        return Verdict(StepResult.SUCCESS, exit_code=0)
    if record.timed_out:
        return Verdict(StepResult.TIMED_OUT, "its time was over", end.exit_code)
    if stopped:
        return Verdict(StepResult.CANCELLED, why, end.exit_code)
    return _by_itself(end)


def retry_at(run: RunRecord, task: Task, record: TaskRecord, verdict: Verdict, now: float) -> float | None:
    """When its next attempt is due; None: there is none."""
    retry, done = task.step.retry, len(record.messages)
    limit = retry.attempts
    if verdict.result is StepResult.INTERRUPTED and task.step.on_interrupt is OnInterrupt.RETRY:
        limit = max(limit, MAX_UNASKED)
    elif not _is_retried(task, verdict):
        return None
    if done >= limit:
        return None
    delay_s = min(_grown(retry.delay_s, retry.backoff, done - 1), retry.max_delay_s or LONGEST_S)
    if retry.jitter:
        delay_s *= _fraction(run.number, task.index, done)
    if record.deadline_at is not None and now + delay_s >= record.deadline_at:
        return None
    return now + delay_s


def _grown(delay_s: float, backoff: float, times: int) -> float:
    try:
        return float(delay_s * backoff**times)
    except OverflowError:
        return LONGEST_S


def _by_itself(end: StepEnd) -> Verdict:
    match end.status:
        case Status.DONE:
            return Verdict(StepResult.FAILURE, f"exit {end.exit_code}", end.exit_code)
        case Status.CANCELLED:
            return Verdict(StepResult.CANCELLED, "it was taken back")
        case Status.EXPIRED:
            return Verdict(StepResult.FAILURE, f"it was never begun: {end.reason or 'its session was busy'}")
        case _ if end.started_at is not None:
            return Verdict(StepResult.INTERRUPTED, end.reason)
        case _:
            return Verdict(StepResult.FAILURE, end.reason)


def _is_retried(task: Task, verdict: Verdict) -> bool:
    """Whether this is one of the ends after which it is tried again."""
    if verdict.result in (StepResult.SUCCESS, StepResult.CANCELLED):
        return False
    wanted = task.step.retry.on
    if not wanted:
        # How it ended is not known: it may have done its work.
        return verdict.result is not StepResult.INTERRUPTED
    names = {str(verdict.result), TIMEOUT if verdict.result is StepResult.TIMED_OUT else ""}
    is_plain_failure = verdict.result is StepResult.FAILURE
    return any(
        each == verdict.exit_code if is_plain_failure and isinstance(each, int) else each in names
        for each in wanted
    )


def _fraction(*seed: int) -> float:
    """Between a half and one, the same for the same numbers: a decision that is made again is the same."""
    digest = hashlib.blake2b(repr(seed).encode(), digest_size=1).digest()
    return (_BYTE + digest[0]) / (2 * _BYTE)
