"""Who waits for what: first in, first out, one at a time, and nobody waits for another's lane."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")


class Lanes(Generic[K]):
    """A queue of message numbers for each key (a pane, a file). The head is the one in work."""

    def __init__(self) -> None:
        self._lanes: dict[K, deque[int]] = {}
        self._key_of: dict[int, K] = {}

    def join(self, number: int, key: K) -> bool:
        """Queue `number`; whether it is the head now."""
        lane = self._lanes.setdefault(key, deque())
        lane.append(number)
        self._key_of[number] = key
        return lane[0] == number

    def leave(self, number: int) -> int | None:
        """Take `number` out of its lane; the new head, if `number` was the head and another waits."""
        if number not in self._key_of:
            return None
        key = self._key_of.pop(number)
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
