"""Answers and stream items into bytes, in the encoding that the connection speaks."""

from __future__ import annotations

from typing import Final

import msgspec

from tsipc_client.wire.errors import BadInput, ErrorCode, WireError
from tsipc_client.wire.messages import MAX_FRAME_BYTES, ErrorBody, EventView, Heard, Progress, Result
from tsipc_client.wire.text import json_visible

Id = int | str | None

RESPONSE, NOTIFICATION = 1, 2
PROGRESS: Final = "progress"

JSON_RPC_CODES: Final = {
    ErrorCode.BAD_FRAME: -32600,
    ErrorCode.UNKNOWN_METHOD: -32601,
    ErrorCode.BAD_PARAMS: -32602,
    ErrorCode.INTERNAL: -32603,
}
"""The codes that JSON-RPC gives a meaning; every other error is `SERVER_ERROR` and has only its own code."""

SERVER_ERROR: Final = -32000

_events = msgspec.msgpack.Decoder(tuple[EventView, ...])


class Packed(msgspec.Struct, frozen=True):
    """A `Heard` whose events are bytes already: they come from a file as they go to the client."""

    events: msgspec.Raw
    next: int
    forgotten: int

    @classmethod
    def of(cls, events: bytes, next_: int, forgotten: int) -> Packed:
        """`events` is a MessagePack array."""
        return cls(msgspec.Raw(events), next_, forgotten)

    def unpacked(self) -> Heard:
        """For connections that speak JSON."""
        return Heard(events=_events.decode(self.events), next=self.next, forgotten=self.forgotten)


_msgpack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()


def result(request_id: Id, value: Result | Packed, *, lines: bool) -> bytes:
    """The answer. One that no frame holds becomes an error."""
    if lines:
        value = value.unpacked() if isinstance(value, Packed) else value
        data = _encode(_json, {"jsonrpc": "2.0", "id": request_id, "result": value})
    else:
        data = _encode(_msgpack, (RESPONSE, request_id, None, value))
    return _sent(data, lines=lines) if len(data) <= MAX_FRAME_BYTES else _too_large(request_id, lines=lines)


def failure(request_id: Id, error: WireError, *, lines: bool) -> bytes:
    """The error as the answer to `request_id`; None: to whatever came."""
    if not lines:
        body = ErrorBody(code=error.code, message=error.message, hint=error.hint, data=error.data)
        return _sent(_encode(_msgpack, (RESPONSE, request_id, body, None)), lines=False)
    body_in_json = {
        "code": JSON_RPC_CODES.get(error.code, SERVER_ERROR),
        "message": error.message,
        "data": {"code": error.code, "hint": error.hint, "data": error.data},
    }
    return _sent(_encode(_json, {"jsonrpc": "2.0", "id": request_id, "error": body_in_json}), lines=True)


def progress(request_id: Id, item: Progress, *, lines: bool) -> bytes:
    """A stream item; empty if no frame holds it."""
    params = {
        "request": request_id,
        "run": item.run,
        "workflow": item.workflow,
        "steps": item.steps,
        "step": item.step,
    }
    if lines:
        data = _encode(_json, {"jsonrpc": "2.0", "method": PROGRESS, "params": params})
    else:
        data = _encode(_msgpack, (NOTIFICATION, PROGRESS, params))
    return _sent(data, lines=lines) if len(data) <= MAX_FRAME_BYTES else b""


def _encode(encoder: msgspec.msgpack.Encoder | msgspec.json.Encoder, message: object) -> bytes:
    try:
        data = encoder.encode(message)
    except UnicodeEncodeError:
        # tmux and the file system have names that are no Unicode; one of them must not cost the whole answer.
        data = encoder.encode(_unicode(msgspec.to_builtins(message)))
    if encoder is _msgpack or (data.isascii() and b"\x7f" not in data):
        return data
    # Lines are looked at with `nc` and `socat`, on a terminal.
    return json_visible(data.decode()).encode()


def _unicode(value: object) -> object:
    """`value` with the bytes of such names as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_unicode(key): _unicode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unicode(item) for item in value]
    return value


def _sent(data: bytes, *, lines: bool) -> bytes:
    return data + b"\n" if lines else len(data).to_bytes(4, "big") + data


def _too_large(request_id: Id, *, lines: bool) -> bytes:
    error = BadInput(
        ErrorCode.TOO_LARGE,
        f"the answer is larger than {MAX_FRAME_BYTES:,} bytes",
        hint="ask for fewer, or read the files in the state folder",
    )
    return failure(request_id, error, lines=lines)
