"""Percent-encoding of single characters, so that decoding gives the very text back."""

from __future__ import annotations

import re
from collections.abc import Callable

_ESCAPE = re.compile(rb"%([0-9A-F]{2})")


def encode(text: str, must: Callable[[str], bool]) -> str:
    """`text` with `%` and every character that `must` be encoded as the `%XX` of its UTF-8 bytes."""
    return "".join(escape(char) if char == "%" or must(char) else char for char in text)


def escape(char: str) -> str:
    """The `%XX` of every UTF-8 byte of `char`; lone surrogates have bytes too."""
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def decode(text: str) -> str:
    """What was encoded. Raises `UnicodeDecodeError` where `text` cannot come from `encode`."""
    data = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogatepass"))
    return data.decode("utf-8", "surrogatepass")
