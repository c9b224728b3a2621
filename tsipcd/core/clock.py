"""A clock that is set moves the deadlines with it: what had an hour left still has an hour.

Deadlines are kept as times of the wall clock, because a daemon may end before them and another begin. While
one runs it knows how much time has really passed; of the time between two lives it knows only that it was not
negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

STEP_S: Final = 10.0
"""A clock that is off by less is not moved for: clocks are always being corrected a little."""


class Waiting(Protocol):
    """What has a deadline, until it has ended."""

    expires_at: float

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen to it."""


def shift(all_of: Iterable[Waiting], by_s: float) -> None:
    """Every deadline is `by_s` later, or earlier, as the clock is."""
    for each in all_of:
        if not each.has_ended:
            each.expires_at += by_s


def set_back_s(last_at: float, now: float) -> float:
    """By how much the clock must have been set back since `last_at`, as a negative number; 0: not at all."""
    return min(0.0, now - last_at) if now - last_at <= -STEP_S else 0.0
