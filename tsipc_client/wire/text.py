"""Text made safe for people: the one function every screen, log line and status line goes through."""

from __future__ import annotations

import unicodedata

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Controls, invisible formats (direction marks among them), line and paragraph ends, lone surrogates."""


def is_safe(char: str) -> bool:
    """Whether `char` shows as itself and moves nothing on a terminal."""
    return unicodedata.category(char) not in UNSAFE_CATEGORIES


def visible(text: str, *, keep_newlines: bool = False) -> str:
    r"""`text` with every unsafe character made visible as an escape (`\n`, `\x1b`, `\u202e`).

    With `keep_newlines`, LF stays: for output that may span lines. The result is one line otherwise.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if (keep_newlines and char == "\n") or is_safe(char)
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
