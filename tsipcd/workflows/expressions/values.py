"""Values of expressions, and what each becomes where another kind is asked for: GitHub's rules.

null, booleans, numbers (doubles), text, arrays and objects are Python's own; an `int` is read as a double.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Value: TypeAlias = "str | bool | float | Sequence[Value] | Mapping[str, Value] | None"

BLANKS: Final = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What is trimmed and what parts words; for use in the brackets of a pattern."""

_AROUND: Final = re.compile(f"^[{BLANKS}]+|[{BLANKS}]+$")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_INFINITE: Final = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_LARGEST_PLAIN: Final = 21
"""Powers of ten from which on a number is written with an exponent."""
_SMALLEST_PLAIN: Final = -6
_MAX_POWER_OF_DOUBLES: Final = 1100


class Filtered(list["Value"]):
    """What `.*` gives: whatever is looked up in it is looked up in each item."""


def is_primitive(value: Value) -> bool:
    """It can be written as text and read back."""
    return value is None or isinstance(value, str | bool | int | float)


def truth(value: Value) -> bool:
    """False for null, false, 0, NaN and the empty text; arrays and objects are true."""
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value) if is_primitive(value) else True


def number(value: Value) -> float:
    """NaN for what is none."""
    if isinstance(value, str):
        return number_in(value)
    if isinstance(value, bool | int | float):
        return float(value)
    return 0.0 if value is None else math.nan


def number_in(text: str) -> float:
    """The number that `text` spells, 0 for nothing but blanks; NaN for anything else."""
    text = _AROUND.sub("", text) if text[:1].isspace() or text[-1:].isspace() or "\ufeff" in text else text
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEX.fullmatch(text):
        return _whole(text, 16)
    if _OCTAL.fullmatch(text):
        return _whole(text, 8)
    return _INFINITE.get(text, math.nan)


def text(value: Value) -> str:
    """What a value looks like within text; arrays and objects show only what they are."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(float(value))
        case str():
            return value
        case Mapping():
            return "Object"
        case _:
            return "Array"


def number_text(value: float) -> str:
    """The shortest decimal that is this number, whole ones without a point."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    mantissa, _, power = f"{value!r}".partition("e")
    mantissa = mantissa.removesuffix(".0")
    exponent = int(power or 0)
    if not power:
        return mantissa
    if exponent >= _LARGEST_PLAIN or exponent < _SMALLEST_PLAIN:
        return f"{mantissa}e{exponent:+d}"
    sign, digits = "-" * (value < 0), mantissa.lstrip("-").replace(".", "")
    return f"{sign}0.{'0' * (-exponent - 1)}{digits}" if exponent < 0 else f"{sign}{digits:0<{exponent + 1}}"


def folded(value: str) -> str:
    """The same for two texts that differ only in case, letter by letter and in no language's own way.

    No letter outside ASCII becomes one inside: the dotless i is no I.
    """
    return value.upper() if value.isascii() else "".join(map(_folded_letter, value))


def equal(left: Value, right: Value) -> bool:
    """As `==` has it: kinds are matched first, case does not matter, an array is equal only to itself."""
    left, right = _matched(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right or folded(left) == folded(right)
    if isinstance(left, float) and isinstance(right, float):
        return left == right
    if is_primitive(left) and is_primitive(right):
        return type(left) is type(right) and left == right
    return left is right


def greater(left: Value, right: Value) -> bool:
    """As `>` has it; false where there is no order."""
    left, right = _matched(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _sorted_as(left) > _sorted_as(right)
    if isinstance(left, bool | float) and isinstance(right, bool | float):
        return left > right
    return False


def _matched(left: Value, right: Value) -> tuple[Value, Value]:
    left, right = _plain(left), _plain(right)
    if _kind(left) == _kind(right):
        return left, right
    if left is None or isinstance(left, bool):
        left = number(left)
    if right is None or isinstance(right, bool):
        right = number(right)
    if isinstance(left, float) and isinstance(right, str):
        right = number(right)
    elif isinstance(left, str) and isinstance(right, float):
        left = number(left)
    return left, right


def _plain(value: Value) -> Value:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _kind(value: Value) -> type:
    if is_primitive(value):
        return type(value)
    return dict if isinstance(value, Mapping) else list


def _sorted_as(value: str) -> bytes:
    return folded(value).encode("utf-16-be", "surrogatepass")


def _folded_letter(letter: str) -> str:
    upper = letter.upper()
    if len(upper) > 1:
        upper = letter.title()
    return letter if len(upper) > 1 or (upper.isascii() and not letter.isascii()) else upper


def _whole(text: str, radix: int) -> float:
    digits = text[2:].lstrip("0")
    return float(int(digits or "0", radix)) if len(digits) * 3 < _MAX_POWER_OF_DOUBLES / 2 else math.inf
