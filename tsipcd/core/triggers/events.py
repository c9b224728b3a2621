"""Which workflows an event starts: those that name its type, and whose source and condition fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple

from tsipcd.core.triggers.records import Listening
from tsipcd.workflows.event import EventContext
from tsipcd.workflows.expressions.evaluation import Evaluation
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.tree import Node
from tsipcd.workflows.expressions.values import truth

CONTEXTS: Final = ("event",)
"""What a trigger's condition may look at: there is no run yet."""


class Answering(NamedTuple):
    """What an event leads to."""

    workflows: tuple[str, ...] = ()
    """Each once, by name."""
    faults: tuple[tuple[str, str], ...] = ()
    """Workflows that it does not start because their condition cannot be evaluated, and why."""


class _Trigger(NamedTuple):
    listening: Listening
    condition: Node | None
    fault: str


class Events:
    """The events that workflows start at."""

    def __init__(self) -> None:
        self._by_type: dict[str, list[_Trigger]] = {}

    def read(self, listening: Iterable[Listening]) -> None:
        """These are all there are now."""
        found: defaultdict[str, list[_Trigger]] = defaultdict(list)
        for each in sorted(listening, key=attrgetter("workflow")):
            try:
                trigger = _Trigger(each, parse(each.trigger.if_, CONTEXTS), "")
            except ExpressionError as error:
                trigger = _Trigger(each, None, error.message)
            found[each.trigger.event].append(trigger)
        self._by_type = dict(found)

    def answering(self, event: str, source: str, data: str, number: str) -> Answering:
        """What this event leads to."""
        triggers = self._by_type.get(event)
        if not triggers:
            return NOTHING
        context = EventContext(event, source, data, number)
        workflows: dict[str, None] = {}
        faults: dict[str, str] = {}
        for (workflow, trigger), condition, fault in triggers:
            if trigger.source not in ("", source) or workflow in workflows:
                continue
            try:
                if fault:
                    faults[workflow] = f"if: {fault}"
                elif condition is None or truth(Evaluation(trigger.if_, {"event": context}).of(condition)):
                    workflows[workflow] = None
            except ExpressionError as error:
                faults[workflow] = f"if: {error.message}"
        return Answering(tuple(workflows), tuple(each for each in faults.items() if each[0] not in workflows))

    def views(self) -> Iterator[Listening]:
        """Each event that a workflow starts at."""
        for triggers in self._by_type.values():
            yield from (trigger.listening for trigger in triggers)


NOTHING: Final = Answering()
