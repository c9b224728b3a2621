"""How much may wait: caps that a person sets, and the memory that has to stay free.

Only new work is refused: never a step of a run under way, and never the outcome of anything. Counts what the
facts say; without caps it counts nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tsipc_client.wire.errors import ErrorCode, Refused
from tsipcd.core import facts as f
from tsipcd.core.runs import facts as rf
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

_SEE = "see what waits: ts-ipc queue --pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most messages that may wait; 0: any number."""

    waiting: int = 0
    per_target: int = 0


class Bounds:
    """Refuses what would go beyond."""

    def __init__(self, state: State, caps: Caps) -> None:
        self._state = state
        self.caps = caps
        self.memory_low = False
        """Less memory is free than has to be."""
        self._target_of: dict[int, str] = {}
        """Of each message that waits, if the targets are capped."""
        self._waiting_for: Counter[str] = Counter()
        if caps.per_target:
            for message in state.messages.values():
                if not message.has_ended:
                    self._add(message.number, message.target)

    def check(self, targets: Sequence[str]) -> None:
        """Raises `Refused` if a message for each of `targets` would be too much; then none of them enters."""
        if self.memory_low:
            raise Refused(
                ErrorCode.QUEUE_FULL,
                "less memory is free than [queue] min_free_memory in config.toml says; nothing was accepted",
                hint=f"what was accepted before goes on; {_SEE}",
                data={"cap": "min_free_memory"},
            )
        caps = self.caps
        if caps.waiting and self._state.waiting + len(targets) > caps.waiting:
            raise self._full("max_waiting", caps.waiting, self._state.waiting, len(targets))
        if caps.per_target:
            for target, count in Counter(targets).items():
                waiting = self._waiting_for[target]
                if waiting + count > caps.per_target:
                    raise self._full("max_waiting_per_target", caps.per_target, waiting, count, target)

    def follow_along(self, turn: Turn) -> None:
        """Count what came and went with the facts of this turn."""
        if not self.caps.per_target:
            return
        for fact in turn.facts:
            match fact:
                case f.MessageAccepted():
                    self._add(fact.number, fact.target)
                case f.EventPublished():
                    for number, (session, _) in enumerate(fact.subscribers, fact.first):
                        self._add(number, session)
                case f.EventPaused():
                    for number, session in enumerate(fact.told, fact.first):
                        self._add(number, session)
                case rf.RunStarted() | rf.RunCancelAsked() | rf.RunFinished():
                    pass  # theirs are numbers of runs
                case _:
                    self._drop_ended(getattr(fact, "number", 0))

    def _add(self, number: int, target: str) -> None:
        self._target_of[number] = target
        self._waiting_for[target] += 1

    def _drop_ended(self, number: int) -> None:
        message = self._state.messages.get(number)
        if number not in self._target_of or (message is not None and not message.has_ended):
            return
        target = self._target_of.pop(number)
        self._waiting_for[target] -= 1
        if not self._waiting_for[target]:
            del self._waiting_for[target]

    @staticmethod
    def _full(key: str, cap: int, waiting: int, more: int, target: str = "") -> Refused:
        place = f" for {target}" if target else ""
        new = "" if more == 1 else f", and this would be {more:,} more"
        data: dict[str, object] = {"cap": key, "limit": cap, "waiting": waiting}
        if target:
            data["target"] = target
        return Refused(
            ErrorCode.QUEUE_FULL,
            f"{waiting:,} of at most {cap:,} messages{place} wait already{new}; nothing was accepted",
            hint=f"{_SEE}; the cap is [queue] {key} in config.toml",
            data=data,
        )
