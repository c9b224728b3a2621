"""What can go wrong, as the wire names it.

    WireError                    the root; carries code, message, hint, data
    ├── BadInput                 the request is wrong (usage)
    ├── UnknownSession           no session, alias or known name fits
    ├── Refused                  understood, and declined
    ├── Unreachable              no daemon answers on the socket
    ├── TimedOut                 no answer in time; the outcome is not known
    └── Broken                   the daemon or the connection failed

`message` says what happened, `hint` what to do next; both are for people. `code` is for programs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """The closed set of codes in an error on the wire."""

    BAD_FRAME = "bad_frame"
    """The bytes are no message of this protocol; the connection is closed after this answer."""
    TOO_LARGE = "too_large"
    """A frame or a field is over its limit."""
    UNKNOWN_METHOD = "unknown_method"
    BAD_PARAMS = "bad_params"
    """A parameter is missing, unknown, of the wrong type or out of range."""
    UNKNOWN_SESSION = "unknown_session"
    """`data["nearest"]` lists similar names."""
    AMBIGUOUS_SESSION = "ambiguous_session"
    """`data["candidates"]` lists the sessions that fit."""
    UNKNOWN_ID = "unknown_id"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    """`data["nearest"]` lists similar names."""
    BAD_FILE = "bad_file"
    """A file that people edit cannot be read; the message has its path, line and reason."""
    KEY_REUSED = "key_reused"
    """The idempotency key was used before with another request."""
    NOT_ALLOWED = "not_allowed"
    """The state or a policy forbids it."""
    PAUSED = "paused"
    """The event answered itself, or came too fast; `data["until"]` tells when it may be published again."""
    BUSY = "busy"
    """Too many requests are in flight on this connection."""
    STORAGE_FULL = "storage_full"
    """No room to make the request durable; nothing was accepted."""
    QUEUE_FULL = "queue_full"
    """A cap on what may wait, or the memory that has to stay free, forbids it; nothing was accepted."""
    STOPPING = "stopping"
    """The daemon drains; try again, a new one starts."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """The request may or may not be durable; repeat it with the same key."""
    INTERNAL = "internal"

    # Raised by clients only; never on the wire.
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"


class WireError(Exception):
    """A failed request: `code` for programs, `message` and `hint` for people, `data` for both."""

    def __init__(
        self, code: ErrorCode, message: str, *, hint: str = "", data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(code, message, hint, data)
        self.code = code
        self.message = message
        self.hint = hint
        self.data = data or {}

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class BadInput(WireError):
    """The request is wrong; sending it again will not help."""


class UnknownSession(WireError):
    """No session, alias or known name fits, or more than one does."""


class Refused(WireError):
    """Understood and declined: by state, policy or lack of room."""


class Unreachable(WireError):
    """No daemon answers on the socket, and none could be started."""


class TimedOut(WireError):
    """No answer in time. The outcome is not known; repeat with the same key."""


class Broken(WireError):
    """The daemon or the connection failed. The outcome is not known; repeat with the same key."""


_CLASSES: dict[ErrorCode, type[WireError]] = {
    ErrorCode.BAD_FRAME: BadInput,
    ErrorCode.TOO_LARGE: BadInput,
    ErrorCode.UNKNOWN_METHOD: BadInput,
    ErrorCode.BAD_PARAMS: BadInput,
    ErrorCode.UNKNOWN_SESSION: UnknownSession,
    ErrorCode.AMBIGUOUS_SESSION: UnknownSession,
    ErrorCode.UNKNOWN_ID: BadInput,
    ErrorCode.UNKNOWN_WORKFLOW: BadInput,
    ErrorCode.BAD_FILE: Refused,
    ErrorCode.KEY_REUSED: Refused,
    ErrorCode.NOT_ALLOWED: Refused,
    ErrorCode.PAUSED: Refused,
    ErrorCode.BUSY: Refused,
    ErrorCode.STORAGE_FULL: Refused,
    ErrorCode.QUEUE_FULL: Refused,
    ErrorCode.STOPPING: Refused,
    ErrorCode.UNKNOWN_OUTCOME: Broken,
    ErrorCode.INTERNAL: Broken,
    ErrorCode.UNREACHABLE: Unreachable,
    ErrorCode.TIMED_OUT: TimedOut,
}


def error_from(code: str, message: str, *, hint: str = "", data: dict[str, Any] | None = None) -> WireError:
    """The error of the class that `code` belongs to; a code of a newer daemon becomes `Broken`."""
    try:
        known = ErrorCode(code)
    except ValueError:
        return Broken(ErrorCode.INTERNAL, message, hint=hint, data={**(data or {}), "code": code})
    return _CLASSES[known](known, message, hint=hint, data=data)
