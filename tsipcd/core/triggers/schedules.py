"""Which schedules are due, and what becomes of times that were missed.

Each time is decided once. One that is reached within `PUNCTUAL_S` starts a run. Of several that were missed,
because no daemon ran, the machine slept or the clock was set, the last one does if it is not longer ago than
the schedule's own `catchup`; every other is skipped, with a record. Schedules of one workflow that come at
the same time start one run. A clock that is set back by up to `BACK_S` repeats nothing; by more, it was wrong
before, and the schedules go by what it shows now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from tsipcd.core import effects as e
from tsipcd.core.state import State
from tsipcd.core.triggers import facts as tf
from tsipcd.core.triggers.records import Armed, Key, ScheduleRecord
from tsipcd.core.turn import Turn

PUNCTUAL_S: Final = 60.0
"""How late a run may start without having been missed."""

BACK_S: Final = 3 * 3600.0

MAX_COUNTED: Final = 1000
"""Missed times that are counted one by one."""


class Schedules:
    """The volatile side: the schedules of all files, and when each comes next."""

    def __init__(self, state: State) -> None:
        self._table = state.triggers
        self._armed: dict[Key, Armed] = {}
        self._next: dict[Key, float] = {}

    @property
    def next_due(self) -> float | None:
        """When the next of them is due; None: never."""
        return min(self._next.values(), default=None)

    def read(self, turn: Turn, armed: Iterable[Armed]) -> None:
        """These are all the schedules there are now."""
        self._armed = {each.key: each for each in armed}
        self._next = {}
        for key in [key for key in self._table.schedules if key not in self._armed]:
            turn.record(tf.ScheduleDropped(turn.now, *key))
        for key in self._armed:
            if key not in self._table.schedules:
                turn.record(tf.ScheduleArmed(turn.now, *key))
        self.clock_set(turn)

    def clock_set(self, turn: Turn) -> None:
        """The clock may show another time than it did: go by that."""
        for key in self._armed:
            if self._table.schedules[key].until > turn.now + BACK_S:
                turn.record(tf.ScheduleArmed(turn.now, *key))
            self._look_ahead(key)

    def fire(self, turn: Turn) -> None:
        """Decide about every time that has come."""
        for key in [key for key, at in self._next.items() if at <= turn.now]:
            self._decide(turn, self._armed[key], self._table.schedules[key])
            self._look_ahead(key)

    def views(self) -> Iterator[tuple[Armed, ScheduleRecord, float | None]]:
        """Each schedule, how far it is, and when it comes next."""
        for key, armed in self._armed.items():
            yield armed, self._table.schedules[key], self._next.get(key)

    def _look_ahead(self, key: Key) -> None:
        at = self._armed[key].times.after(self._table.schedules[key].until)
        if at is None:
            self._next.pop(key, None)
        else:
            self._next[key] = at

    def _decide(self, turn: Turn, armed: Armed, record: ScheduleRecord) -> None:
        times, last = armed.times, armed.times.last(turn.now)
        if last is None or last <= record.until:
            return
        late_s = turn.now - last
        runs = late_s <= max(armed.trigger.catchup_s, PUNCTUAL_S)
        missed_to = times.last(last - 1) if runs else last
        if missed_to is not None and missed_to > record.until:
            missed = list(islice(times.between(record.until, missed_to), MAX_COUNTED + 1))
            count = len(missed) if len(missed) <= MAX_COUNTED else 0
            reason = _reason(armed.trigger.catchup_s, late_s, runs=runs)
            turn.record(tf.ScheduleSkipped(turn.now, *armed.key, missed[0], missed_to, count, reason))
        if runs and self._has_fired(armed.workflow, last):
            turn.record(tf.ScheduleSkipped(turn.now, *armed.key, last, last, 1, "another schedule came then"))
        elif runs:
            number = self._table.last_due + 1
            turn.record(tf.ScheduleFired(turn.now, *armed.key, last, number))
            turn.ask(e.ReadDue(number, armed.workflow))

    def _has_fired(self, workflow: str, time: float) -> bool:
        """Whether another schedule of the same workflow came at that very time."""
        return any(
            record.fired == time for key, record in self._table.schedules.items() if key.workflow == workflow
        )


def _reason(catchup_s: float, late_s: float, *, runs: bool) -> str:
    if runs:
        return "missed; the last time is made up for" if late_s > PUNCTUAL_S else "missed"
    if not catchup_s:
        return "missed; it has no catchup"
    return f"missed by more than its catchup of {catchup_s:.0f} s"
