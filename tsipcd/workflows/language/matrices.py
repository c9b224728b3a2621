"""`matrix:` of a step: the combinations that GitHub would make of it."""

from __future__ import annotations

import itertools
import math
from typing import Final

from tsipcd.workflows.definition import Matrix, Scalar
from tsipcd.workflows.language.document import Items, Node, Word
from tsipcd.workflows.language.fields import Reading

MAX_COMBINATIONS: Final = 256

_LIMITS: Final = ("max-parallel", "fail-fast")
_CHANGES: Final = ("include", "exclude")
_DYNAMIC: Final = "a matrix is written out; no expression is evaluated here"

Combination = dict[str, Scalar]


def read_matrix(reading: Reading, node: Node) -> Matrix | None:
    """Axes multiplied in the order written, without what `exclude` names, with what `include` adds."""
    findings = reading.findings
    axes: dict[str, list[Scalar]] = {}
    fields: dict[str, Node] = {}
    for key, at, value in reading.pairs(node, "matrix"):
        if key in (*_LIMITS, *_CHANGES):
            fields[key] = value
        else:
            axes[reading.key(at, key, "an axis")] = _axis(reading, key, value)
    count = math.prod(len(values) for values in axes.values()) if axes else 0
    if count > MAX_COMBINATIONS:
        findings.error(
            node.at, f"the matrix has {count:,} combinations", f"at most {MAX_COMBINATIONS} are run"
        )
        return None
    found = (
        [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    )
    if (node_ := fields.get("exclude")) is not None:
        for out, at in _changes(reading, node_, "exclude"):
            if unknown := [key for key in out if key not in axes]:
                findings.error(
                    at, f"exclude names {unknown[0]}, which is no axis", f"the axes are {', '.join(axes)}"
                )
            found = [
                one for one in found if any(key not in one or one[key] != value for key, value in out.items())
            ]
    if (node_ := fields.get("include")) is not None:
        found = _included(found, set(axes), [more for more, _ in _changes(reading, node_, "include")])
    if not found and not findings.has_errors:
        findings.error(node.at, "the matrix has no combination", "give an axis values, or use include")
    if len(found) > MAX_COMBINATIONS:
        findings.error(
            node.at, f"the matrix has {len(found):,} combinations", f"at most {MAX_COMBINATIONS} are run"
        )
    limit = fields.get("max-parallel")
    quick = fields.get("fail-fast")
    return Matrix(
        combinations=tuple(tuple(one.items()) for one in found),
        max_parallel=None if limit is None else reading.whole(limit, "max-parallel", 1, MAX_COMBINATIONS),
        fail_fast=True if quick is None else reading.flag(quick, "fail-fast"),
    )


def _included(found: list[Combination], axes: set[str], more: list[Combination]) -> list[Combination]:
    """GitHub's rule: it extends each combination that it does not contradict; if there is none, it is new."""
    base = len(found)
    for values in more:
        fits = [
            one
            for one in found[:base]
            if all(one[key] == value for key, value in values.items() if key in axes)
        ]
        for one in fits:
            one.update(values)
        if not fits:
            found.append(dict(values))
    return found


def _axis(reading: Reading, key: str, node: Node) -> list[Scalar]:
    if isinstance(node, Word):
        hint = _DYNAMIC if "${{" in node.text else f"write {key}: [{node.text}]"
        reading.findings.shape(node.at, f"the axis {key} must be a list", hint)
        return []
    items = reading.items(node, f"the axis {key}")
    if isinstance(node, Items) and not items:
        reading.findings.shape(node.at, f"the axis {key} is empty")
    return [_value(reading, item, f"a value of {key}") for item in items]


def _changes(reading: Reading, node: Node, what: str) -> list[tuple[Combination, int]]:
    found = []
    for item in reading.items(node, what):
        one: Combination = {}
        for key, at, value in reading.pairs(item, f"an item of {what}"):
            one[reading.key(at, key, "an axis")] = _value(reading, value, key)
        found.append((one, item.at))
    return found


def _value(reading: Reading, node: Node, what: str) -> Scalar:
    if isinstance(node, Word):
        if "${{" in node.text:
            reading.findings.error(node.at, f"{what} holds an expression", _DYNAMIC)
        return node.value
    reading.findings.shape(node.at, f"{what} must be text, a number, true, false or null")
    return None
