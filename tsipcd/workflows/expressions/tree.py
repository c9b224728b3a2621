"""What an expression is once it is read: a tree, and where in the text each part stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    """What stands between two values, or before one."""

    NOT = "!"
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    UNEQUAL = "!="
    AND = "&&"
    OR = "||"


@dataclass(frozen=True, slots=True)
class Span:
    """From the character `start` to before `end`, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written out."""

    span: Span
    value: str | float | bool | None
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    """A context, such as `steps`."""

    span: Span
    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Star:
    """What stands in the place of a key and means each of them."""

    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Index:
    """`of.key`, `of[key]` or `of.*`."""

    span: Span
    of: Node
    key: Node
    depth: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and its operands: one for `!`, two for comparisons, any number for `&&` and `||`."""

    span: Span
    operator: Operator
    operands: tuple[Node, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; `name` is in lower case."""

    span: Span
    name: str
    arguments: tuple[Node, ...]
    depth: int


Node: TypeAlias = Literal | Name | Star | Index | Operation | Call
