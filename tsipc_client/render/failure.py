"""An error as text for people, or JSON for programs.

Loaded by short commands: it knows an error by its fields, and does not load the classes.
"""

from __future__ import annotations

from tsipc_client.render.style import Tone, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsipc_client.render.style import Style
    from tsipc_client.wire.errors import WireError


def error_lines(error: WireError, style: Style) -> Iterator[str]:
    """What happened, and what to do next. Never cut: an error is read to its end."""
    uncut = style.uncut
    yield line(uncut, ("ts-ipc: ", Tone.RED), error.message)
    if error.hint:
        for text in error.hint.split("\n"):
            yield line(uncut, "  ", text)


def error_document(error: WireError) -> str:
    """The error as one line of JSON, as it is on the wire."""
    from tsipc_client.render.json_text import encode  # noqa: PLC0415 (json is not for every error)

    return encode({"code": error.code, "message": error.message, "hint": error.hint, "data": error.data})
