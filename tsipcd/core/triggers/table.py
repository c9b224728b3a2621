"""The durable side of triggers, in the state: changed by facts only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from tsipcd.core.triggers import facts as tf
from tsipcd.core.triggers.records import DueRun, Key, ScheduleRecord


class TriggerTable:
    """How far each schedule is, and what is due."""

    def __init__(self) -> None:
        self.schedules: dict[Key, ScheduleRecord] = {}
        self.due: dict[int, DueRun] = {}
        """By number, the oldest first."""
        self.last_due = 0
        self.last_event = 0
        """Events are numbered for those who answer them."""

    def apply(self, fact: tf.TriggerFact) -> None:
        """Take one fact in."""
        match fact:
            case tf.ScheduleArmed():
                record = self.schedules.setdefault(_key(fact), ScheduleRecord(fact.at))
                record.until = fact.at
            case tf.ScheduleFired():
                record = self.schedules[_key(fact)]
                record.until = record.fired = fact.time
                due = DueRun(
                    fact.due,
                    fact.workflow,
                    fact.at,
                    cron=fact.cron,
                    timezone=fact.timezone,
                    time=fact.time,
                )
                self._is_due(due)
            case tf.ScheduleSkipped():
                self.schedules[_key(fact)].until = fact.last
            case tf.ScheduleDropped():
                self.schedules.pop(_key(fact), None)
            case tf.NotStarted():
                self.due.pop(fact.due, None)
            case tf.ScheduleKept():
                self.schedules[_key(fact)] = ScheduleRecord(fact.until, fact.fired, fact.run)
            case tf.DueKept():
                self._is_due(fact.due)
            case tf.TriggerCountersKept():
                self.last_due, self.last_event = fact.due, fact.event
            case _:
                assert_never(fact)

    def published(self, due: DueRun, workflows: tuple[str, ...]) -> None:
        """An event was accepted, and with it a run of each of these became due, numbered from `due`'s on."""
        self.last_event += 1
        for number, workflow in enumerate(workflows, due.number):
            self._is_due(replace(due, number=number, workflow=workflow, event_id=event_id(self.last_event)))

    def started(self, number: int, run: int) -> None:
        """The run that was due is there."""
        due = self.due.pop(number, None)
        record = self.schedules.get(due.schedule) if due is not None and due.schedule is not None else None
        if record is not None:
            record.run = run

    def snapshot(self, at: float) -> Iterator[tf.TriggerFact]:
        """The facts that rebuild this."""
        for key, record in self.schedules.items():
            yield tf.ScheduleKept(at, *key, record.until, record.fired, record.run)
        for due in self.due.values():
            yield tf.DueKept(at, due)
        if self.last_due or self.last_event:
            yield tf.TriggerCountersKept(at, self.last_due, self.last_event)

    def _is_due(self, due: DueRun) -> None:
        self.due[due.number] = due
        self.last_due = max(self.last_due, due.number)


def event_id(number: int) -> str:
    """What an event is called for those who answer it."""
    return f"event-{number}"


def _key(
    fact: tf.ScheduleArmed | tf.ScheduleFired | tf.ScheduleSkipped | tf.ScheduleDropped | tf.ScheduleKept,
) -> Key:
    return Key(fact.workflow, fact.cron, fact.timezone)
