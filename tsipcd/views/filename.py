"""Names of sessions and workflows as file names. Touches no file.

Ordinary names (`claude-manager`, `a b`, `세션`) stay as they are. `%`, `/`, NUL, characters that do not show
as themselves, and a leading `.` or `-` become `%XX` of their UTF-8 bytes, so no name leads out of its folder,
hides in it, or looks like an option, and decoding gives the name back.

A file name holds 255 bytes. A name that encodes to more than 200 (and the empty one) is cut and gets
`%~` and 32 hex digits of its SHA-256: still one name, one file, but the file name alone does not give the
name back. `%~` cannot come from encoding, so the two forms never meet.
"""

from __future__ import annotations

import hashlib

from tsipc_client.wire.text import is_safe
from tsipcd.views import percent

MAX_ENCODED_BYTES = 200
"""Leaves room for a suffix and for what rotation and temporary files add."""

_KEPT_BYTES = 120
_CUT_MARK = "%~"


def name_to_file(name: str) -> str:
    """The file name for `name`, without a suffix: one path component, different for different names."""
    encoded = percent.encode(name, lambda char: char == "/" or not is_safe(char))
    if encoded[:1] in (".", "-"):
        encoded = percent.escape(encoded[0]) + encoded[1:]
    if encoded and len(encoded.encode()) <= MAX_ENCODED_BYTES:
        return encoded
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = encoded.encode()[:_KEPT_BYTES].decode(errors="ignore")
    return f"{kept}{_CUT_MARK}{digest}"


def file_to_name(file: str) -> str | None:
    """The name whose file this is; None if it is cut, or is no name's file."""
    try:
        name = percent.decode(file)
        return name if name_to_file(name) == file else None
    except UnicodeError:
        return None


def is_cut(file: str) -> bool:
    """Whether `file` is of the form whose name is only known from what is in the file."""
    return _CUT_MARK in file
