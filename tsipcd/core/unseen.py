"""Notifications that wait until somebody attaches to their session. Decides nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from tsipcd.core.records import Message
from tsipcd.core.topology import Place, ServerId


class Unseen:
    """By session, in the order they came."""

    def __init__(self, waiting: Callable[[int], Message | None]) -> None:
        """`waiting` gives a message that still waits; None: it has ended."""
        self._waiting = waiting
        self._queues: dict[tuple[ServerId, str], deque[int]] = {}

    def add(self, message: Message, place: Place) -> None:
        """It waits from now on for a client at `place`."""
        self._queues.setdefault((place.server, place.session_id), deque()).append(message.number)

    def take(self, server: ServerId, session_id: str) -> list[Message]:
        """All that still wait for that session; they are not here any more."""
        messages = (self._waiting(number) for number in self._queues.pop((server, session_id), ()))
        return [message for message in messages if message is not None]

    def take_gone(self, socket: str, live: Collection[tuple[ServerId, str]] = ()) -> list[Message]:
        """The same for all sessions at this socket but the `live` ones."""
        here = [key for key in self._queues if key[0].socket == socket]
        gone = [key for key in here if key not in live]
        return [message for key in gone for message in self.take(*key)]
