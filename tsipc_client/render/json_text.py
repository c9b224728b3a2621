"""Plain values as JSON text, without the library: it loads regular expressions, which writing does not need.

Loaded by short commands: no imports.
"""

from __future__ import annotations


def encode(value: object, *, indent: int | None = None) -> str:
    """JSON that no terminal can be moved by: everything outside printable ASCII is escaped.

    On one line without blanks, or with `indent` columns for each level. Raises `ValueError` for a value that
    JSON does not have.
    """
    return _encode(value, indent, "\n")


def _encode(value: object, indent: int | None, line_end: str) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and value - value == 0:  # neither infinite nor none
        return float.__repr__(value)
    inner = line_end if indent is None else line_end + " " * indent
    if isinstance(value, list | tuple):
        return _bracketed("[]", [_encode(item, indent, inner) for item in value], indent, line_end)
    if isinstance(value, dict):
        colon = ":" if indent is None else ": "
        pairs = [f"{_quoted(name)}{colon}{_encode(item, indent, inner)}" for name, item in value.items()]
        return _bracketed("{}", pairs, indent, line_end)
    raise ValueError(f"not in JSON: {type(value).__name__}")


def _bracketed(brackets: str, items: list[str], indent: int | None, line_end: str) -> str:
    if indent is None or not items:
        return brackets[0] + ",".join(items) + brackets[1]
    inner = line_end + " " * indent
    return brackets[0] + inner + ("," + inner).join(items) + line_end + brackets[1]


def _quoted(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    from _json import encode_basestring_ascii  # noqa: PLC0415 (what `json` uses; most texts need none of it)

    # Encoders leave DEL as it is.
    return encode_basestring_ascii(text).replace("\x7f", "\\u007f")
