"""Who waits for what: first in, first out by rank, one at a time, and nobody waits for another's lane."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")


class Lanes(Generic[K]):
    """A queue of message numbers for each key (a pane, a file). The head is the one in work."""

    def __init__(self) -> None:
        self._lanes: dict[K, deque[int]] = {}
        self._key_of: dict[int, K] = {}
        self._rank_of: dict[int, int] = {}
        """Of those whose rank is not 0."""

    def join(self, number: int, key: K, rank: int = 0, *, behind: bool = True) -> bool:
        """Queue `number` before all of a lower rank, but `behind` the head; whether it is the head now."""
        lane = self._lanes.setdefault(key, deque())
        at = len(lane)
        while at > behind and self._rank_of.get(lane[at - 1], 0) < rank:
            at -= 1
        lane.insert(at, number)
        self._key_of[number] = key
        if rank:
            self._rank_of[number] = rank
        return at == 0

    def head(self, key: K) -> int | None:
        """The one in work in this lane."""
        return self._lanes[key][0] if key in self._lanes else None

    def leave(self, number: int) -> int | None:
        """Take `number` out of its lane; the new head, if `number` was the head and another waits."""
        if number not in self._key_of:
            return None
        key = self._key_of.pop(number)
        self._rank_of.pop(number, None)
        lane = self._lanes[key]
        was_head = lane[0] == number
        if was_head:
            lane.popleft()
        else:
            lane.remove(number)
        if not lane:
            del self._lanes[key]
            return None
        return lane[0] if was_head else None

    def key_of(self, number: int) -> K | None:
        """What it waits for."""
        return self._key_of.get(number)

    def head_of(self, number: int) -> int | None:
        """The one in work in the lane of `number`."""
        key = self._key_of.get(number)
        return self._lanes[key][0] if key is not None else None

    def keys(self) -> list[K]:
        """All lanes."""
        return list(self._lanes)

    def members(self, key: K) -> list[int]:
        """All that wait in this lane, the head first."""
        return list(self._lanes.get(key, ()))
