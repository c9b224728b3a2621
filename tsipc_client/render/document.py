"""Values of the protocol as JSON text. Keys are the names on the wire."""

from __future__ import annotations

from dataclasses import asdict

from tsipc_client.render.json_text import encode
from tsipc_client.wire.messages import Progress, Result


def document(value: Result | Progress, *, indent: int | None = None) -> str:
    """The value as one JSON document, printable ASCII only (and line ends, with `indent`)."""
    return encode(asdict(value), indent=indent)
