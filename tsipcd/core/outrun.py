"""A journal that is older than what was typed: restored from a backup, cut by a salvage, or copied.

Panes carry the number of the last attempt that typed into them. One that this journal has not given out yet
was given out by a later state of it, or by a copy. Numbers go on behind it, so that nothing counts as typed
that never was; and what has waited since before may have been typed since: only a person can tell.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.messages import MessageType, Status
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.records import Message
from tsipcd.core.state import State
from tsipcd.core.topology import ServerId
from tsipcd.core.turn import Turn

REASON: Final = "panes were typed into after this journal's last record (a backup, or a salvage)"
COPIED: Final = "a copy of this journal typed into the pane"
MARKER_DIGITS: Final = 16


class Outrun:
    """Compares each server's markers, once, with what the journal had given out when this life began."""

    def __init__(self, state: State, deliveries: Deliveries) -> None:
        self._state = state
        self._deliveries = deliveries
        self._last_attempt = state.last_attempt
        self._last_message = state.last_message
        self._seen: set[ServerId] = set()

    def server_seen(self, turn: Turn, seen: i.ServerSeen) -> None:
        """Find out whether its panes are ahead of the journal, before this life types anything there."""
        if seen.server in self._seen:
            return
        self._seen.add(seen.server)
        if seen.farthest > self._last_attempt:
            self._skip(turn, seen.farthest)
            for message in tuple(self._state.messages.values()):
                if self._may_have_been_typed(message):
                    self._deliveries.doubt(turn, message, REASON)

    def checked(self, turn: Turn, answer: i.Typed) -> i.Typed:
        """The outcome; `refused` if the pane says that it has this attempt, which nobody here ever made."""
        message = self._state.messages.get(answer.number)
        if (
            answer.outcome is not i.Outcome.ALREADY
            or message is None
            or message.run
            or not self._deliveries.is_first_submission(message.number)
        ):
            return answer
        self._skip(turn, attempt_of(answer.reason))
        return i.Typed(answer.number, answer.attempt, i.Outcome.REFUSED, COPIED)

    def _skip(self, turn: Turn, attempt: int) -> None:
        turn.record(f.AttemptsOutrun(turn.now, max(attempt, self._state.last_attempt)))

    def _may_have_been_typed(self, message: Message) -> bool:
        if message.type is not MessageType.COMMAND or message.number > self._last_message:
            return False
        return message.status in WAITING or (
            message.status is Status.INTENT and message.course.attempt <= self._last_attempt
        )


def attempt_of(marker: str) -> int:
    """The attempt that a pane's marker names (16 digits, perhaps a `!`); 0: none of ours."""
    digits = marker.removesuffix("!")
    return int(digits) if len(digits) == MARKER_DIGITS and digits.isascii() and digits.isdecimal() else 0
