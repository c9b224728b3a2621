"""What is durable of triggers; see `tsipcd.core.facts`, where all facts come together."""

from __future__ import annotations

from tsipcd.core.fact import Fact
from tsipcd.core.triggers.records import DueRun


class ScheduleArmed(Fact, frozen=True, tag="schedule-armed"):
    """A schedule was found in a file, or the clock was set far back: its times after `at` count."""

    workflow: str
    cron: str
    timezone: str


class ScheduleFired(Fact, frozen=True, tag="schedule-fired"):
    """One of its times came: the run that is due gets the number `due`."""

    workflow: str
    cron: str
    timezone: str
    time: float
    due: int


class ScheduleSkipped(Fact, frozen=True, tag="schedule-skipped"):
    """So many of its times, from `first` to `last`, passed without a run."""

    workflow: str
    cron: str
    timezone: str
    first: float
    last: float
    count: int
    """0: too many to count."""
    reason: str


class ScheduleDropped(Fact, frozen=True, tag="schedule-dropped"):
    """No file holds it any more."""

    workflow: str
    cron: str
    timezone: str


class NotStarted(Fact, frozen=True, tag="not-started"):
    """No run came of the one that was due, or would have been."""

    workflow: str
    due: int
    """0: it did not become due."""
    reason: str


class ScheduleKept(Fact, frozen=True, tag="schedule-kept"):
    """Snapshots only: a schedule as it stood."""

    workflow: str
    cron: str
    timezone: str
    until: float
    fired: float | None = None
    run: int = 0


class DueKept(Fact, frozen=True, tag="due-kept"):
    """Snapshots only: a run that is due."""

    due: DueRun


class TriggerCountersKept(Fact, frozen=True, tag="trigger-counters"):
    """Snapshots only: the last numbers given out."""

    due: int
    event: int


TriggerFact = (
    ScheduleArmed
    | ScheduleFired
    | ScheduleSkipped
    | ScheduleDropped
    | NotStarted
    | ScheduleKept
    | DueKept
    | TriggerCountersKept
)
