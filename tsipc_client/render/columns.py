"""How many columns text takes on a terminal. Knows nothing of colours: measure before painting."""

from __future__ import annotations

ELLIPSIS = "…"

_HANGUL_JOINED = range(0x1160, 0x1200)
"""Vowels and finals that terminals draw into the syllable before them."""

_EMOJI_PRESENTATION = "\ufe0f"
"""Variation selector 16. Widens the character before it on some terminals; counted as a column, so that no
line ever wraps."""


def columns(text: str) -> int:
    """The columns that one line of safe `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(char) for char in text)


def _columns_of(char: str) -> int:
    import unicodedata  # noqa: PLC0415 (what goes into a pipe is not measured)

    if char == _EMOJI_PRESENTATION:
        return 1
    if ord(char) in _HANGUL_JOINED or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def cut(text: str, limit: int) -> str:
    """`text` if it fits into `limit` columns, else its beginning and an ellipsis, in at most `limit`."""
    if columns(text) <= limit:
        return text
    if limit < 1:
        return ""
    room = limit - 1
    kept: list[str] = []
    for char in text:
        room -= _columns_of(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS


def share(limit: int, first: str, second: str) -> tuple[str, str]:
    """Both texts cut so that together they fit into `limit`; the shorter one gives its spare room away."""
    half = max(limit // 2, 1)
    one, two = columns(first), columns(second)
    if one + two <= limit:
        return first, second
    if one <= half:
        return first, cut(second, limit - one)
    if two <= half:
        return cut(first, limit - two), second
    return cut(first, half), cut(second, half)
