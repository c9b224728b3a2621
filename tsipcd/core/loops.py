"""Stops events that answer themselves: a bound on how deep they cause one another, and on how fast they come.

Depth: what a program publishes, sends or runs is caused by the command that was last typed into its pane, or
else into its session, not too long ago. An event is one deeper than its cause, a command or a run as deep.
Rate: a bucket of tokens for each publisher and event, and one for each event, shared by those who could slip
through the others. Who goes beyond is paused, once, with a record and a notice; what is refused after that
leaves no trace. Only events that somebody is subscribed to are ever refused.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import Action, PausedEvent, Publish
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.chains import Cause, Pair, Pause
from tsipcd.core.names import World
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

SHARED: Final = 10
"""The bucket that an event's doubtful publishers share is so many times as large as the one of each."""

QUIET_COST: Final = 0.002
"""Tokens for an event that is typed nowhere, only shown or stored; others cost 1."""

MAX_BUCKETS: Final = 10_000
"""Publishers and events watched at once; those that were quiet for longest go first."""

MAX_TOLD: Final = 8
"""Sessions that get a notice of one pause."""

LISTED: Final = 20
"""Pauses in a status report, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far events may go: section `[events]` of config.toml."""

    max_depth: int = 8
    """Events that cause one another, in a row."""
    window_s: float = 600.0
    """For how long what happens in a pane is taken for caused by the command typed into it."""
    burst: int = 100
    """Events of one name that one publisher may publish at once."""
    rate: float = 2.0
    """How many a second it may go on with."""
    pause_s: float = 60.0
    """How long it is refused when it goes beyond."""


class Buckets:
    """Token buckets that fill at a rate, each begun full. Holds only those that are not full again."""

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._levels: OrderedDict[Pair, tuple[float, float]] = OrderedDict()
        """Tokens left and when that was so; the one touched last is at the end."""

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, pair: Pair, now: float, cost: float) -> bool:
        """Whether there were tokens for `cost`; a full bucket is always enough for one event."""
        level, at = self._levels.pop(pair, (self._burst, now))
        # A clock that was set back gives nothing and takes nothing.
        level = min(self._burst, level + max(0.0, now - at) * self._rate)
        cost = min(cost, self._burst)
        enough = level >= cost
        self._levels[pair] = (level - cost if enough else level, now)
        while len(self._levels) > MAX_BUCKETS or self._is_full_again(now):
            self._levels.popitem(last=False)
        return enough

    def _is_full_again(self, now: float) -> bool:
        """Whether the one touched longest ago is as good as a new one."""
        _, at = next(iter(self._levels.values()))
        return now - at >= self._burst / self._rate


