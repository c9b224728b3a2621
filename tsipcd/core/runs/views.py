"""What runs look like to people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tsipc_client.wire import messages as m
from tsipc_client.wire.messages import Progress, RunEnded, RunStatus, Status, StepResult, StepView
from tsipcd.core import effects as e
from tsipcd.core.records import time_of
from tsipcd.core.runs.records import GOOD, RunRecord, StepEnd, TaskRecord
from tsipcd.core.state import State
from tsipcd.workflows.plan import Phase, Task

MAX_LISTED: Final = 500
"""Runs in one answer; more would not fit into a frame."""

MANY_STEPS: Final = 100
"""With more steps than this each command is cut, so that the run fits into a frame."""

COMMAND_CHARS: Final = 200

Lines = Mapping[int, str]
"""What each step printed last, by message."""


def listed(state: State, request: m.Runs) -> m.RunList:
    """The last `limit` runs, oldest first."""
    numbers = sorted(state.runs)[-min(request.limit, MAX_LISTED) :] if request.limit > 0 else ()
    return m.RunList(runs=tuple(_run_view(state, state.runs[number]) for number in numbers))


def progress(state: State, run: RunRecord, index: int, lines: Lines) -> Progress:
    """What followers of a run are told when a task changed."""
    return Progress(
        run=run.id,
        workflow=run.workflow,
        steps=run.size,
        step=step_view(state, run, run.plan.task(index), lines),
    )


def ended(state: State, run: RunRecord | None, number: int, lines: Lines) -> RunEnded:
    """The whole run, as it is."""
    if run is None:  # its key outlived it
        return RunEnded(
            run=f"run-{number}", workflow="", status=RunStatus.SUCCESS, steps=(), started_at=0, ended_at=0
        )
    tasks = (task for task in run.plan.tasks if task.phase is Phase.STEPS or task.index in run.tasks)
    return RunEnded(
        run=run.id,
        workflow=run.workflow,
        status=run.status,
        steps=tuple(step_view(state, run, task, lines) for task in tasks),
        started_at=run.started_at,
        ended_at=run.ended_at,
        reason=run.reason,
    )


def step_view(state: State, run: RunRecord, task: Task, lines: Lines) -> StepView:
    """One task of a run, as it is."""
    record = run.tasks.get(task.index) or TaskRecord()
    settled, number = record.settled, record.messages[-1] if record.messages else 0
    message, end = state.messages.get(number), _end(record, number)
    status, code, reason = None, None, ""
    started = ended_at = None
    again = 0
    if end is not None:
        status, code, reason, again = end.status, end.exit_code, end.reason, end.again
        started, ended_at = end.started_at, end.ended_at
    elif message is not None:
        status, reason, again = message.status, message.reason, message.course.redelivered
        started = time_of(message, Status.STARTED)
    if settled is not None:
        reason = settled.reason if settled.reason != f"exit {settled.exit_code}" else reason
        ended_at = ended_at or (settled.at if started is not None else None)
    elif record.question is not None:
        reason = f"no answer yet: {record.question.text}"
    elif record.retry_reason:
        reason = f"attempt {len(record.messages) + 1} comes, after: {record.retry_reason}"
    elif record.child:
        reason = f"it is run-{record.child}"
    command = task.step.command
    return StepView(
        index=task.index,
        session=task.step.session,
        command=command[:COMMAND_CHARS] if run.size > MANY_STEPS else command,
        status=status,
        id=f"msg-{number}" if number else "",
        reason=reason,
        exit_code=code,
        started_at=started,
        ended_at=ended_at,
        log=_log(run, task.index, again, max(len(record.messages) - 1, 0)) if started is not None else "",
        last_line=lines.get(number, ""),
        name=task.name,
        phase=str(task.phase),
        result=settled.result if settled is not None else None,
        excused=settled is not None and settled.excused,
        attempt=len(record.messages),
        attempts=task.step.retry.attempts,
    )


def attempts(run: RunRecord, record: TaskRecord) -> Iterator[m.AttemptView]:
    """Those of a task that ended."""
    for end in record.ends:
        yield m.AttemptView(
            attempt=end.retry + 1,
            id=f"msg-{end.message}",
            status=end.status,
            reason=end.reason,
            exit_code=end.exit_code,
            started_at=end.started_at,
            ended_at=end.ended_at,
            log=_log(run, end.step, end.again, end.retry) if end.started_at is not None else "",
        )


def _run_view(state: State, run: RunRecord) -> m.RunView:
    size = run.size
    results = [each.settled for index, each in run.tasks.items() if each.settled and index <= size]
    task = _telling(run)
    step = step_view(state, run, task, {}) if task is not None else None
    return m.RunView(
        run=run.id,
        workflow=run.workflow,
        status=run.status,
        steps=size,
        done=sum(each.result is StepResult.SUCCESS for each in results),
        step=step.index if step is not None else 0,
        session=step.session if step is not None else "",
        reason=run.reason or (_reason(step) if step is not None else "") or _waits(run),
        started_at=run.started_at,
        ended_at=run.ended_at,
        name=step.name if step is not None else "",
        trigger=str(run.start.trigger),
        paused=run.paused_at is not None,
    )


def _telling(run: RunRecord) -> Task | None:
    """The task that tells best how the run stands: one under way, the first that went wrong, or the last."""
    under_way = [index for index, record in run.tasks.items() if record.settled is None]
    if under_way:
        return run.plan.task(min(under_way))
    settled = {index: record.settled for index, record in run.tasks.items() if record.settled is not None}
    wrong = [index for index, each in settled.items() if each.conclusion not in GOOD]
    if wrong:
        return run.plan.task(min(wrong, key=lambda index: (settled[index].at, index)))
    return run.plan.task(max(settled)) if settled else None


def _waits(run: RunRecord) -> str:
    if run.status is RunStatus.QUEUED:
        return f"others of the group {run.start.group} come before it"
    return "paused" if run.paused_at is not None else ""


def _end(record: TaskRecord, number: int) -> StepEnd | None:
    return next((end for end in reversed(record.ends) if end.message == number), None)


def _log(run: RunRecord, index: int, again: int, retry: int) -> str:
    return f"runs/{run.id}/{e.step_name(index, again, retry)}.log"


def _reason(step: StepView) -> str:
    """Why the run stands where it does, as far as its step tells; empty: all is well with it."""
    if step.reason or step.exit_code in (0, None):
        return step.reason if step.status is not Status.DONE or step.result in (None, *_TELLING) else ""
    return f"exit {step.exit_code}"


_TELLING: Final = (StepResult.TIMED_OUT, StepResult.CANCELLED)
"""Results whose reason is not the exit status."""
