"""From words to a tree, names and numbers of arguments checked on the way.

An operator waits on a stack until one that binds less comes: nothing here is as deep as the expression is.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.functions import FUNCTIONS, Arity
from tsipcd.workflows.expressions.lexer import Sort, Token, tokens, unexpected
from tsipcd.workflows.expressions.tree import (
    Call,
    Index,
    Literal,
    Name,
    Node,
    Operation,
    Operator,
    Span,
    Star,
)

MAX_DEPTH: Final = 50

_BINDS: Final = {
    Operator.OR: 1,
    Operator.AND: 2,
    **dict.fromkeys((Operator.EQUAL, Operator.UNEQUAL), 3),
    **dict.fromkeys((Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST), 4),
    Operator.NOT: 5,
}
_CHAINED: Final = (Operator.AND, Operator.OR)
_BINARY: Final = {operator.value: operator for operator in Operator if operator is not Operator.NOT}


@dataclass(frozen=True, slots=True)
class _Open:
    """What waits for its right side: an operator, a bracket, or a call."""

    start: int
    what: Operator | str
    """An operator, `(` or `[`."""
    below: int = 0
    """How many operands were there before a call's first."""
    function: str = ""


def parse(
    source: str, names: Collection[str] = (), functions: Mapping[str, Arity] | None = None
) -> Node | None:
    """The tree of `source`, None if there is nothing in it. Raises `ExpressionError`.

    `names` are the contexts there are, `functions` those beside the built-in ones; case does not matter.
    """
    return _Parser(source, names, {**FUNCTIONS, **(functions or {})}).whole()


