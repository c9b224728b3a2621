"""When runs and their tasks want to be looked at again. What is out of date is sorted out by whoever asks."""

from __future__ import annotations

import heapq


class Timers:
    """Times since the epoch, each with a run and a task (0: the run itself)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int]] = []
        self._known: set[tuple[float, int, int]] = set()

    def set(self, at: float, run: int, task: int) -> None:
        """Tell of it from `at` on. The same again is no second one."""
        entry = (at, run, task)
        if entry not in self._known:
            self._known.add(entry)
            heapq.heappush(self._heap, entry)

    def take_due(self, now: float) -> list[tuple[int, int]]:
        """The runs and tasks whose time has come, each time once."""
        due: list[tuple[int, int]] = []
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            self._known.discard(entry)
            due.append(entry[1:])
        return due

    @property
    def next_due(self) -> float | None:
        """When `take_due` has something; None: never."""
        return self._heap[0][0] if self._heap else None
