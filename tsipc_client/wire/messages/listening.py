"""Listening to what is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One published event. Numbers grow from event to event, and are never given twice."""

    seq: int
    at: float
    event: str
    source: str
    data: str
    observed: str = ""
    """The session that really published it; empty: it was in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Answer to `Listen`: events in the order of their numbers, durable."""

    events: tuple[EventView, ...]
    next: int
    """Where to ask on: nothing between this and `start` was left out but what was not wanted."""
    forgotten: int = 0
    """Events up to this number are not kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """The events published from number `start` on, as soon as there are some; ask on from `next`."""

    METHOD: ClassVar[str] = "listen"
    RESULT: ClassVar = Heard
    events: tuple[str, ...] = ()
    """Names or patterns (`deploy.*`, `build.**`), any of which will do; none: every event."""
    start: int | None = None
    """None: those that are published from now on."""
    since: float | None = None
    """Without `start`: only find the number from which on they were published at this time or later."""
    where: str = ""
    """An expression that must be true of an event."""
    limit: int = 1000
    wait: bool = True
    """Answer when there is something, instead of at once."""
