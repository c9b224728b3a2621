"""Values of the protocol as JSON text. Keys are the names on the wire."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Progress, Result
from tsipc_client.wire.text import json_visible


def document(value: Result | Progress, *, indent: int | None = None) -> str:
    """The value as one JSON document, printable ASCII only (and line ends, with `indent`)."""
    return encode(asdict(value), indent=indent)


def error_document(error: WireError) -> str:
    """The error as one line of JSON, as it is on the wire."""
    return encode({"code": error.code, "message": error.message, "hint": error.hint, "data": error.data})


def encode(value: dict[str, Any], *, indent: int | None = None) -> str:
    """JSON that no terminal can be moved by: everything outside printable ASCII is escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json_visible(json.dumps(value, ensure_ascii=True, indent=indent, separators=separators))
