"""Messages that wait for their time: begun when it has come, in this life or another.

A time of the clock stays what it is when the clock is set; some time from now still lasts as long.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages import Send
from tsipcd.core import facts as f
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.expiry import Expiry
from tsipcd.core.names import Absent, World
from tsipcd.core.records import Due, Message
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

DUE: Final = "its time has come"

_DAY_S: Final = 86_400
_DAYS_TO_1970: Final = 719_468
"""From the 1st of March of the year 0."""
_DAYS_OF_400_YEARS: Final = 146_097
_JANUARY: Final = 10
"""Counted from March."""


def due_of(request: Send, now: float) -> Due | None:
    """When the request wants to be begun; None: at once. Raises `BadInput`."""
    if request.at is not None and request.delay_s is not None:
        raise BadInput(ErrorCode.BAD_PARAMS, "at and delay_s are two times for one message", hint="give one")
    if request.at is not None:
        return Due(request.at, moves=False) if request.at > now else None
    return Due(now + request.delay_s, moves=True) if request.delay_s is not None else None


def reason_of(due: Due) -> str:
    """Why the message waits."""
    days, seconds = divmod(int(due.at), _DAY_S)
    year, month, day = _date(days)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"not before {year}-{month:02}-{day:02} {clock} UTC"


def _date(days: int) -> tuple[int, int, int]:
    """Year, month and day so long after 1970-01-01. Years begin in March here: leap days are last."""
    cycles, in_cycle = divmod(days + _DAYS_TO_1970, _DAYS_OF_400_YEARS)
    leaps = in_cycle // 1460 - in_cycle // 36_524 + in_cycle // 146_096
    year_in_cycle = (in_cycle - leaps) // 365
    in_year = in_cycle - (365 * year_in_cycle + year_in_cycle // 4 - year_in_cycle // 100)
    from_march = (5 * in_year + 2) // 153
    month = (from_march + 2) % 12 + 1
    return (
        cycles * 400 + year_in_cycle + (from_march >= _JANUARY),
        month,
        in_year - (153 * from_march + 2) // 5 + 1,
    )


class Later:
    """Knows which is due when; the state knows which they are."""

    def __init__(self, state: State, world: World, deliveries: Deliveries) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._due = Expiry()

    def hold(self, message: Message) -> None:
        """It was just accepted, and waits for its time."""
        self._due.watch(message.number, self._state.later[message.number].at)
        self._deliveries.expiry.watch(message.number, message.expires_at)

    def restore(self) -> None:
        """Watch for all of them anew: after a start, or when the clock was set."""
        self._due = Expiry.of((number, due.at) for number, due in self._state.later.items())
        for number in self._state.later:
            self._deliveries.expiry.watch(number, self._state.messages[number].expires_at)

    def begin_due(self, turn: Turn) -> None:
        """Begin those whose time has come."""
        for number in self._due.take_due(turn.now):
            due, message = self._state.later.get(number), self._state.messages.get(number)
            if due is None or message is None or message.status not in WAITING:
                continue
            pane, target = message.pane, message.target
            found = self._world.place_of_pane(pane) if pane is not None else self._world.place_of(target)
            turn.record(f.MessageHeld(turn.now, number, DUE if found else self._world.why_absent(target)))
            self._deliveries.enter(turn, message, found or Absent(target))

    @property
    def next_deadline(self) -> float | None:
        """When `begin_due` has something to do; None: never."""
        return self._due.next_deadline