class Loops:
    """Knows how deep a request is, and whether an event may be published."""

    def __init__(self, state: State, world: World, limits: Limits, ttl_s: float) -> None:
        self._state = state
        self._world = world
        self._limits = limits
        self._ttl_s = ttl_s
        self._each = Buckets(limits.burst, limits.rate)
        self._shared = Buckets(limits.burst * SHARED, limits.rate * SHARED)

    def depth_of(self, now: float, caller: i.Caller, *, since: float = -math.inf) -> int:
        """How many events in a row led to what this caller asks for; 0: none that can be seen.

        What was typed before `since` does not count.
        """
        causes = self._state.chains.causes
        if not caller.session or not causes:
            return 0

        def typed_into(panes: Iterable[int]) -> list[Cause]:
            found = (causes[pane] for pane in panes if pane in causes)
            return [c for c in found if c.at > since and abs(now - c.at) < self._limits.window_s]

        recent = typed_into([caller.pane]) or typed_into(self._world.panes_of(caller.session))
        return max(recent, key=lambda cause: cause.at).depth if recent else 0

    def admit(
        self,
        turn: Turn,
        caller: i.Caller,
        request: Publish,
        subscribers: Sequence[tuple[str, Action]],
        *,
        starts: int = 0,
    ) -> int:
        """The depth of an event to be published. Raises `Refused` (PAUSED), the first time with a record.

        It also `starts` so many runs, each of which counts as a command.
        """
        pauses = self._state.chains.pauses
        own = (caller.session, "" if caller.session else request.source, request.event)
        # A pause ends the chain that led to it: a person can go on after it without a detour.
        depth = self.depth_of(turn.now, caller, since=pauses[own].at if own in pauses else -math.inf) + 1
        if not subscribers and not starts:
            return depth
        # Who is in no session may call itself anything; a chain runs through as many sessions as it likes.
        doubtful = depth > 1 or not caller.session
        everyone = ("", "", request.event)
        for pair in (own, everyone) if doubtful else (own,):
            pause = pauses.get(pair)
            if pause is not None and pause.is_on(turn.now):
                raise _refusal(pair, pause)
        typed = sum(action is Action.COMMAND for _, action in subscribers) + starts
        cost = 1.0 if typed else QUIET_COST
        # However wide a chain fans out, it is what it would have typed that counts.
        width = typed if typed and depth > 1 else cost
        limits = self._limits
        if typed and depth > limits.max_depth:
            reason = f"it answers itself: {depth} events in a row caused one another, {limits.max_depth} may"
            raise self._pause(turn, own, reason, subscribers)
        if not self._each.take(own, turn.now, cost):
            raise self._pause(turn, own, self._too_fast(1, cost), subscribers)
        if doubtful and not self._shared.take(everyone, turn.now, width):
            what = "commands in answer to events" if depth > 1 and typed else "events"
            raise self._pause(turn, everyone, self._too_fast(SHARED, cost, what), subscribers)
        return depth

    def paused(self, now: float) -> tuple[PausedEvent, ...]:
        """What is paused now, the latest first."""
        on = [
            (pair, pause) for pair, pause in reversed(self._state.chains.pauses.items()) if pause.is_on(now)
        ]
        return tuple(
            PausedEvent(
                event=pair[2],
                publisher=pair[0] or pair[1],
                observed=bool(pair[0]),
                until=pause.until,
                reason=pause.reason,
            )
            for pair, pause in on[:LISTED]
        )

    def _too_fast(self, times: int, cost: float, what: str = "events") -> str:
        burst, rate = self._limits.burst * times / cost, self._limits.rate * times / cost
        return f"more than {burst:,.0f} {what} at once and {rate:g} a second"

    def _pause(
        self, turn: Turn, pair: Pair, reason: str, subscribers: Sequence[tuple[str, Action]]
    ) -> Refused:
        until = turn.now + self._limits.pause_s
        told = self._to_tell(pair, subscribers)
        turn.record(
            f.EventPaused(
                turn.now, self._state.last_message + 1, *pair, reason, until, turn.now + self._ttl_s, told
            )
        )
        return _refusal(pair, self._state.chains.pauses[pair])

    def _to_tell(self, pair: Pair, subscribers: Sequence[tuple[str, Action]]) -> tuple[str, ...]:
        """The publisher's session and those it is typed into first; none that still has such a notice."""
        session, _, event = pair
        typed = [name for name, action in subscribers if action is Action.COMMAND]
        names = dict.fromkeys([session, *typed, *(name for name, _ in subscribers)])
        messages = (
            self._state.messages.get(number)
            for (_, _, paused), pause in self._state.chains.pauses.items()
            if paused == event
            for number in pause.notices
        )
        unread = {m.target for m in messages if m is not None and not m.has_ended}
        return tuple(name for name in names if name and name not in unread)[:MAX_TOLD]


def _refusal(pair: Pair, pause: Pause) -> Refused:
    session, source, event = pair
    who = session or source or "all who are in no session or answer another event"
    return Refused(
        ErrorCode.PAUSED,
        f"event {event!r} from {who} is paused until {_clock(pause.until)} UTC: {pause.reason}",
        hint="nothing was published; see `ts-ipc subscriptions` for what answers it, and unsubscribe that, "
        "or set other limits in config.toml, section [events]",
        data={"event": event, "publisher": session or source, "until": pause.until, "reason": pause.reason},
    )


def _clock(at: float) -> str:
    minutes, seconds = divmod(int(at) % 86_400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
