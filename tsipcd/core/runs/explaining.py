"""Why a step is where it is, in a sentence and with all that led to it."""

from __future__ import annotations

from tsipc_client.wire import messages as m
from tsipc_client.wire.messages import RunStatus, Status, StepResult
from tsipcd.core.runs import views
from tsipcd.core.runs.records import Cause, RunRecord, TaskRecord
from tsipcd.core.state import State
from tsipcd.workflows.plan import Phase, Task


def explained(state: State, run: RunRecord, task: Task) -> m.Explained:
    """Everything that is known of a task."""
    record = run.tasks.get(task.index) or TaskRecord()
    settled = record.settled
    return m.Explained(
        run=run.id,
        workflow=run.workflow,
        status=run.status,
        step=views.step_view(state, run, task, {}),
        why=_why(state, run, task, record),
        condition=task.step.if_,
        trace=tuple(m.PartView(text=text, value=value) for text, value in settled.trace) if settled else (),
        needs=tuple(
            m.NeedView(name=run.plan.task(need).name, result=each.result if each is not None else None)
            for need in task.needs
            for each in (run.settled(need),)
        ),
        attempts=tuple(views.attempts(run, record)),
        outputs=tuple(m.Given(name=name, value=value) for name, value in settled.outputs) if settled else (),
    )


def _why(state: State, run: RunRecord, task: Task, record: TaskRecord) -> str:
    if record.settled is not None:
        return _why_settled(task, record)
    if record.question is not None:
        return f"It waits for an answer: ts-ipc approve {run.id} {task.step.id}, or reject."
    if record.retry_reason:
        attempt = len(record.messages) + 1
        return (
            f"It waits for its attempt {attempt} of {task.step.retry.attempts}, after: {record.retry_reason}."
        )
    if record.child:
        return f"It is run-{record.child}, which goes on."
    message = state.messages.get(record.messages[-1]) if record.messages else None
    if message is not None:
        return _why_under_way(message.status, message.reason, task)
    return _why_not_begun(run, task)


def _why_settled(task: Task, record: TaskRecord) -> str:
    settled = record.settled
    assert settled is not None  # noqa: S101 - the caller looked
    match settled.result, settled.cause:
        case StepResult.SKIPPED, Cause.CONDITION:
            return f"It was skipped, since its condition was false: {task.step.if_.strip()}."
        case StepResult.SKIPPED, Cause.UPSTREAM:
            return f"It was skipped, since something that it comes behind did not go well: {settled.reason}."
        case StepResult.SKIPPED, _:
            return f"It was left out: {settled.reason}."
        case StepResult.SUCCESS, _:
            return f"It succeeded{f': {settled.reason}' if settled.reason else ''}."
        case _:
            excuse = " It counts as success (continue-on-error)." if settled.excused else ""
            reason = f": {settled.reason}" if settled.reason else ""
            tries = len(record.messages)
            after = f" after {tries} attempts" if tries > 1 else ""
            return f"It ended with {settled.result}{after}{reason}.{excuse}"


def _why_under_way(status: Status, reason: str, task: Task) -> str:
    match status:
        case Status.STARTED:
            return "Its command runs."
        case Status.INTENT:
            return "Its command is being typed."
        case Status.IN_DOUBT:
            return f"Nobody can know whether it was typed: {reason}."
        case _:
            why = reason or "others come before it in this pane"
            return f"It waits for {task.step.session}: {why}."


def _why_not_begun(run: RunRecord, task: Task) -> str:
    if run.has_ended:
        return "The run ended before its turn came."
    if run.status is RunStatus.QUEUED:
        return f"The run waits for its turn in the group {run.start.group}."
    if run.paused_at is not None:
        return f"The run is paused: ts-ipc resume {run.id}."
    waiting = [run.plan.task(need).name for need in task.needs if run.settled(need) is None]
    if waiting:
        return f"It comes behind {', '.join(waiting)}."
    if task.phase is not Phase.STEPS:
        return "It is a handler: its turn comes, if it comes, when the steps are over."
    return "As many of its combinations are under way as may be (max-parallel)."
