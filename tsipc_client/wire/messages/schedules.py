"""What starts by itself: workflows at their times, and at events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleView:
    """A schedule of a workflow."""

    workflow: str
    cron: str
    timezone: str
    catchup_s: float
    """The last time missed is made up for within so long after it."""
    next_at: float | None
    """None: never again."""
    offset_s: int
    """How far the zone is ahead of UTC then."""
    last_at: float | None
    """The last of its times that a run started for; None: there was none yet."""
    last_run: str
    """That run; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTriggerView:
    """An event that starts a workflow."""

    workflow: str
    event: str
    source: str
    """Only those from this session; empty: from any."""
    condition: str
    """Only those for which this holds; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleList:
    """Answer to `Schedule`: what comes next first."""

    schedules: tuple[ScheduleView, ...]
    events: tuple[EventTriggerView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What starts by itself."""

    METHOD: ClassVar[str] = "schedule"
    RESULT: ClassVar = ScheduleList
