"""The state's part about runs: what their facts add up to, live and in replay alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from msgspec.structs import replace

from tsipc_client.wire.messages import RunStatus, Status, StepResult
from tsipcd.core.records import Message
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.records import Cause, Question, RunRecord, Settled, Start, TaskRecord
from tsipcd.workflows.definition import Workflow, chain
from tsipcd.workflows.plan import Phase

KEEP_RUNS: Final = 200
"""Runs that ended stay listed until this many newer ones were started."""


class RunTable:
    """All runs that go on, and the latest that ended."""

    def __init__(self) -> None:
        self.runs: dict[int, RunRecord] = {}
        """By number."""
        self.last = 0
        self._definitions: dict[str, Workflow] = {}
        """The latest of each name: its runs share it."""

    def apply(self, fact: rf.RunFact) -> None:
        """Take one fact in; `KeyError` if it cannot follow the earlier ones."""
        match fact:
            case rf.RunStarted():
                self._start(fact)
            case rf.RunAdmitted():
                self._admit(self.runs[fact.run], fact.at)
            case rf.RunPaused():
                self.runs[fact.run].paused_at = fact.at
            case rf.RunResumed():
                self.runs[fact.run].paused_at = None
            case rf.RunCancelAsked():
                self._cancel(self.runs[fact.number], fact)
            case rf.RunConcluded():
                run = self.runs[fact.run]
                run.outcome, run.due_at = fact.status, None
            case rf.RunFinished():
                self._finish(self.runs[fact.number], fact)
            case rf.TaskSettled():
                self._settle(self.runs[fact.run].task(fact.task), fact)
            case rf.TaskRetried():
                record = self.runs[fact.run].task(fact.task)
                record.due_at, record.retry_reason, record.question = fact.due_at, fact.reason, None
            case rf.TaskStopped():
                record = self.runs[fact.run].task(fact.task)
                record.timed_out, record.unwanted, record.due_at = fact.timed_out, fact.reason, None
                record.stop_asked_at = fact.at
            case rf.TaskAsked():
                record = self.runs[fact.run].task(fact.task)
                record.question = Question(fact.text, fact.until, fact.repeats)
                record.due_at = fact.until
            case rf.RunKept():
                self._keep(fact)
            case _:
                assert_never(fact)

    def snapshot(self, at: float) -> Iterator[rf.RunKept]:
        """The facts that rebuild this table."""
        return (rf.kept(at, run) for run in self.runs.values())

    def begun(self, message: Message, at: float) -> None:
        """An attempt of a task was accepted as `message`."""
        run = self.runs[message.run]
        record = run.task(message.step)
        if not record.messages:
            deadline_s = run.plan.task(message.step).step.retry.deadline_s
            record.deadline_at = None if deadline_s is None else at + deadline_s
        record.messages.append(message.number)
        record.survives = run.cancel_phase is run.plan.task(message.step).phase
        record.due_at, record.retry_reason = None, ""
        record.timed_out, record.unwanted, record.stop_asked_at = False, "", None
        record.outputs = ()

    def started(self, message: Message, at: float) -> None:
        """The command of an attempt began."""
        run = self.runs.get(message.run)
        if run is not None and not run.has_ended:
            timeout_s = run.plan.task(message.step).step.timeout_s
            run.task(message.step).due_at = None if timeout_s is None else at + timeout_s

    def ended(self, message: Message, outputs: tuple[tuple[str, str], ...] = (), fault: str = "") -> None:
        """An attempt ended, or came into doubt."""
        run = self.runs.get(message.run)
        if run is None:
            return
        record = run.task(message.step)
        record.due_at = None
        if message.status is Status.CANCELLED and run.paused_at is not None:
            # Never typed, and to be begun anew: it is no attempt.
            record.messages.remove(message.number)
            if record.messages:
                record.retry_reason, record.due_at = "it was paused", run.paused_at
            return
        run.note_end(message)
        record.outputs, record.fault = outputs, fault

    def reopen(self, message: Message) -> None:
        """A step in doubt is begun anew, and with it its run, as if neither had ended."""
        run = self.runs[message.run]
        if message.number not in run.task(message.step).messages[-1:]:
            return
        run.status, run.ended_at, run.outcome = RunStatus.RUNNING, None, None
        run.cancel_asked_at, run.cancel_phase, run.reason = None, None, ""
        run.timed_out = run.forced = False
        run.let_go()
        record = run.task(message.step)
        record.settled, record.timed_out, record.unwanted = None, False, ""
        for index in run.plan.behind(message.step):
            later = run.tasks.get(index)
            if later is not None and later.settled is not None and later.settled.cause is Cause.UPSTREAM:
                del run.tasks[index]
        for task in run.plan.tasks:
            if task.phase is not Phase.STEPS:
                run.tasks.pop(task.index, None)

    def shift(self, by_s: float) -> None:
        """The clock was set: every deadline moves with it."""
        for run in self.runs.values():
            if not run.has_ended:
                if run.due_at is not None:
                    run.due_at += by_s
                for record in run.tasks.values():
                    _shift(record, by_s)

    def _start(self, fact: rf.RunStarted) -> None:
        run = RunRecord(fact.number, self._shared(fact.start or _chain(fact)), fact.at, depth=fact.depth)
        self.runs[fact.number] = run
        self.last = max(self.last, fact.number)
        run.tasks = {index: TaskRecord(settled=settled) for index, settled in run.start.kept}
        if run.start.parent is not None:
            number, index = run.start.parent
            self.runs[number].task(index).child = fact.number
        if run.start.waits:
            run.status = RunStatus.QUEUED
        else:
            self._admit(run, fact.at)

    def _admit(self, run: RunRecord, at: float) -> None:
        timeout_s = run.start.definition.timeout_s
        run.status = RunStatus.RUNNING
        run.due_at = None if timeout_s is None else at + timeout_s

    def _cancel(self, run: RunRecord, fact: rf.RunCancelAsked) -> None:
        if run.cancel_phase is fact.phase:
            run.forced, run.cancel_asked_at = True, fact.at
            for record in run.tasks.values():
                record.survives = False
            return
        run.status, run.cancel_asked_at, run.cancel_phase = RunStatus.CANCELLING, fact.at, fact.phase
        run.paused_at, run.due_at = None, None
        run.reason, run.timed_out = fact.reason, fact.timed_out

    def _finish(self, run: RunRecord, fact: rf.RunFinished) -> None:
        run.status, run.ended_at, run.due_at = fact.status, fact.at, None
        run.reason = fact.reason or run.reason
        run.let_go()
        if len(self.runs) > KEEP_RUNS:
            oldest = next((each.number for each in self.runs.values() if each.has_ended), None)
            if oldest is not None:
                del self.runs[oldest]

    def _settle(self, record: TaskRecord, fact: rf.TaskSettled) -> None:
        record.settled = Settled(
            result=StepResult(fact.result), at=fact.at, reason=fact.reason, cause=fact.cause,
            excused=fact.excused, exit_code=fact.exit_code, outputs=record.outputs, trace=fact.trace,
        )  # fmt: skip
        record.due_at, record.deadline_at, record.question, record.retry_reason = None, None, None, ""
        record.outputs = ()

    def _keep(self, fact: rf.RunKept) -> None:
        run = RunRecord(
            fact.number, self._shared(fact.start or _chain(fact)), fact.started_at, fact.status,
            fact.ended_at, fact.depth, dict(fact.tasks), fact.outcome, fact.due_at, fact.paused_at,
            fact.cancel_asked_at, fact.cancel_phase, fact.reason, fact.timed_out, fact.forced,
        )  # fmt: skip
        self.runs[fact.number] = run
        # A snapshot of a plain chain, from before there was anything else.
        for index, number in enumerate(fact.messages, 1):
            run.task(index).messages.append(number)
        for end in fact.ends:
            run.task(end.step).ends.append(end)

    def _shared(self, start: Start) -> Start:
        """`start`, with the definition that the latest run of that name has, if it is the same."""
        definition = start.definition
        latest = self._definitions.setdefault(definition.name, definition)
        if latest is definition:
            return start
        if latest != definition:
            self._definitions[definition.name] = definition
            return start
        return replace(start, definition=latest)


def _chain(fact: rf.RunStarted | rf.RunKept) -> Start:
    steps = ((step.session, step.command) for step in fact.steps)
    return Start(definition=chain(fact.workflow, steps))


def _shift(record: TaskRecord, by_s: float) -> None:
    if record.due_at is not None:
        record.due_at += by_s
    if record.deadline_at is not None:
        record.deadline_at += by_s
    question = record.question
    if question is not None and question.until is not None:
        record.question = Question(question.text, question.until + by_s, question.repeats)
