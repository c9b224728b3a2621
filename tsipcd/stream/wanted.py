"""Which events a listener wants: by name, and by an expression over the event. Pure, and bounded for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages import EventView
from tsipcd.core.event_names import fits, pattern_fault
from tsipcd.workflows.expressions.evaluation import Evaluation
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.tree import Node
from tsipcd.workflows.expressions.values import Value, truth

CONTEXT: Final = "event"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names, any of which will do (none: every event), and an expression that must be true (empty: is)."""

    patterns: tuple[str, ...] = ()
    where: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether no event is left out."""
        return not self.patterns and not self.where

    def check(self) -> None:
        """Raise `BadInput` if this can be no wish."""
        for pattern in self.patterns:
            if fault := pattern_fault(pattern):
                raise BadInput(
                    ErrorCode.BAD_PARAMS, fault, hint="deploy.* is one word more, build.** one or more"
                )
        try:
            _tree(self.where)
        except ExpressionError as error:
            raise BadInput(
                ErrorCode.BAD_PARAMS,
                f"where: {error.message} (column {error.column})"
                if error.column
                else f"where: {error.message}",
                hint=error.hint or "such as: event.source == 'ci' && startsWith(event.data, 'v2')",
            ) from error

    def admits(self, event: EventView) -> bool:
        """Whether it is wanted. An expression that cannot be evaluated for an event is not true of it."""
        if self.patterns and not any(fits(pattern, event.event) for pattern in self.patterns):
            return False
        if not self.where:
            return True
        values: dict[str, Value] = {
            "id": event.seq,
            "type": event.event,
            "source": event.source,
            "data": event.data,
            "observed": event.observed,
        }
        try:
            return truth(Evaluation(self.where, {CONTEXT: values}).of(_tree(self.where)))
        except ExpressionError:
            return False


def chosen(wanted: Wanted, events: Sequence[EventView], most: int) -> tuple[list[int], int]:
    """The places of the first `most` events that are wanted, and how many were looked at for that."""
    found: list[int] = []
    for place, event in enumerate(events):
        if wanted.admits(event):
            found.append(place)
            if len(found) == most:
                return found, place + 1
    return found, len(events)


@lru_cache(maxsize=256)
def _tree(where: str) -> Node | None:
    return parse(where, (CONTEXT,))
