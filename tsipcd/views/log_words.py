"""Names and reasons as words of a line of `events.log`."""

from __future__ import annotations

from functools import lru_cache

from tsipc_client.wire.text import is_safe
from tsipcd.views import percent

UNKNOWN = "-"
"""Stands for what is not known."""


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """`name` as one word of a line, different for different names."""
    if name == UNKNOWN:
        return percent.escape(name)
    return percent.encode(name, lambda char: char.isspace() or not is_safe(char)) or "%"


@lru_cache(maxsize=1024)
def reason(text: str) -> str:
    """` (TEXT)`, or nothing for nothing."""
    if not text:
        return ""
    shown = percent.encode(text, lambda char: char != " " and (char.isspace() or not is_safe(char)))
    return f" ({shown})"
