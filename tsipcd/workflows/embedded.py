"""`${{ expression }}` inside of texts: found and cut out. What an expression says is not looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OPEN: Final = "${{"
CLOSE: Final = "}}"

_END: Final = re.compile(r"'(?:[^']|'')*'|}}|'")


@dataclass(frozen=True, slots=True)
class Embedded:
    """One expression; `start` and `end` are the offsets of its `${{` and of what follows its `}}`."""

    source: str
    start: int
    end: int


class Unclosed(Exception):
    """A `${{` at offset `at` has no `}}`."""

    def __init__(self, at: int) -> None:
        super().__init__(f"a ${{{{ has no }}}} (at {at})")
        self.at = at


def embedded(text: str) -> tuple[Embedded, ...]:
    """Every expression in `text`, in order. Raises `Unclosed`."""
    found = []
    start = text.find(OPEN)
    while start >= 0:
        end = _end(text, start)
        found.append(Embedded(text[start + len(OPEN) : end - len(CLOSE)].strip(), start, end))
        start = text.find(OPEN, end)
    return tuple(found)


def whole_expression(text: str) -> str | None:
    """The expression that `text` is with `${{ }}` around it; None if it is anything else."""
    if not text.startswith(OPEN):
        return None
    try:
        end = _end(text, 0)
    except Unclosed:
        return None
    return text[len(OPEN) : -len(CLOSE)].strip() if end == len(text) else None


def _end(text: str, start: int) -> int:
    at = start + len(OPEN)
    while (found := _END.search(text, at)) is not None:
        if found[0] == CLOSE:
            return found.end()
        if found[0] == "'":
            break
        at = found.end()
    raise Unclosed(start)
