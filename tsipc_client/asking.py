"""What both clients do around a request: words into members of a closed set, a key, whether to repeat it."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import Enum
from typing import TypeVar, cast

from tsipc_client.wire.errors import BadInput, ErrorCode, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsipc_client.wire.messages import Given, Publish, Request, Run, Send

    Keyed = Send | Publish | Run

REPEAT_AFTER_S = (0.0, 0.02)
"""The pauses before each repetition of what had no answer. The first may still meet the daemon that dies: the
kernel takes connections in its name until it is quite gone."""

_KEY_BYTES = 16

M = TypeVar("M", bound=Enum)
R = TypeVar("R")


def member(kind: type[M], word: str) -> M:
    """The member of `kind` that is written `word`. Raises `BadInput`."""
    try:
        return kind(word)
    except ValueError:
        words = ", ".join(str(known.value) for known in kind)
        raise BadInput(ErrorCode.BAD_PARAMS, f"{word!r} is not among {words}") from None


def keyed(request: Request) -> Request:
    """`request` with an idempotency key, if it takes one: repeating it then does nothing twice."""
    if getattr(request, "key", None) == "":
        return replace(cast("Keyed", request), key=os.urandom(_KEY_BYTES).hex())
    return request


def is_repeatable(request: Request) -> bool:
    """Whether sending a `keyed` request again does what sending it once did."""
    # A message decided about may be in doubt anew by then: about that nobody has decided.
    return request.METHOD not in {"cancel", "resolve", "stop"}


def asks_for_repeat(error: WireError) -> bool:
    """Whether the next daemon may know better: this one ends, or did."""
    return error.code in (ErrorCode.STOPPING, ErrorCode.UNKNOWN_OUTCOME)


def given(inputs: Mapping[str, str] | None) -> tuple[Given, ...]:
    """The inputs of a run, as they go over the wire."""
    from tsipc_client.wire.messages import Given  # noqa: PLC0415 (of one verb only)

    return tuple(Given(name=name, value=value) for name, value in (inputs or {}).items())


def expect(kind: type[R], result: object) -> R:
    """`result`, which the codec has built as `kind`."""
    if not isinstance(result, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(result).__name__}")
    return result
