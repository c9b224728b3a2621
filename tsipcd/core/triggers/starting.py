"""Starts the runs that are due: first the fact that one is, then its definition is read, then it begins.

Between these the daemon may end at any moment: what is due is asked for again by the next life, and whatever
began is not due any more.
"""

from __future__ import annotations

from typing import Final, Protocol

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import UnknownSession, WireError
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.names import World
from tsipcd.core.runs.given import inputs_of
from tsipcd.core.runs.records import Event, Start, Trigger
from tsipcd.core.state import State
from tsipcd.core.triggers import facts as tf
from tsipcd.core.triggers.events import Answering, Events
from tsipcd.core.triggers.records import DueRun
from tsipcd.core.triggers.schedules import Schedules
from tsipcd.core.triggers.table import event_id
from tsipcd.core.turn import Turn

PATIENCE_S: Final = 60.0
"""How long a run waits for tmux servers that do not answer, if its sessions may be there."""


class Runs(Protocol):
    """What begins runs."""

    def begin_due(self, turn: Turn, start: Start, due: DueRun) -> None:
        """Begin a run that nobody asked for by hand. Raises `WireError` if it cannot be."""


class Triggers:
    """Everything that starts by itself."""

    def __init__(self, state: State, world: World, runs: Runs) -> None:
        self._table = state.triggers
        self._world = world
        self._runs = runs
        self._schedules = Schedules(state)
        self._events = Events()
        self._is_open = True

    @property
    def next_deadline(self) -> float | None:
        """When `fire` has something to do; None: never."""
        return self._schedules.next_due if self._is_open else None

    def set_open(self, turn: Turn, *, is_open: bool) -> None:
        """Whether runs may start now. What cannot stays due, and is decided about when it can."""
        was, self._is_open = self._is_open, is_open
        if is_open and not was:
            self.restore(turn)
            self.fire(turn)

    def restore(self, turn: Turn) -> None:
        """Go on with what is due."""
        for due in self._table.due.values():
            turn.ask(e.ReadDue(due.number, due.workflow))

    def take(self, turn: Turn, read: i.TriggersRead | i.DueRead) -> None:
        """Files were read: those of all workflows, or of one that is due."""
        if isinstance(read, i.TriggersRead):
            self._read(turn, read)
        else:
            self._begin(turn, read)

    def clock_set(self, turn: Turn) -> None:
        """The clock shows another time than it did."""
        self._schedules.clock_set(turn)
        self.fire(turn)

    def fire(self, turn: Turn) -> None:
        """Decide about every time of a schedule that has come."""
        if self._is_open:
            self._schedules.fire(turn)

    def answering(self, event: str, source: str, data: str) -> Answering:
        """What the event leads to that is about to be published."""
        return self._events.answering(event, source, data, event_id(self._table.last_event + 1))

    def published(self, turn: Turn, answering: Answering) -> None:
        """That event was accepted, and with it the latest runs became due."""
        first = self._table.last_due - len(answering.workflows) + 1
        for number, workflow in enumerate(answering.workflows, first):
            turn.ask(e.ReadDue(number, workflow))
        for workflow, reason in answering.faults:
            turn.record(tf.NotStarted(turn.now, workflow, 0, reason))

    def listed(self) -> m.ScheduleList:
        """What starts by itself: what comes next first, events last."""
        schedules = [
            m.ScheduleView(
                workflow=armed.workflow,
                cron=armed.trigger.cron,
                timezone=armed.trigger.timezone,
                catchup_s=armed.trigger.catchup_s,
                next_at=at,
                offset_s=armed.times.offset_s(at) if at is not None else 0,
                last_at=record.fired,
                last_run=f"run-{record.run}" if record.run else "",
            )
            for armed, record, at in self._schedules.views()
        ]
        schedules.sort(key=lambda view: (view.next_at is None, view.next_at, view.workflow))
        events = [
            m.EventTriggerView(
                workflow=workflow, event=trigger.event, source=trigger.source, condition=trigger.if_
            )
            for workflow, trigger in self._events.views()
        ]
        events.sort(key=lambda view: (view.workflow, view.event, view.source))
        return m.ScheduleList(schedules=tuple(schedules), events=tuple(events))

    def _read(self, turn: Turn, read: i.TriggersRead) -> None:
        self._events.read(read.events)
        self._schedules.read(turn, read.schedules)
        self.fire(turn)

    def _begin(self, turn: Turn, read: i.DueRead) -> None:
        due = self._table.due.get(read.due)
        if due is None or not self._is_open:
            return
        if read.workflow is None:
            turn.record(tf.NotStarted(turn.now, due.workflow, due.number, read.fault))
            return
        try:
            start = Start(
                definition=read.workflow,
                library=read.library,
                inputs=inputs_of(read.workflow, {}),
                trigger=Trigger.EVENT if due.schedule is None else Trigger.SCHEDULE,
                event=Event(due.event, due.source, due.data, due.event_id) if due.schedule is None else None,
            )
            self._runs.begin_due(turn, start, due)
        except UnknownSession as error:
            if self._world.silent and turn.now - due.at < PATIENCE_S:
                turn.ask(e.ReadDue(due.number, due.workflow, again=True))
            else:
                turn.record(tf.NotStarted(turn.now, due.workflow, due.number, error.message))
        except WireError as error:
            turn.record(tf.NotStarted(turn.now, due.workflow, due.number, error.message))
