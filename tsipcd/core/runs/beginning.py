"""How each kind of task begins: a command typed, a text shown, a person asked, another run started."""

from __future__ import annotations

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages import MessageType, StepResult
from tsipcd.core import facts as f
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.names import Absent, World, absent_reason
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.attempts import Verdict
from tsipcd.core.runs.conditions import View
from tsipcd.core.runs.given import inputs_of
from tsipcd.core.runs.records import RunRecord, Start, Trigger
from tsipcd.core.runs.settling import settle
from tsipcd.core.state import OWN_NAME, State
from tsipcd.core.turn import Turn
from tsipcd.workflows.definition import Deliver, Kind
from tsipcd.workflows.plan import Task


class Beginning:
    """Begins tasks."""

    def __init__(self, state: State, world: World, deliveries: Deliveries, ttl_s: float) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._ttl_s = ttl_s

    def begin(self, turn: Turn, run: RunRecord, task: Task, view: View) -> None:
        """Begin a task that nothing keeps from it. Raises `ExpressionError` or `WireError`."""
        step = task.step
        match step.kind:
            case Kind.COMMAND:
                self.attempt(turn, run, task, view)
            case Kind.NOTIFY:
                self._notify(turn, view.filled(step.session), view.filled(step.command), run.depth)
                settle(turn, run, task.index, Verdict(StepResult.SUCCESS, ""))
            case Kind.APPROVAL:
                text = view.filled(step.command)
                until = None if step.timeout_s is None else turn.now + step.timeout_s
                turn.record(rf.TaskAsked(turn.now, run.number, task.index, text, until))
                self.ask_aloud(turn, run, task, text)
            case Kind.WORKFLOW:
                self._begin_run(turn, run, task, view)

    def attempt(self, turn: Turn, run: RunRecord, task: Task, view: View) -> None:
        """Begin one attempt of a task that is a command. Raises `ExpressionError`."""
        session = view.filled(task.step.session)
        view.environment()  # What is wrong with it is found here, where it can be said.
        found = self._world.place_of(session) or Absent(session)
        number = self._state.last_message + 1
        record = run.tasks.get(task.index)
        turn.record(
            f.MessageAccepted(
                turn.now, number, run.workflow, session, MessageType.COMMAND, task.step.command,
                turn.now + self._ttl_s, run=run.number, step=task.index, depth=run.depth,
                held=absent_reason(session) if isinstance(found, Absent) else "",
                pane=found.pane if not isinstance(found, Absent) and found.pinned else None,
                now=task.step.deliver is Deliver.NOW, retry=len(record.messages) if record is not None else 0,
            )
        )  # fmt: skip
        self._deliveries.enter(turn, self._state.messages[number], found)

    def _begin_run(self, turn: Turn, run: RunRecord, task: Task, view: View) -> None:
        library = {each.name: each for each in run.start.library}
        inputs = {name: view.filled(text) for name, text in task.step.inputs}
        definition = library.get(task.step.workflow)
        if definition is None:
            raise BadInput(ErrorCode.UNKNOWN_WORKFLOW, f"no workflow {task.step.workflow}")
        start = Start(
            definition=definition, library=run.start.library, trigger=Trigger.WORKFLOW,
            inputs=inputs_of(definition, inputs), event=run.start.event,
            parent=(run.number, task.index),
        )  # fmt: skip
        number = self._state.last_run + 1
        turn.record(rf.RunStarted(turn.now, number, definition.name, depth=run.depth, start=start))

    def _notify(self, turn: Turn, session: str, text: str, depth: int) -> None:
        number = self._state.last_message + 1
        found = self._world.place_of(session) or Absent(session)
        turn.record(
            f.MessageAccepted(
                turn.now, number, OWN_NAME, session, MessageType.NOTIFICATION, text, turn.now + self._ttl_s,
                depth=depth, held=absent_reason(session) if isinstance(found, Absent) else "",
            )
        )  # fmt: skip
        self._deliveries.enter(turn, self._state.messages[number], found)

    def ask_aloud(self, turn: Turn, run: RunRecord, task: Task, text: str) -> None:
        """Let the people in the task's session see that they are asked."""
        if task.step.session:
            said = f"{text} - ts-ipc approve {run.id} {task.step.id}"
            self._notify(turn, View(run, task).filled(task.step.session), said, run.depth)
