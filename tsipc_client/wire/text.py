"""Text made safe for people: the one function every screen, log line and status line goes through."""

from __future__ import annotations

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Controls, invisible formats (direction marks among them), line and paragraph ends, lone surrogates."""


def is_safe(char: str) -> bool:
    """Whether `char` shows as itself and moves nothing on a terminal."""
    if char.isprintable():
        return True  # and no category that is unsafe is printable
    from unicodedata import category  # noqa: PLC0415 (short commands come without it)

    return category(char) not in UNSAFE_CATEGORIES


def visible(text: str, *, keep_newlines: bool = False) -> str:
    r"""`text` with every unsafe character made visible as an escape (`\n`, `\x1b`, `\u202e`).

    With `keep_newlines`, LF stays: for output that may span lines. The result is one line otherwise.
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if (keep_newlines and char == "\n") or is_safe(char)
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def json_visible(document: str) -> str:
    r"""JSON with every unsafe character as a `\u` escape: the same values, and no terminal is moved."""
    if document.isascii() and "\x7f" not in document:
        return document  # encoders escape the other controls
    # A literal LF is layout: inside strings it is an escape already.
    unsafe = {char for char in set(document) if char != "\n" and not is_safe(char)}
    return document.translate({ord(char): _json_escape(char) for char in unsafe})


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
