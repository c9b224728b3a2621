"""Messages whose target has no place now: by target, in the order they were accepted. Decides nothing."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Callable

from tsipcd.core.records import Message
from tsipcd.core.topology import PanePin


class Absentees:
    """Those that wait for a session to appear, or for the server of their pane to be seen."""

    def __init__(self, waiting: Callable[[int], Message | None]) -> None:
        """`waiting` gives a message that still waits; None: it has ended."""
        self._waiting = waiting
        self._queues: dict[str | PanePin, deque[int]] = {}
        self._left: dict[int, PanePin] = {}

    def add(self, message: Message, left: PanePin | None = None) -> None:
        """It waits from now on. It has left the pane `left`, which may still be listed as its target's."""
        target, number = message.pane or message.target, message.number
        queue = self._queues.get(target)
        if queue is None:
            queue = self._queues[target] = deque()
        if not queue or queue[-1] < number:
            queue.append(number)
        else:
            # One that was being typed when its pane ended comes after those that were behind it.
            at = bisect(queue, number)
            # What was in doubt meanwhile, and is to be delivered again, may be there still.
            if at == 0 or queue[at - 1] != number:
                queue.insert(at, number)
        if left is not None:
            self._left[number] = left

    def targets(self) -> list[str | PanePin]:
        """For which something waits, or has waited."""
        return list(self._queues)

    def first(self, target: str | PanePin) -> Message | None:
        """The first that still waits; those before it are dropped."""
        queue = self._queues.get(target, deque())
        while queue:
            if (message := self._waiting(queue[0])) is not None:
                return message
            self._left.pop(queue.popleft(), None)
        self._queues.pop(target, None)
        return None

    def take(self, target: str | PanePin) -> list[Message]:
        """All that still wait, in order; they are not here any more."""
        numbers = self._queues.pop(target, ())
        for number in numbers:
            self._left.pop(number, None)
        messages = (self._waiting(number) for number in numbers)
        return [message for message in messages if message is not None]

    def is_still_at(self, pane: PanePin | None, message: Message, listed: str) -> bool:
        """Whether its target leads to the pane that it left, whose server is not the one just `listed`."""
        return pane is not None and pane == self._left.get(message.number) and pane.server.socket != listed
