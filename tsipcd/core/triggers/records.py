"""What the state holds of triggers: how far each schedule is, and which runs are due."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from tsipcd.workflows.definition import EventTrigger, ScheduleTrigger


class Key(NamedTuple):
    """Which schedule. Another line or zone is another schedule, and begins anew."""

    workflow: str
    cron: str
    timezone: str


class ScheduleRecord(msgspec.Struct):
    """How far a schedule is."""

    until: float
    """What becomes of each of its times up to this one is decided."""
    fired: float | None = None
    """The last of its times that a run became due for."""
    run: int = 0
    """The last run it started."""


class DueRun(msgspec.Struct, frozen=True):
    """A run that is to start."""

    number: int
    workflow: str
    at: float
    """Since when."""
    cron: str = ""
    """The schedule's line; empty: it is an event that it is due for."""
    timezone: str = ""
    time: float = 0.0
    """The time of the schedule."""
    event: str = ""
    source: str = ""
    data: str = ""
    event_id: str = ""
    depth: int = 0
    """As deep as what caused it; see `tsipcd.core.loops`."""

    @property
    def schedule(self) -> Key | None:
        """Which schedule it is due for; None: an event."""
        return Key(self.workflow, self.cron, self.timezone) if self.cron else None


class Times(Protocol):
    """When a schedule comes true."""

    def after(self, at: float) -> float | None:
        """The first time after `at`; None: never again."""

    def last(self, until: float) -> float | None:
        """The latest time that is not after `until`; None: it never came."""

    def between(self, after: float, until: float) -> Iterator[float]:
        """Each time after `after` up to `until`, in order."""

    def offset_s(self, at: float) -> int:
        """How far the zone is ahead of UTC at that time."""


class Armed(NamedTuple):
    """A schedule of a workflow, as its file has it."""

    workflow: str
    trigger: ScheduleTrigger
    times: Times

    @property
    def key(self) -> Key:
        """Which one it is."""
        return Key(self.workflow, self.trigger.cron, self.trigger.timezone)


class Listening(NamedTuple):
    """An event that a workflow starts at, as its file has it."""

    workflow: str
    trigger: EventTrigger
