"""Moves runs: begins what may begin, settles what ended, goes on to the handlers, ends the run.

`follow_along` is called after every turn with the facts it recorded, and looks at those that it adds, too. A
task is settled once; whatever is to follow from that follows from the fact, in this life or in the next.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import RunStatus, Status, StepResult
from tsipcd.core import facts as f
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.names import World
from tsipcd.core.records import Message
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs import groups
from tsipcd.core.runs.attempts import Verdict, judged, retry_at
from tsipcd.core.runs.beginning import Beginning
from tsipcd.core.runs.conditions import View
from tsipcd.core.runs.ending import Ending, is_to_end
from tsipcd.core.runs.frontier import Frontier
from tsipcd.core.runs.records import GOOD, RunRecord, Settled, TaskRecord
from tsipcd.core.runs.settling import settle
from tsipcd.core.runs.timers import Timers
from tsipcd.core.runs.watching import Watching
from tsipcd.core.state import State
from tsipcd.core.turn import Turn
from tsipcd.workflows.definition import OnInterrupt, OnTimeout
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.plan import Phase, Task

RUN_STATUS: Final = {
    StepResult.FAILURE: RunStatus.FAILURE,
    StepResult.TIMED_OUT: RunStatus.TIMED_OUT,
    StepResult.INTERRUPTED: RunStatus.INTERRUPTED,
    StepResult.REJECTED: RunStatus.REJECTED,
    StepResult.CANCELLED: RunStatus.CANCELLED,
}
"""What a run comes to of which a step came to this."""

STEP_RESULT: Final = {
    **{status: result for result, status in RUN_STATUS.items()},
    RunStatus.SUCCESS: StepResult.SUCCESS,
    RunStatus.PARTIAL: StepResult.SUCCESS,
}
"""And a step that is a whole run."""


class Engine:
    """Decides what becomes of every run."""

    def __init__(
        self, state: State, world: World, deliveries: Deliveries, watching: Watching, ttl_s: float
    ) -> None:
        self._state = state
        self._watching = watching
        self._beginning = Beginning(state, world, deliveries, ttl_s)
        self._ending = Ending(state, deliveries)
        self._frontiers: dict[int, Frontier] = {}
        self._timers = Timers()

    def restore(self, turn: Turn) -> None:
        """Go on where an earlier life stopped: what was recorded last may not have led to anything yet."""
        for run in list(self._state.runs.values()):
            if run.has_ended:
                continue
            self._arm(run)
            for index, record in list(run.tasks.items()):
                if record.settled is None:
                    self._restore_task(turn, run, index, record)
            self._advance(turn, run)
        self._admit_queued(turn)

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn, those that this adds included, and move the runs they concern."""
        while turn.followed < len(turn.facts):
            fact = turn.facts[turn.followed]
            turn.followed += 1
            match fact:
                case rf.RunStarted() | rf.RunFinished():
                    self._moved(turn, self._state.runs.get(fact.number))
                case rf.RunCancelAsked():
                    run = self._state.runs[fact.number]
                    self._ending.stop_all(turn, run)
                    self._moved(turn, run)
                case rf.RunPaused():
                    self._paused(turn, self._state.runs[fact.run])
                case rf.RunAdmitted() | rf.RunResumed() | rf.RunConcluded():
                    self._moved(turn, self._state.runs[fact.run])
                case rf.TaskSettled():
                    self._settled(turn, self._state.runs[fact.run], fact.task)
                case rf.TaskRetried() | rf.TaskAsked() | rf.TaskStopped():
                    self._task_moved(turn, self._state.runs[fact.run], fact.task)
                case f.DoubtResolved():
                    self._resolved(turn, fact.number)
                case f.ClockSet():
                    self._timers = Timers()
                    for run in self._state.runs.values():
                        self._arm(run)
                case _ if number := getattr(fact, "number", 0):
                    message = self._state.messages.get(number)
                    if message is not None and message.run:
                        self._message_moved(turn, message)

    def expire(self, turn: Turn) -> None:
        """End the waits whose time is over."""
        for number, index in self._timers.take_due(turn.now):
            run = self._state.runs.get(number)
            if run is None or run.has_ended:
                continue
            if not index:
                if run.due_at is not None and run.due_at <= turn.now:
                    why = f"its time limit of {run.start.definition.timeout_s:g} s is over"
                    self._ending.cancel(turn, run, "", why, timed_out=True)
            elif (record := run.tasks.get(index)) is not None and record.settled is None:
                self._due(turn, run, run.plan.task(index), record)

    @property
    def next_deadline(self) -> float | None:
        """When `expire` may have something to do; None: never."""
        return self._timers.next_due

    # ── what a person or another run asks for ─────────────────────────────────────────────────────────────

    def cancel(self, turn: Turn, run: RunRecord, by: str, why: str = "") -> None:
        """End a run: what waits is taken back, what runs is stopped; its handlers come behind that."""
        self._ending.cancel(turn, run, by, why)
        self.follow_along(turn)

    def answer(self, turn: Turn, run: RunRecord, index: int, by: str, *, yes: bool) -> None:
        """Answer the question that a task waits with."""
        record = run.tasks[index]
        question = record.question
        if question is None:
            return
        if question.repeats and yes:
            turn.record(rf.TaskRetried(turn.now, run.number, index, turn.now, f"as {by} decided"))
        elif question.repeats:
            settle(turn, run, index, Verdict(StepResult.INTERRUPTED, f"{question.text}; {by} left it so"))
        elif yes:
            settle(turn, run, index, Verdict(StepResult.SUCCESS, f"approved by {by}"))
        else:
            settle(turn, run, index, Verdict(StepResult.REJECTED, f"rejected by {by}"))

    # ── what happened ─────────────────────────────────────────────────────────────────────────────────────

    def _moved(self, turn: Turn, run: RunRecord | None) -> None:
        if run is None:
            return
        self._arm(run)
        if run.has_ended:
            self._forget(turn, run)
        else:
            self._advance(turn, run)

    def _message_moved(self, turn: Turn, message: Message) -> None:
        run = self._state.runs.get(message.run)
        record = run.tasks.get(message.step) if run is not None else None
        if run is None or record is None or run.has_ended or record.settled is not None:
            return
        if record.messages[-1:] != [message.number]:
            return
        self._arm(run, message.step)
        self._watching.tell(turn, run, message.step)
        if message.has_ended or message.status is Status.IN_DOUBT:
            self._attempt_over(turn, run, message.step, message)
        elif message.status in (Status.STARTED, Status.HELD) and is_to_end(run, message.step):
            # It was being typed when that was decided; held is what the pane refused.
            self._ending.stop(turn, run, message.step)

    def _task_moved(self, turn: Turn, run: RunRecord, index: int) -> None:
        self._arm(run, index)
        self._watching.tell(turn, run, index)
        record = run.tasks[index]
        if record.retry_reason:
            self._offer_siblings(turn, run, run.plan.task(index))
            self._due(turn, run, run.plan.task(index), record)
            self._advance(turn, run)

    def _settled(self, turn: Turn, run: RunRecord, index: int) -> None:
        self._watching.tell(turn, run, index)
        frontier = self._frontiers.get(run.number)
        task = run.plan.task(index)
        if frontier is not None:
            frontier.settled(index)
        self._offer_siblings(turn, run, task)
        settled = run.settled(index)
        matrix = task.step.matrix
        if settled is not None and matrix is not None and matrix.fail_fast and settled.conclusion not in GOOD:
            why = f"{task.name} ended with {settled.result}, and fail-fast ends the others"
            for sibling in run.plan.of_step[task.step.id]:
                self._ending.give_up(turn, run, sibling, why)
        self._advance(turn, run)

    def _paused(self, turn: Turn, run: RunRecord) -> None:
        self._ending.take_back(turn, run)
        self._frontiers.pop(run.number, None)
        self._watching.tell_all(turn, run)

    def _offer_siblings(self, turn: Turn, run: RunRecord, task: Task) -> None:
        """There may be room for another combination of the step."""
        if task.step.matrix is None or task.step.matrix.max_parallel is None:
            return
        for index in run.plan.of_step[task.step.id]:
            record, frontier = run.tasks.get(index), self._frontiers.get(run.number)
            if record is None and frontier is not None:
                frontier.offer(index)
            elif record is not None and record.settled is None and record.retry_reason:
                self._due(turn, run, run.plan.task(index), record)

    def _resolved(self, turn: Turn, number: int) -> None:
        message = self._state.messages.get(number)
        run = self._state.runs.get(message.run) if message is not None and message.run else None
        if run is not None and message is not None and not run.has_ended:
            self._frontiers.pop(run.number, None)
            self._watching.tell(turn, run, message.step)

    def _restore_task(self, turn: Turn, run: RunRecord, index: int, record: TaskRecord) -> None:
        message = self._state.messages.get(record.messages[-1]) if record.messages else None
        if record.retry_reason or record.question is not None:
            return
        if record.child:
            self._child_ended(turn, self._state.runs.get(record.child))
        elif message is None and record.messages:
            # Its message was forgotten: it ended, and only that was recorded.
            self._attempt_over(turn, run, index, None)
        elif message is not None and (message.has_ended or message.status is Status.IN_DOUBT):
            self._attempt_over(turn, run, index, message)
        elif message is not None and is_to_end(run, index):
            self._ending.stop(turn, run, index)

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────

    def _advance(self, turn: Turn, run: RunRecord) -> None:
        """Begin and settle all that can be; then the next phase, or the end."""
        if run.has_ended or run.status is RunStatus.QUEUED:
            return
        phase = run.phase
        if phase is None:
            turn.record(rf.RunFinished(turn.now, run.number, self._outcome(run), run.reason))
            return
        frontier = self._frontiers.get(run.number)
        if frontier is None or frontier.phase is not phase:
            frontier = self._frontiers[run.number] = Frontier(run, phase)
        if run.paused_at is None or run.cancel_phase is phase:
            for index in frontier.take():
                self._consider(turn, run, run.plan.task(index))
        if phase is Phase.STEPS and frontier.is_over and run.outcome is None and not run.has_ended:
            self._conclude(turn, run)

    def _conclude(self, turn: Turn, run: RunRecord) -> None:
        status = self._outcome(run)
        if run.plan.has_handlers:
            turn.record(rf.RunConcluded(turn.now, run.number, status))
        else:
            turn.record(rf.RunFinished(turn.now, run.number, status, run.reason))

    def _consider(self, turn: Turn, run: RunRecord, task: Task) -> None:
        """Begin a task whose needs are settled, or say why it is not run."""
        record = run.tasks.get(task.index)
        if record is not None and (record.messages or record.question or record.child or record.settled):
            return
        if self._is_crowded(run, task):
            return
        view = View(run, task)
        try:
            if run.cancel_phase is task.phase and (run.forced or not view.asks_for_status):
                settle(turn, run, task.index, Verdict(StepResult.CANCELLED, run.reason))
                return
            is_due, settled = view.condition()
            if is_due:
                self._beginning.begin(turn, run, task, view)
        except (ExpressionError, WireError) as error:
            settle(turn, run, task.index, _cannot_begin(error))
            return
        if settled is not None:
            turn.record(
                rf.TaskSettled(
                    turn.now, run.number, task.index, settled.result, settled.reason, settled.cause,
                    trace=settled.trace,
                )
            )  # fmt: skip

    def _is_crowded(self, run: RunRecord, task: Task) -> bool:
        """Whether as many combinations of its step are under way as may be. Counted, so none can leak."""
        matrix = task.step.matrix
        if matrix is None or matrix.max_parallel is None:
            return False
        siblings = (run.tasks.get(index) for index in run.plan.of_step[task.step.id])
        under_way = sum(
            each is not None and each.settled is None and not each.retry_reason for each in siblings
        )
        return under_way >= matrix.max_parallel

    # ── attempts ──────────────────────────────────────────────────────────────────────────────────────────

    def _attempt_over(self, turn: Turn, run: RunRecord, index: int, message: Message | None) -> None:
        """Settle the task, or try it again."""
        task, record = run.plan.task(index), run.tasks[index]
        stopped = is_to_end(run, index) and not record.timed_out
        verdict = judged(record, message, stopped=stopped, why=record.unwanted or run.reason)
        due_at = None if stopped else retry_at(run, task, record, verdict, turn.now)
        if due_at is not None:
            turn.record(
                rf.TaskRetried(turn.now, run.number, index, due_at, verdict.reason or str(verdict.result))
            )
        elif verdict.result is StepResult.INTERRUPTED and task.step.on_interrupt is OnInterrupt.ASK:
            text = f"{task.name} of {run.workflow} was interrupted ({verdict.reason}): run it again?"
            turn.record(rf.TaskAsked(turn.now, run.number, index, text, None, repeats=True))
            self._beginning.ask_aloud(turn, run, task, text)
        else:
            settle(turn, run, index, verdict)

    def _due(self, turn: Turn, run: RunRecord, task: Task, record: TaskRecord) -> None:
        """Something that a task waits for is over, or its time is."""
        is_due = record.due_at is not None and record.due_at <= turn.now
        is_over = record.deadline_at is not None and record.deadline_at <= turn.now
        if record.question is not None:
            if is_due and task.step.on_timeout is OnTimeout.APPROVE:
                settle(
                    turn, run, task.index, Verdict(StepResult.SUCCESS, "nobody answered in time: approved")
                )
            elif is_due:
                settle(turn, run, task.index, Verdict(StepResult.TIMED_OUT, "nobody answered in time"))
        elif record.retry_reason:
            if is_over:
                why = f"the time for all attempts is over; the last: {record.retry_reason}"
                settle(turn, run, task.index, Verdict(StepResult.TIMED_OUT, why))
            elif is_due and run.paused_at is None and not self._is_crowded(run, task):
                self._begin_again(turn, run, task)
        elif (is_due or is_over) and record.messages:
            turn.record(rf.TaskStopped(turn.now, run.number, task.index, timed_out=True))
            self._ending.stop(turn, run, task.index)

    def _begin_again(self, turn: Turn, run: RunRecord, task: Task) -> None:
        try:
            self._beginning.attempt(turn, run, task, View(run, task))
        except (ExpressionError, WireError) as error:
            settle(turn, run, task.index, _cannot_begin(error))

    def _child_ended(self, turn: Turn, child: RunRecord | None) -> None:
        if child is None or not child.has_ended or child.start.parent is None:
            return
        number, index = child.start.parent
        parent = self._state.runs.get(number)
        if parent is not None and not parent.has_ended and parent.settled(index) is None:
            result = STEP_RESULT.get(child.status, StepResult.FAILURE)
            reason = "" if result is StepResult.SUCCESS else f"{child.id} ended with {child.status}"
            settle(turn, parent, index, Verdict(result, reason))

    def _forget(self, turn: Turn, run: RunRecord) -> None:
        self._frontiers.pop(run.number, None)
        self._watching.end(turn, run)
        self._child_ended(turn, run)
        if run.start.group:
            self._admit_queued(turn)

    def _admit_queued(self, turn: Turn) -> None:
        for run in groups.admissible(self._state.runs.values()):
            turn.record(rf.RunAdmitted(turn.now, run.number))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _outcome(self, run: RunRecord) -> RunStatus:
        """What the run comes to: by the first of its steps that went wrong, or of its handlers."""
        if run.outcome is not None and run.outcome not in (RunStatus.SUCCESS, RunStatus.PARTIAL):
            return run.outcome
        if run.outcome is None and run.cancel_phase is Phase.STEPS:
            return RunStatus.TIMED_OUT if run.timed_out else RunStatus.CANCELLED
        settled = [record.settled for record in run.tasks.values() if record.settled is not None]
        wrong = [each for each in settled if each.conclusion not in GOOD]
        if wrong:
            return RUN_STATUS[min(wrong, key=_when).result]
        return RunStatus.PARTIAL if any(each.excused for each in settled) else RunStatus.SUCCESS

    def _arm(self, run: RunRecord, index: int | None = None) -> None:
        """Be told when what it waits for is due."""
        if run.has_ended:
            return
        if run.due_at is not None:
            self._timers.set(run.due_at, run.number, 0)
        for number in run.tasks if index is None else (index,):
            record = run.tasks[number]
            for at in (record.due_at, record.deadline_at):
                if record.settled is None and at is not None:
                    self._timers.set(at, run.number, number)


def _cannot_begin(error: ExpressionError | WireError) -> Verdict:
    what = "an expression: " if isinstance(error, ExpressionError) else ""
    return Verdict(StepResult.FAILURE, f"{what}{error.message}")


def _when(settled: Settled) -> float:
    return settled.at
