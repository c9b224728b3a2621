"""What was handed to tmux to be typed, and what is not known of it. One entry a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tsipcd.core.records import Message
from tsipcd.core.topology import ServerId

MAX_REFUSALS: Final = 20
"""A pane that the gate calls ready and the guard refuses this often in a row will never agree."""


class Submissions:
    """Counts the submissions of each message's current attempt, and remembers the open ends."""

    def __init__(self) -> None:
        self._handed: dict[int, int] = {}
        """How often the current attempt was handed to tmux, as far as can be known."""
        self._unresolved: dict[int, ServerId] = {}
        """Typed or not: the outcome is still to be found out, on that server."""
        self._stale: set[int] = set()
        self._refusals: dict[int, int] = {}

    def hand_in(self, number: int) -> None:
        """The current attempt is handed to tmux now, perhaps again."""
        self._unresolved.pop(number, None)
        self._handed[number] = self._handed.get(number, 0) + 1

    def restore(self, number: int, server: ServerId) -> None:
        """An earlier life may have handed it in."""
        self._handed[number] = 1
        self._unresolved[number] = server

    def leave_open(self, number: int, server: ServerId) -> None:
        """No outcome came: whether it was typed is to be found out on that server."""
        self._unresolved[number] = server

    def settle(self, number: int) -> None:
        """Its outcome is known."""
        self._unresolved.pop(number, None)
        self._handed.pop(number, None)

    def refuse(self, number: int) -> bool:
        """The guard held; whether it did so too often in a row."""
        if not self.is_first(number):
            self._stale.add(number)
        self.settle(number)
        count = self._refusals[number] = self._refusals.get(number, 0) + 1
        return count > MAX_REFUSALS

    def leave_pane(self, number: int) -> None:
        """It is not for that pane any more."""
        self._stale.discard(number)

    def forget(self, number: int) -> None:
        """The message has ended."""
        self.settle(number)
        self._stale.discard(number)
        self._refusals.pop(number, None)

    def is_first(self, number: int) -> bool:
        """Whether no earlier submission of the attempt can have typed."""
        return self._handed.get(number, 0) <= 1

    def may_be_stale(self, number: int) -> bool:
        """Whether an earlier submission of its attempt may still sit in a stopped server's buffer."""
        return number in self._stale

    def is_open_before(self, message: Message, messages: Mapping[int, Message]) -> bool:
        """Whether it is not known yet what became of an earlier one for the same target."""
        earlier = (messages[number] for number in self._handed if number < message.number)
        return any(other.target == message.target for other in earlier)

    def unresolved_at(self, socket: str) -> list[int]:
        """Messages whose outcome is to be found out at this socket."""
        return [number for number, server in self._unresolved.items() if server.socket == socket]

    @property
    def is_expecting(self) -> bool:
        """Whether an outcome is expected any moment."""
        return any(number not in self._unresolved for number in self._handed)
