"""Text that holds expressions in `${{ }}`: taken apart, or filled in.

A command is never filled in, but made `shell_text`: a variable stands for each expression there, and the
value comes by the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.values import Value
from tsipcd.workflows.expressions.values import text as text_of

OPEN: Final = "${{"
CLOSE: Final = "}}"


class Embedded(NamedTuple):
    """An expression within a text."""

    source: str
    """As written between the braces."""
    start: int
    """Where `${{` stands in the text, counted from 0."""
    end: int
    """Behind `}}`."""


def embedded(text: str) -> tuple[Embedded, ...]:
    """The expressions in `text`, in order. Raises `ExpressionError` for one that is not closed."""
    found: list[Embedded] = []
    at = text.find(OPEN)
    while at >= 0:
        end = _closed(text, at + len(OPEN))
        if end < 0:
            raise ExpressionError(Stage.LEXING, f"'{OPEN}' is not closed", at + 1, f"it ends with '{CLOSE}'")
        found.append(Embedded(text[at + len(OPEN) : end], at, end + len(CLOSE)))
        at = text.find(OPEN, end)
    return tuple(found)


def filled(text: str, value: Callable[[str], Value]) -> str:
    """`text` with each expression replaced by what `value` says of it, as text."""
    if OPEN not in text:
        return text
    made: list[str] = []
    at = 0
    for each in embedded(text):
        made += (text[at : each.start], text_of(value(each.source)))
        at = each.end
    return "".join([*made, text[at:]])


def variable(index: int) -> str:
    """The name of the variable that stands for expression `index` of a command, counted from 0."""
    return f"TS_X{index + 1}"


def _closed(text: str, at: int) -> int:
    """Where `}}` stands that is in no quotes; -1: nowhere."""
    quoted = False
    while at < len(text):
        if text[at] == "'":
            quoted = not quoted
        elif not quoted and text.startswith(CLOSE, at):
            return at
        at += 1
    return -1
