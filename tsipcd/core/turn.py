"""One input's worth of decisions: the facts recorded and the effects asked for, in order."""

from __future__ import annotations

from tsipcd.core.effects import Effect
from tsipcd.core.facts import Fact
from tsipcd.core.state import State


class Turn:
    """Collects what handling one input leads to. A fact is applied to the state as it is recorded."""

    __slots__ = ("_state", "effects", "facts", "followed", "now")

    def __init__(self, state: State, now: float) -> None:
        self._state = state
        self.now = now
        """Seconds since the epoch."""
        self.facts: list[Fact] = []
        self.followed = 0
        """How many of them the runs have followed already."""
        self.effects: list[Effect] = []

    def record(self, fact: Fact) -> None:
        """`fact` is true from now on; effects of this turn wait until it is durable."""
        self._state.apply(fact)
        self.facts.append(fact)

    def ask(self, effect: Effect) -> None:
        """Ask the world for `effect`, once this turn's facts are durable."""
        self.effects.append(effect)
