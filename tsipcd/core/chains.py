"""What led to what, and which events are refused for it: the durable side of the guard in `loops`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import msgspec

from tsipcd.core import facts as f

KEEP_CAUSES: Final = 10_000
"""Panes of which it is remembered what was last typed there, the latest first."""

KEEP_PAUSES: Final = 1000
"""Pauses remembered, the latest first."""

Pair = tuple[str, str, str]
"""An event's publisher and its name. The publisher is the session it is in, or what it calls itself."""


class Pause(msgspec.Struct, frozen=True):
    """An event is refused from `at` to `until`."""

    at: float
    until: float
    reason: str
    notices: tuple[int, ...]
    """The messages that tell of it."""

    def is_on(self, now: float) -> bool:
        """Whether it is refused now; a clock that was set back by more than the pause ends it as well."""
        return abs(now - self.at) < self.until - self.at


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What was last typed into a pane."""

    at: float
    depth: int


class Chains:
    """The latest causes, by pane, and the latest pauses, by publisher and event. Both are bounded."""

    def __init__(self) -> None:
        self.causes: OrderedDict[int, Cause] = OrderedDict()
        """By the pane's first process, in the order of typing."""
        self.pauses: OrderedDict[Pair, Pause] = OrderedDict()
        """Also those that are over; the latest is the last."""

    def apply(self, fact: f.EventPaused | f.PauseKept | f.CauseKept) -> None:
        """Take in one fact."""
        match fact:
            case f.EventPaused():
                notices = tuple(range(fact.first, fact.first + len(fact.told)))
                self._pause(fact, notices)
            case f.PauseKept():
                self._pause(fact, fact.notices)
            case f.CauseKept():
                self.causes[fact.pane] = Cause(fact.at, fact.depth)

    def typed(self, pane: int, depth: int, at: float) -> None:
        """A command may have just been typed into the pane: what follows there is caused by it."""
        self.causes.pop(pane, None)
        self.causes[pane] = Cause(at, depth)
        if len(self.causes) > KEEP_CAUSES:
            self.causes.popitem(last=False)

    def snapshot(self) -> Iterator[f.Fact]:
        """The facts that rebuild this."""
        for (session, source, event), pause in self.pauses.items():
            yield f.PauseKept(pause.at, session, source, event, pause.reason, pause.until, pause.notices)
        for pane, cause in self.causes.items():
            yield f.CauseKept(cause.at, pane, cause.depth)

    def _pause(self, fact: f.EventPaused | f.PauseKept, notices: tuple[int, ...]) -> None:
        pair = (fact.session, fact.source, fact.event)
        self.pauses.pop(pair, None)
        self.pauses[pair] = Pause(fact.at, fact.until, fact.reason, notices)
        if len(self.pauses) > KEEP_PAUSES:
            self.pauses.popitem(last=False)


def pause_notice(fact: f.EventPaused) -> str:
    """What the sessions concerned are shown when an event is paused."""
    publisher = f" from {fact.session or fact.source}" if fact.session or fact.source else ""
    return f"Event {fact.event}{publisher} is paused for {fact.until - fact.at:.0f} s: {fact.reason}"
