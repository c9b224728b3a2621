"""Which side is the older one, when client and daemon do not understand each other.

An error of the daemon about a request that it does not know carries its version. An answer that this client
does not understand does not: then the daemon is asked who it is.
"""

from __future__ import annotations

import os
import re

from tsipc_client.wire import messages as m
from tsipc_client.wire.codec import Misread
from tsipc_client.wire.errors import ErrorCode, WireError, error_from
from tsipc_client.wire.messages.limits import WIRE_VERSION
from tsipc_client.wire.version import VERSION

HELLO_S = 2.0

_OF_A_REQUEST = frozenset({ErrorCode.UNKNOWN_METHOD, ErrorCode.BAD_PARAMS})


def explained(error: WireError, directory: str | os.PathLike[str]) -> WireError:
    """`error`, with which side to upgrade as its hint if that may be the reason."""
    if error.code in _OF_A_REQUEST:
        wire_version = error.data.get("wire_version", WIRE_VERSION)
        theirs = wire_version if isinstance(wire_version, int) else WIRE_VERSION
        return _with_advice(error, advice(str(error.data.get("version", "")), theirs))
    if isinstance(error, Misread):
        welcome = _welcome(directory)
        if welcome is not None:
            return _with_advice(error, advice(welcome.version, welcome.wire_version))
    return error


def advice(version: str, wire_version: int) -> str:
    """What to do about a daemon of that version; empty: it is no other."""
    theirs, ours = (wire_version, _numbers(version)), (WIRE_VERSION, _numbers(VERSION))
    if not theirs[1] or theirs == ours:
        return ""
    told = f"the daemon is ts-ipc {version} (protocol {wire_version}), this client {VERSION} ({WIRE_VERSION})"
    if theirs > ours:
        return f"{told}: upgrade the client"
    return f"{told}: let the new daemon run: ts-ipc daemon restart"


def _with_advice(error: WireError, hint: str) -> WireError:
    return error_from(error.code, error.message, hint=hint, data=error.data) if hint else error


def _welcome(directory: str | os.PathLike[str]) -> m.Welcome | None:
    """Who the daemon is; None if not even that can be understood."""
    from tsipc_client.client import Client  # noqa: PLC0415 (which asks here in its turn)

    with Client(directory, HELLO_S, start=False) as client:
        (outcome,) = client.call_many([m.Hello()])
    return outcome if isinstance(outcome, m.Welcome) else None


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
