"""Patterns of event names: `deploy.*` stands for one more word between dots, `build.**` for one or more.

A `*` or `**` stands for whole words only. Anything else is a name, and fits itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

ANY_WORD: Final = "*"
ANY_WORDS: Final = "**"


def pattern_fault(pattern: str) -> str:
    """Why `pattern` cannot be one; empty if it can."""
    wrong = [word for word in pattern.split(".") if "*" in word and word not in {ANY_WORD, ANY_WORDS}]
    return f"{pattern!r}: a * stands for a whole word between dots, and {wrong[0]!r} is none" if wrong else ""


@lru_cache(maxsize=4096)
def fits(pattern: str, name: str) -> bool:
    """Whether `name` is among those that `pattern` stands for. Bounded by their words, multiplied."""
    if "*" not in pattern:
        return pattern == name
    parts = pattern.split(".")
    reached = {0}
    for word in name.split("."):
        reached = {
            after
            for at in reached
            if at < len(parts) and parts[at] in {ANY_WORD, ANY_WORDS, word}
            for after in ({at, at + 1} if parts[at] == ANY_WORDS else {at + 1})
        }
    return len(parts) in reached