class _Parser:
    def __init__(self, source: str, names: Collection[str], functions: Mapping[str, Arity]) -> None:
        self._source = source
        self._names = {name.lower(): name for name in names}
        self._functions = {name.lower(): (name, arity) for name, arity in functions.items()}
        self._words: Iterator[Token] = tokens(source)
        self._token: Token | None = next(self._words, None)
        self._last: Token | None = None
        self._last_but_one: Token | None = None
        self._operands: list[Node] = []
        self._open: list[_Open] = []

    def whole(self) -> Node | None:
        if not self._has_more():
            return None
        wants_operand = True
        while self._has_more():
            wants_operand = self._operand() if wants_operand else self._after_operand()
        if wants_operand:
            self._end()
        self._close(0)
        if self._open:
            self._end()
        return self._operands[0]

    def _has_more(self) -> bool:
        return self._token is not None

    def _is_next(self, text: str) -> bool:
        return self._token is not None and self._token.text == text

    def _operand(self) -> bool:
        token = self._take()
        if token.sort is Sort.LITERAL:
            self._operands.append(Literal(_span(token), token.value))
            return False
        if token.sort is Sort.NAME:
            return self._named(token)
        if token.text == "!":
            self._open.append(_Open(token.column - 1, Operator.NOT))
            return True
        if token.text == "(":
            self._open.append(_Open(token.column - 1, "("))
            return True
        if token.text == "*" and self._follows_bracket():
            if self._token is not None and self._token.text != "]":
                raise self._refusal(self._token)
            self._operands.append(Star(_span(token)))
            return False
        raise self._refusal(token)

    def _follows_bracket(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and top.what == "[" and len(self._operands) == top.below + 1

    def _named(self, token: Token) -> bool:
        if not self._is_next("("):
            if token.text.lower() not in self._names:
                sentence = (
                    f"Unrecognized named-value: '{token.text}'. "
                    f"Located at position {token.column} within expression: {self._source}"
                )
                self._unknown(token, sentence, self._names.values())
            self._operands.append(Name(_span(token), token.text))
            return False
        if token.text.lower() not in self._functions:
            sentence = (
                f"Unrecognized function: '{token.text}'. "
                f"Located at position {token.column} within expression: {self._source}"
            )
            self._unknown(token, sentence, [name for name, _ in self._functions.values()])
        self._take()
        call = _Open(token.column - 1, "(", len(self._operands), token.text.lower())
        if self._is_next(")"):
            self._call(call, self._take())
            return False
        self._open.append(call)
        return True

    def _after_operand(self) -> bool:
        token, before = self._take(), self._last_but_one
        if token.sort is Sort.SIGN:
            if operator := _BINARY.get(token.text):
                self._close(_BINDS[operator])
                self._open.append(_Open(token.column - 1, operator))
                return True
            match token.text:
                case "." if self._can_look_into(before):
                    self._property()
                    return False
                case "[" if self._can_look_into(before):
                    start = self._operands[-1].span.start
                    self._open.append(_Open(start, "[", len(self._operands) - 1))
                    return True
                case "," | ")" | "]":
                    return self._bracket(token)
        raise self._refusal(token)

    def _bracket(self, token: Token) -> bool:
        self._close(0)
        top = self._open[-1] if self._open else None
        if top is None or (top.what == "[") != (token.text == "]"):
            raise self._refusal(token)
        if token.text == ",":
            if not top.function:
                raise self._refusal(token)
            return True
        self._open.pop()
        if token.text == "]":
            key, of = self._operands.pop(), self._operands.pop()
            self._index(of, key, token)
        elif top.function:
            self._call(top, token)
        return False

    def _property(self) -> None:
        if self._token is None:
            self._end()
        token = self._take()
        if token.text == "*" and token.sort is Sort.SIGN:
            key: Node = Star(_span(token))
        elif token.sort is Sort.NAME:
            key = Literal(_span(token), token.text)
        else:
            raise self._refusal(token)
        self._index(self._operands.pop(), key, token)

    def _index(self, of: Node, key: Node, end: Token) -> None:
        span = Span(of.span.start, _span(end).end)
        self._operands.append(Index(span, of, key, self._depth_over(of, key)))

    def _call(self, call: _Open, end: Token) -> None:
        arguments = tuple(self._operands[call.below :])
        del self._operands[call.below :]
        name, arity = self._functions[call.function]
        fault = arity.fault(len(arguments))
        if fault:
            where = f"'{name}'. Located at position {call.start + 1} within expression: {self._source}"
            raise ExpressionError(Stage.PARSING, f"{fault}: {where}", call.start + 1)
        span = Span(call.start, _span(end).end)
        self._operands.append(Call(span, call.function, arguments, self._depth_over(*arguments)))

    def _close(self, binds: int) -> None:
        """Build every operation on the stack that binds at least so much."""
        while self._open and isinstance(operator := self._open[-1].what, Operator):
            if _BINDS[operator] < binds or (_BINDS[operator] == binds and operator in _CHAINED):
                return
            start = self._open.pop().start
            right = self._operands.pop()
            if operator is Operator.NOT:
                operands: tuple[Node, ...] = (right,)
            elif operator in _CHAINED:
                operands = self._chain(operator, right)
            else:
                operands = (self._operands.pop(), right)
            start = min(start, operands[0].span.start)
            depth = self._depth_over(*operands)
            self._operands.append(Operation(Span(start, right.span.end), operator, operands, depth))

    def _chain(self, operator: Operator, right: Node) -> tuple[Node, ...]:
        """All operands of a chain of `&&` or `||`: it is as deep as its deepest part, however long it is."""
        operands = [right, self._operands.pop()]
        while self._open and self._open[-1].what is operator:
            self._open.pop()
            operands.append(self._operands.pop())
        return tuple(reversed(operands))

    def _depth_over(self, *nodes: Node) -> int:
        depth = 1 + max((node.depth for node in nodes), default=0)
        if depth > MAX_DEPTH:
            raise ExpressionError(Stage.PARSING, f"Exceeded max expression depth {MAX_DEPTH}")
        return depth

    def _take(self) -> Token:
        token = self._token
        if token is None:
            raise AssertionError("there is a word left to take")
        self._last_but_one, self._last = self._last, token
        self._token = next(self._words, None)
        return token

    def _can_look_into(self, before: Token | None) -> bool:
        return before is not None and (before.sort is Sort.NAME or before.text in {")", "]", "*"})

    def _refusal(self, token: Token) -> ExpressionError:
        return unexpected(Stage.PARSING, token.text, token.column, self._source)

    def _end(self) -> NoReturn:
        last = self._last
        if last is None:
            raise AssertionError("an empty expression has no end to meet")
        raise ExpressionError(
            Stage.PARSING,
            f"Unexpected end of expression: '{last.text}'. "
            f"Located at position {last.column} within expression: {self._source}",
            last.column + len(last.text),
        )

    def _unknown(self, token: Token, sentence: str, known: Collection[str]) -> NoReturn:
        near = difflib.get_close_matches(token.text, known, n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}" if known else ""
        )
        raise ExpressionError(Stage.PARSING, sentence, token.column, hint)


def _span(token: Token) -> Span:
    return Span(token.column - 1, token.column - 1 + len(token.text))
