"""When waiting messages expire: whole seconds, each with its messages."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Self


class Expiry:
    """Deadlines of messages. One that ended in time is still reported; the caller knows."""

    def __init__(self) -> None:
        self._numbers: dict[int, list[int]] = {}
        self._seconds: list[int] = []
        """A heap of the keys. One entry a second, not one a message: a million may wait."""

    @classmethod
    def of(cls, deadlines: Iterable[tuple[int, float]]) -> Self:
        """All of these, as `watch` takes them."""
        expiry = cls()
        for number, expires_at in deadlines:
            expiry.watch(number, expires_at)
        return expiry

    def watch(self, number: int, expires_at: float) -> None:
        """Report `number` from `expires_at` on (seconds since the epoch; infinity: never)."""
        if math.isinf(expires_at):
            return
        second = math.ceil(expires_at)
        numbers = self._numbers.get(second)
        if numbers is None:
            numbers = self._numbers[second] = []
            heapq.heappush(self._seconds, second)
        numbers.append(number)

    def take_due(self, now: float) -> list[int]:
        """The messages whose time is over, each once."""
        due: list[int] = []
        while self._seconds and self._seconds[0] <= now:
            due += self._numbers.pop(heapq.heappop(self._seconds))
        return due

    @property
    def next_deadline(self) -> float | None:
        """When `take_due` has something; None: never."""
        return self._seconds[0] if self._seconds else None
