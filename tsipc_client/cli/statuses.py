"""The exit statuses of `ts-ipc`, and which outcome has which. The list for people: docs/exit-statuses.md."""

from __future__ import annotations

from enum import IntEnum

from tsipc_client.cli.brief import STATUS_OF_RUN
from tsipc_client.wire.errors import BadInput, Refused, TimedOut, UnknownSession, Unreachable, WireError
from tsipc_client.wire.messages import RunStatus, Status


class ExitStatus(IntEnum):
    """Scripts rely on these numbers."""

    OK = 0
    RUN_FAILED = 1
    USAGE = 2
    RUN_CANCELLED = 3
    TIMED_OUT = 4
    RUN_INTERRUPTED = 5
    UNKNOWN_SESSION = 6
    REFUSED = 7
    BROKEN = 8
    DAMAGED = 9
    """`fsck` found damage."""
    UNWELL = 10
    """`doctor` found something bad."""
    RUN_REJECTED = 11
    UNREACHABLE = 69
    """EX_UNAVAILABLE of sysexits.h."""
    WAIT_OVER = 124
    """The time to wait was over, as `timeout` says it: the message goes on."""
    NO_STATUS = 125
    """The command there has no exit status, or none that can be known, as `docker run` says it."""
    CTRL_C = 130
    """128 + SIGINT, as shells say it."""
    BROKEN_PIPE = 141
    """128 + SIGPIPE: whoever read the output went away."""


_ERRORS: tuple[tuple[type[WireError], ExitStatus], ...] = (
    (BadInput, ExitStatus.USAGE),
    (UnknownSession, ExitStatus.UNKNOWN_SESSION),
    (Refused, ExitStatus.REFUSED),
    (Unreachable, ExitStatus.UNREACHABLE),
    (TimedOut, ExitStatus.TIMED_OUT),
)

_MESSAGES: dict[Status, ExitStatus] = {
    Status.FAILED: ExitStatus.RUN_FAILED,
    Status.EXPIRED: ExitStatus.RUN_FAILED,
    Status.CANCELLED: ExitStatus.RUN_CANCELLED,
    Status.IN_DOUBT: ExitStatus.RUN_INTERRUPTED,
}


def status_of_message(status: Status) -> ExitStatus:
    """Of one that was waited for and has no exit status to give."""
    return _MESSAGES.get(status, ExitStatus.OK)


def status_of_error(error: WireError) -> ExitStatus:
    """By the error's class; `Broken` and classes of a newer protocol are `BROKEN`."""
    return next((status for kind, status in _ERRORS if isinstance(error, kind)), ExitStatus.BROKEN)


def status_of_run(status: RunStatus) -> ExitStatus:
    """By the table that short commands know."""
    return ExitStatus(STATUS_OF_RUN[status])
