"""Talk to tmux sessions through the TS-IPC daemon: `Client`, `AsyncClient`, and the values they exchange.

Importing this package loads nothing; each name is loaded when it is first used, since a script that sends one
message should not wait for what it does not need.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; `typing` would be half of what a short command takes
if TYPE_CHECKING:
    from tsipc_client.aio import AsyncClient
    from tsipc_client.client import Client
    from tsipc_client.wire.errors import (
        BadInput,
        Broken,
        ErrorCode,
        Refused,
        TimedOut,
        UnknownSession,
        Unreachable,
        WireError,
    )
    from tsipc_client.wire.messages import (
        Action,
        MessageType,
        Progress,
        Request,
        Result,
        RunStatus,
        Status,
        Step,
    )

__all__ = [
    "Action",
    "AsyncClient",
    "BadInput",
    "Broken",
    "Client",
    "ErrorCode",
    "MessageType",
    "Progress",
    "Refused",
    "Request",
    "Result",
    "RunStatus",
    "Status",
    "Step",
    "TimedOut",
    "UnknownSession",
    "Unreachable",
    "WireError",
]

_ERRORS = {
    "BadInput", "Broken", "ErrorCode", "Refused", "TimedOut", "UnknownSession", "Unreachable", "WireError",
}  # fmt: skip
_CLIENTS = {"AsyncClient": "tsipc_client.aio", "Client": "tsipc_client.client"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (a short command uses no name from here)

    home = "tsipc_client.wire.errors" if name in _ERRORS else "tsipc_client.wire.messages"
    value: object = getattr(import_module(_CLIENTS.get(name, home)), name)
    globals()[name] = value  # the next use does not come here again
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
