"""The words of an expression, one after the other, as GitHub's lexer cuts them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.values import BLANKS, number_in

MAX_CHARACTERS: Final = 21_000


class Sort(StrEnum):
    """What a word is."""

    LITERAL = "literal"
    NAME = "name"
    SIGN = "sign"


class Token(NamedTuple):
    """One word; `value` is a literal's."""

    sort: Sort
    text: str
    column: int
    value: str | float | bool | None = None


_BOUNDARY: Final = "()[],.!><=&|"
_BLANK: Final = re.compile(f"[{BLANKS}]*")
_NUMBER: Final = re.compile(rf".[^{re.escape(_BOUNDARY.replace('.', ''))}{BLANKS}]*", re.DOTALL)
_WORD: Final = re.compile(rf".[^{re.escape(_BOUNDARY)}{BLANKS}]*", re.DOTALL)
_TEXT: Final = re.compile(r"'((?:[^']|'')*)'")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SIGN: Final = re.compile(r"&&|\|\||==|!=|<=|>=|[()\[\],!<>*]")
_CONSTANTS: Final = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}


def tokens(source: str) -> Iterator[Token]:
    """Every word of `source`. Raises `ExpressionError` at the first that is none."""
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(Stage.PARSING, f"Exceeded max expression length {MAX_CHARACTERS}")
    at, last = _end(_BLANK, source, 0), None
    while at < len(source):
        token = _token(source, at, last)
        yield token
        last = token
        at = _end(_BLANK, source, at + len(token.text))


def unexpected(stage: Stage, text: str, column: int, source: str) -> ExpressionError:
    """The error about a word that cannot stand there."""
    sentence = f"Unexpected symbol: '{text}'. Located at position {column} within expression: {source}"
    return ExpressionError(stage, sentence, column, _hint(text))


def _token(source: str, at: int, last: Token | None) -> Token:
    first = source[at]
    if first == "." and last is not None and _can_be_looked_into(last):
        return Token(Sort.SIGN, ".", at + 1)
    if first in ".+-" or (first.isascii() and first.isdigit()):
        text = source[at : _end(_NUMBER, source, at)]
        number = number_in(text)
        if number == number:  # not NaN  # noqa: PLR0124 (the one value that differs from itself)
            return Token(Sort.LITERAL, text, at + 1, number)
    elif first == "'":
        if found := _TEXT.match(source, at):
            return Token(Sort.LITERAL, found[0], at + 1, found[1].replace("''", "'"))
        text = source[at:]
    elif found := _SIGN.match(source, at):
        return Token(Sort.SIGN, found[0], at + 1)
    else:
        text = source[at : _end(_WORD, source, at)]
        if _NAME.fullmatch(text):
            if text in _CONSTANTS and (last is None or last.text != "."):
                return Token(Sort.LITERAL, text, at + 1, _CONSTANTS[text])
            return Token(Sort.NAME, text, at + 1)
    raise unexpected(Stage.LEXING, text, at + 1, source)


def _can_be_looked_into(token: Token) -> bool:
    return token.sort is Sort.NAME or token.text in {")", "]", "*"}


def _end(pattern: re.Pattern[str], source: str, at: int) -> int:
    found = pattern.match(source, at)
    return found.end() if found else at


def _hint(text: str) -> str:
    if text.startswith('"'):
        return "text stands in single quotes: 'so', and a quote in it is written twice"
    near = {"=": "==", "&": "&&", "|": "||"}.get(text[:1])
    return f"did you mean {near}?" if near else ""
