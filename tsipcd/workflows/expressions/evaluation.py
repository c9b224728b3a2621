"""What an expression comes to. Contexts are plain mappings: they are only read, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.functions import BODIES
from tsipcd.workflows.expressions.tree import Call, Index, Literal, Name, Node, Operation, Operator, Star
from tsipcd.workflows.expressions.values import (
    Filtered,
    Value,
    equal,
    folded,
    greater,
    is_primitive,
    number,
    text,
    truth,
)

MAX_BYTES: Final = 1_048_576
"""Of text made on the way and held at the same time, at two bytes a character."""

_CHARACTER_BYTES: Final = 2
_SEEN_CHARACTERS: Final = 200

Status: TypeAlias = Callable[[tuple[Value, ...]], Value]
"""A function that whoever evaluates gives, such as `success`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A part of the expression that was evaluated, and what it came to.

    Long text is cut; of arrays and objects only that they are such is kept.
    """

    text: str
    value: str | bool | float | None


class Evaluation:
    """One evaluation of one expression."""

    def __init__(
        self, source: str, contexts: Mapping[str, Value], functions: Mapping[str, Status] | None = None
    ) -> None:
        """`functions` by their names in lower case."""
        self._source = source
        self._contexts = contexts
        self._functions = functions or {}
        self._held = 0
        self.trace: list[Seen] = []
        """Every part that is no literal, as it became known; what was not needed is missing."""

    def of(self, node: Node | None) -> Value:
        """Its value; null for an empty expression. Raises `ExpressionError` of the stage `EVALUATION`."""
        if node is None:
            return None
        if isinstance(node, Literal):
            return node.value
        before = self._held
        value = self._value(node)
        # Arguments are let go; what was read from JSON is kept, and counted by the text it was read from.
        if not (isinstance(node, Call) and node.name == "fromjson"):
            self._held = before
        if isinstance(node, Call) and isinstance(value, str):
            self._spend(value)
        self.trace.append(Seen(self._source[node.span.start : node.span.end], _brief(value)))
        return value

    def _value(self, node: Name | Star | Index | Operation | Call) -> Value:
        match node:
            case Name():
                return _found(self._contexts, node.name)
            case Index():
                return self._looked_up(node)
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
            case Star():
                raise AssertionError("a star is only ever a key")
            case _:
                assert_never(node)

    def _operation(self, node: Operation) -> Value:
        operator = node.operator
        if operator in {Operator.AND, Operator.OR}:
            value: Value = None
            for operand in node.operands:
                value = self.of(operand)
                if truth(value) is (operator is Operator.OR):
                    break
            return value
        values = [self.of(operand) for operand in node.operands]
        match operator:
            case Operator.NOT:
                return not truth(values[0])
            case Operator.EQUAL:
                return equal(*values)
            case Operator.UNEQUAL:
                return not equal(*values)
            case Operator.GREATER:
                return greater(*values)
            case Operator.LESS:
                return greater(values[1], values[0])
            case Operator.AT_LEAST:
                return greater(*values) or equal(*values)
            case _:
                return greater(values[1], values[0]) or equal(*values)

    def _call(self, node: Call) -> Value:
        if node.name == "case":
            return self._case(node)
        arguments = tuple(self.of(argument) for argument in node.arguments)
        if node.name in self._functions:
            return self._functions[node.name](arguments)
        try:
            return BODIES[node.name](arguments, self._spend)
        except ExpressionError as error:
            raise ExpressionError(error.stage, error.message, node.span.start + 1, error.hint) from None

    def _case(self, node: Call) -> Value:
        pairs = zip(node.arguments[:-1:2], node.arguments[1::2], strict=True)
        for condition, result in pairs:
            value = self.of(condition)
            if not isinstance(value, bool):
                raise ExpressionError(
                    Stage.EVALUATION,
                    "case predicate must evaluate to a boolean value",
                    condition.span.start + 1,
                )
            if value:
                return self.of(result)
        return self.of(node.arguments[-1])

    def _looked_up(self, node: Index) -> Value:
        of = self.of(node.of)
        if isinstance(node.key, Star):
            if isinstance(of, Filtered):
                return Filtered(inner for item in of for inner in _items(item))
            return Filtered(_items(of))
        key = self.of(node.key)
        if not isinstance(of, Filtered):
            return _at(of, key, None)
        found = (_at(item, key, _NOTHING) for item in of)
        return Filtered(value for value in found if value is not _NOTHING)

    def _spend(self, made: str) -> str:
        self._held += _CHARACTER_BYTES * len(made)
        if self._held > MAX_BYTES:
            raise ExpressionError(Stage.EVALUATION, "The maximum allowed memory size was exceeded")
        return made


_NOTHING: Final[Value] = Filtered()
"""Stands for what is not there, where null could be."""


def _brief(value: Value) -> str | bool | float | None:
    if isinstance(value, str):
        return value if len(value) <= _SEEN_CHARACTERS else f"{value[:_SEEN_CHARACTERS]}…"
    return value if value is None or isinstance(value, bool | int | float) else text(value)


def _items(value: Value) -> list[Value]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _at(of: Value, key: Value, missing: Value) -> Value:
    if isinstance(of, Mapping):
        return _found(of, text(key), missing) if is_primitive(key) else missing
    if isinstance(of, list | tuple):
        place = number(key)
        if not math.isnan(place) and 0 <= place < len(of):
            item: Value = of[int(place)]
            return item
    return missing


def _found(within: Mapping[str, Value], key: str, missing: Value = None) -> Value:
    """What is there by that name, whatever its case; the very name comes first."""
    if key in within:
        return within[key]
    wanted = folded(key)
    return next((value for name, value in within.items() if folded(name) == wanted), missing)
