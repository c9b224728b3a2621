"""From a list with its order, its `needs` and its parallel blocks to steps that come after all they need."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import msgspec

from tsipcd.workflows.definition import Order, Step, in_order
from tsipcd.workflows.language.document import Fields, Items, Node
from tsipcd.workflows.language.faults import Findings, nearest
from tsipcd.workflows.language.fields import Reading
from tsipcd.workflows.language.steps import ALIASES, PARALLEL, Defaults, Draft, read_step

MAX_STEPS: Final = 10_000
SHOWN: Final = 10
"""Ids in one hint."""


def read_steps(reading: Reading, node: Node, defaults: Defaults) -> list[Draft]:
    """Every step of the list, those of parallel blocks included, each knowing what stands before it."""
    found: list[Draft] = []
    before: tuple[str, ...] = ()
    items = reading.items(node, "steps")
    for item in items:
        block = [item]
        needs, own = None, defaults
        if isinstance(item, Fields) and "parallel" in item.fields:
            fields = reading.fields(
                item, "a parallel block", PARALLEL, aliases={"depends": ALIASES["depends"]}
            )
            block = reading.items(fields["parallel"], "parallel")
            if not block:
                reading.findings.shape(item.at, "this parallel block is empty")
            needs = reading.names(fields["needs"], "needs") if "needs" in fields else None
            if "session" in fields:
                own = replace(defaults, session=reading.name(fields["session"], "session"))
        drafts = [
            _step(reading, one, len(found) + index, own, within=one is not item)
            for index, one in enumerate(block, 1)
        ]
        for draft in drafts:
            draft.before = before
            if draft.needs is None and needs is not None:
                draft.needs = needs
                draft.step = msgspec.structs.replace(draft.step, order=Order.NEEDED)
        found += drafts
        before = tuple(draft.step.id for draft in drafts) or before
    if isinstance(node, Items) and not items:
        reading.findings.shape(node.at, "there are no steps")
    return found


def _step(reading: Reading, node: Node, number: int, defaults: Defaults, *, within: bool) -> Draft:
    if within and isinstance(node, Fields) and "parallel" in node.fields:
        reading.findings.shape(node.at, "a parallel block in another", "`needs:` makes any graph")
        return Draft(node.at, Step(id=f"step-{number}", session=""), None, {})
    return read_step(reading, node, number, defaults)


def arranged(findings: Findings, drafts: list[Draft]) -> list[Draft]:
    """The drafts with their needs filled in, each after all that it needs; as they were if that cannot be."""
    by_id = _by_id(findings, drafts)
    if findings.has_errors:
        return drafts
    for draft in drafts:
        needs = draft.before
        if draft.needs is not None:
            for need, at in draft.needs:
                if need not in by_id:
                    listed = "the steps are " + ", ".join(itertools.islice(by_id, SHOWN))
                    findings.error(at, f"there is no step {need}", nearest(need, by_id, listed))
            needs = tuple(dict.fromkeys(need for need, _ in draft.needs if need in by_id))
        draft.step = msgspec.structs.replace(draft.step, needs=needs)
    order = in_order({draft.step.id: draft.step.needs for draft in drafts})
    if order is None:
        _tell_cycle(findings, by_id)
        return drafts
    return [by_id[name] for name in order]


def chained(findings: Findings, drafts: list[Draft]) -> list[Draft]:
    """Handlers, each after the one before it."""
    _by_id(findings, drafts)
    for earlier, draft in itertools.pairwise(drafts):
        draft.step = msgspec.structs.replace(draft.step, needs=(earlier.step.id,))
    return drafts


def _by_id(findings: Findings, drafts: list[Draft]) -> dict[str, Draft]:
    """Expressions do not tell capitals from small letters, so ids may not differ by these only."""
    found: dict[str, Draft] = {}
    folded: dict[str, Draft] = {}
    for draft in drafts:
        name = draft.step.id
        if name.lower() in folded:
            at = draft.nodes["id"].at if "id" in draft.nodes else draft.at
            findings.error(at, f"a second step is called {name}", "each step has an id of its own")
        found[name] = folded[name.lower()] = draft
    return found


def _tell_cycle(findings: Findings, by_id: dict[str, Draft]) -> None:
    """Walk from need to need among steps that never become ready until one comes again."""
    ready: set[str] = set()
    while found := [n for n, d in by_id.items() if n not in ready and ready.issuperset(d.step.needs)]:
        ready.update(found)
    name = next(name for name in by_id if name not in ready)
    way: list[str] = []
    while name not in way:
        way.append(name)
        name = next(need for need in by_id[name].step.needs if need not in ready)
    way = [*way[way.index(name) :], name]
    marked = next((by_id[one] for one in way if by_id[one].needs is not None), by_id[name])
    at = marked.nodes["needs"].at if "needs" in marked.nodes else marked.at
    hint = "take one of these needs away"
    if any(by_id[one].needs is None for one in way):
        hint = "a step without `needs:` waits for the one before it in the list; `needs: []` begins at once"
    findings.error(at, f"steps wait for each other: {' needs '.join(way)}", hint)
