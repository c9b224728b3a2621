"""The functions that every expression has. Those that depend on a run are given by whoever evaluates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.values import Value, equal, folded, is_primitive, number_text, text

Spend: TypeAlias = Callable[[str], str]
"""Gives back the text it is given, and raises when that is more than an evaluation may hold."""

Function: TypeAlias = "Callable[[tuple[Value, ...], Spend], Value]"

_MANY: Final = 255


@dataclass(frozen=True, slots=True)
class Arity:
    """How many arguments a function takes."""

    least: int = 0
    most: int = _MANY
    odd: bool = False

    def fault(self, count: int) -> str:
        """What is wrong with so many; empty: nothing."""
        if count < self.least:
            return "Too few parameters supplied"
        if count > self.most:
            return "Too many parameters supplied"
        even = self.odd and count % 2 == 0
        return "An even number of parameters supplied, requires an odd number" if even else ""


FUNCTIONS: Final = {
    "contains": Arity(2, 2),
    "startsWith": Arity(2, 2),
    "endsWith": Arity(2, 2),
    "format": Arity(1),
    "join": Arity(1, 2),
    "toJSON": Arity(1, 1),
    "fromJSON": Arity(1, 1),
    "case": Arity(3, odd=True),
    "match": Arity(2, 2),
}
"""`case` evaluates only what it needs, and is therefore at home in `evaluation`."""

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([0-9]+)\}|[{}]")
_STARS: Final = re.compile(r"\*+")
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
_MAX_FIELD_DIGITS: Final = 3
_INDENT: Final = "  "
_MAX_NESTING: Final = 100


def _contains(arguments: tuple[Value, ...], _: Spend) -> Value:
    where, what = arguments
    if is_primitive(where):
        return is_primitive(what) and folded(text(what)) in folded(text(where))
    return isinstance(where, list) and any(equal(item, what) for item in where)


def _starts_with(arguments: tuple[Value, ...], _: Spend) -> Value:
    whole, start = arguments
    return is_primitive(whole) and is_primitive(start) and folded(text(whole)).startswith(folded(text(start)))


def _ends_with(arguments: tuple[Value, ...], _: Spend) -> Value:
    whole, end = arguments
    return is_primitive(whole) and is_primitive(end) and folded(text(whole)).endswith(folded(text(end)))


def _format(arguments: tuple[Value, ...], spend: Spend) -> Value:
    template, given = text(arguments[0]), arguments[1:]
    parts, at = [], 0
    for field in _FIELD.finditer(template):
        parts.append(spend(template[at : field.start()]))
        at = field.end()
        if field[0] in {"{{", "}}"}:
            parts.append(field[0][0])
        elif field[1] is None or len(field[1].lstrip("0")) > _MAX_FIELD_DIGITS:
            raise _failed(f"The following format string is invalid: {template}")
        elif int(field[1]) >= len(given):
            raise _failed(
                f"The following format string references more arguments than were supplied: {template}"
            )
        else:
            parts.append(spend(text(given[int(field[1])])))
    return "".join([*parts, spend(template[at:])])


def _join(arguments: tuple[Value, ...], spend: Spend) -> Value:
    what = arguments[0]
    if not isinstance(what, list):
        return spend(text(what)) if is_primitive(what) else ""
    between = text(arguments[1]) if len(arguments) > 1 and is_primitive(arguments[1]) else ","
    parts = []
    for index, item in enumerate(what):
        parts += [spend(between)] if index else []
        parts.append(spend(text(item)))
    return "".join(parts)


def _match(arguments: tuple[Value, ...], _: Spend) -> Value:
    """`*` stands for any characters, `?` for one; as with `==` case does not matter.

    Every place of the pattern that has been reached is one bit: however it is written, each character of
    the text is looked at once.
    """
    pattern, whole = arguments
    if not (is_primitive(pattern) and is_primitive(whole)):
        return False
    signs = _STARS.sub("*", folded(text(pattern)))
    stars = any_one = 0
    same: dict[str, int] = {}
    for place, sign in enumerate(signs):
        if sign == "*":
            stars |= 1 << place
        elif sign == "?":
            any_one |= 1 << place
        else:
            same[sign] = same.get(sign, 0) | 1 << place
    reached = _past_stars(1, stars)
    for letter in folded(text(whole)):
        reached = _past_stars(reached & stars | (reached & (same.get(letter, 0) | any_one)) << 1, stars)
        if not reached:
            return False
    return bool(reached >> len(signs) & 1)


def _past_stars(reached: int, stars: int) -> int:
    """`reached` and the places after stars that are in it: a star may stand for nothing."""
    return reached | (reached & stars) << 1


def _to_json(arguments: tuple[Value, ...], spend: Spend) -> Value:
    return "".join(spend(part) for part in _written(arguments[0], "\n"))


def _written(value: Value, line: str) -> Iterator[str]:
    """Pieces of JSON, indented by two; `line` begins a new one."""
    if len(line) > len(_INDENT) * _MAX_NESTING:
        raise _failed(f"toJSON: more than {_MAX_NESTING} levels")
    if isinstance(value, str):
        yield _quoted(value)
    elif value is None:
        yield "null"
    elif isinstance(value, bool):
        yield text(value)
    elif isinstance(value, int | float):
        yield number_text(float(value))
    elif not value:
        yield "{}" if isinstance(value, Mapping) else "[]"
    elif isinstance(value, Mapping):
        for index, (key, item) in enumerate(value.items()):
            yield f"{',' if index else '{'}{line}{_INDENT}{_quoted(key)}: "
            yield from _written(item, line + _INDENT)
        yield f"{line}}}"
    else:
        for index, item in enumerate(value):
            yield f"{',' if index else '['}{line}{_INDENT}"
            yield from _written(item, line + _INDENT)
        yield f"{line}]"


def _quoted(value: str) -> str:
    return _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _from_json(arguments: tuple[Value, ...], spend: Spend) -> Value:
    try:
        found = json.loads(spend(text(arguments[0])), parse_int=float, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _failed(f"Error parsing fromJson: {error}") from None
    return cast("Value", found)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _failed(message: str) -> ExpressionError:
    return ExpressionError(Stage.EVALUATION, message)


BODIES: Final[Mapping[str, Function]] = {
    "contains": _contains,
    "startswith": _starts_with,
    "endswith": _ends_with,
    "format": _format,
    "join": _join,
    "tojson": _to_json,
    "fromjson": _from_json,
    "match": _match,
}
"""By name in lower case."""
