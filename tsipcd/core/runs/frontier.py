"""Which tasks of a run may begin, in order: those whose needs are all settled. Made from the record."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from tsipcd.core.runs.records import RunRecord
from tsipcd.workflows.plan import Phase


class Frontier:
    """Of one phase of one run. Linear over the whole phase, however often it is asked."""

    def __init__(self, run: RunRecord, phase: Phase) -> None:
        self.phase = phase
        self._run = run
        self._left: set[int] = set()
        """Not settled."""
        self._missing: dict[int, int] = {}
        """How many needs of each task are not settled."""
        self._ready: list[int] = []
        for task in run.plan.in_phase(phase):
            if run.settled(task.index) is None:
                self._left.add(task.index)
                self._missing[task.index] = sum(run.settled(need) is None for need in task.needs)
                record = run.tasks.get(task.index)
                if not self._missing[task.index] and (record is None or not record.messages):
                    self._ready.append(task.index)

    @property
    def is_over(self) -> bool:
        """Whether every task is settled."""
        return not self._left

    @property
    def left(self) -> list[int]:
        """The tasks that are not settled."""
        return sorted(self._left)

    def settled(self, index: int) -> None:
        """A task was settled: others may begin."""
        self._left.discard(index)
        for later in self._run.plan.later.get(index, ()):
            if later in self._missing:
                self._missing[later] -= 1
                if not self._missing[later]:
                    heapq.heappush(self._ready, later)

    def offer(self, index: int) -> None:
        """A task is to be considered once more."""
        if index in self._left:
            heapq.heappush(self._ready, index)

    def take(self) -> Iterator[int]:
        """Each task whose turn has come, once; those that become so meanwhile, too."""
        while self._ready:
            index = heapq.heappop(self._ready)
            if index in self._left:
                yield index
