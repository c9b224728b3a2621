"""A payload into a request, strictly: every field known, present, and of its type.

Both encodings go through the same two steps: into a strict mirror of the request's class (a msgspec struct
that forbids unknown fields, which a dataclass cannot), and from there into the class itself. Together they
take 1.2 us for a `send`; decoding into the dataclass alone takes 1.5 us and lets unknown fields pass. Nothing
is decoded before its type is known, so a payload of a million empty maps is refused at the first of them.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, NoReturn, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple

from tsipc_client.wire.errors import BadInput, ErrorCode, WireError
from tsipc_client.wire.messages import REQUESTS, WIRE_VERSION, Request
from tsipc_client.wire.text import visible
from tsipc_client.wire.version import VERSION
from tsipcd.server.limits import check_of
from tsipcd.server.making import maker

MAX_ID_CHARS: Final = 128
_MALFORMED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SHOWN: Final = 60

Id = int | str | None
"""A request's id on its connection; None only in JSON."""


class BadRequest(Exception):
    """A request that cannot be carried out; the connection goes on."""

    def __init__(self, request_id: Id, error: WireError) -> None:
        super().__init__(request_id, error)
        self.id = request_id
        self.error = error


class _Method:
    """One request class and what decodes its parameters."""

    __slots__ = ("check", "from_json", "from_msgpack", "kind", "make")

    def __init__(self, kind: type[Request]) -> None:
        mirror = _mirror(kind)
        self.kind = kind
        self.check = check_of(kind)
        self.make = _make_of(kind)
        self.from_msgpack = msgspec.msgpack.Decoder(mirror)
        self.from_json = msgspec.json.Decoder(mirror)


class _Line(msgspec.Struct, gc=False):
    """A JSON-RPC request. What the standard leaves open is taken leniently: people type these."""

    method: str
    id: (
        Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
        | Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)]
        | None
    ) = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    jsonrpc: str = "2.0"


def from_msgpack(payload: bytes) -> tuple[int, Request]:
    """The id and the request. Raises `BadRequest`, or `BadInput` if the payload is no message at all."""
    number, at = _id_of(payload)
    # The name with its length in front, as all clients write it.
    end = at + 1 + (payload[at] & _FIXSTR_BYTES)
    method = _WRITTEN.get(payload[at:end])
    if method is None:
        name, end = _name_of(payload, at)
        method = _METHODS.get(name)
        if method is None:
            raise BadRequest(number, _unknown_method(name.decode("utf-8", "replace")))
    try:
        mirror = method.from_msgpack.decode(payload[end:])
    except _MALFORMED as exc:
        _refuse(number, method.kind, exc)
    return number, _request(number, method, mirror)


def from_json(line: bytes) -> tuple[Id, Request]:
    """The same for one JSON-RPC line."""
    try:
        message = _LINE.decode(line)
    except _MALFORMED as exc:
        raise _no_message(f"the line is no JSON-RPC request: {exc}") from exc
    if message.jsonrpc != "2.0":
        raise BadRequest(
            message.id, BadInput(ErrorCode.BAD_FRAME, f"jsonrpc must be '2.0', not {_short(message.jsonrpc)}")
        )
    method = _METHODS.get(message.method.encode())
    if method is None:
        raise BadRequest(message.id, _unknown_method(message.method))
    try:
        mirror = method.from_json.decode(message.params)
    except _MALFORMED as exc:
        _refuse(message.id, method.kind, exc)
    return message.id, _request(message.id, method, mirror)


def _request(request_id: Id, method: _Method, mirror: msgspec.Struct) -> Request:
    request = method.make(mirror)
    try:
        method.check(request)
    except BadInput as error:
        error.message = f"{request.METHOD}: {error.message}"
        raise BadRequest(request_id, error) from None
    return request


# ── the head of a MessagePack message: [0, id, method, ...] ───────────────────────────────────────────────

_ARRAY_OF_4, _ZERO = 0x94, 0x00
_UINT_BYTES: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_FIXINT_END, _FIXSTR, _FIXSTR_MASK, _FIXSTR_BYTES, _STR8 = 0x80, 0xA0, 0xE0, 0x1F, 0xD9


def _id_of(payload: bytes) -> tuple[int, int]:
    """The id, and where the method's name begins; there is a byte.

    By hand: a decoder would have to walk over the parameters, whatever is in them, to find their end.
    """
    try:
        if payload[0] != _ARRAY_OF_4 or payload[1] != _ZERO:
            raise _no_message("a request is an array of four that begins with 0")
        at = 3
        number = payload[2]
        if number >= _FIXINT_END:
            at += _UINT_BYTES[number]
            number = int.from_bytes(payload[3:at], "big")
        payload[at]
    except IndexError:
        raise _no_message("the message ends too early") from None
    except KeyError:
        raise _no_message("the second element of a request is its id, an unsigned integer") from None
    return number, at


def _name_of(payload: bytes, at: int) -> tuple[bytes, int]:
    """The method's name, however its length is written, and where the parameters begin."""
    length = payload[at]
    at += 1
    if length & _FIXSTR_MASK == _FIXSTR:
        length ^= _FIXSTR
    elif length == _STR8 and at < len(payload):
        length = payload[at]
        at += 1
    else:
        raise _no_message("the third element of a request is its method's name")
    end = at + length
    if end >= len(payload):
        raise _no_message("the message ends too early")
    return payload[at:end], end


# ── what went wrong, in words ─────────────────────────────────────────────────────────────────────────────

_UNKNOWN = re.compile(
    r"^Object contains unknown field `(?P<field>.*?)`(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL
)
_MISSING = re.compile(r"^Object missing required field `(?P<field>.*?)`(?: - at `\$\.?(?P<path>.*)`)?$")
_NO_MEMBER = re.compile(r"^Invalid enum value (?P<value>.*) - at `\$\.(?P<path>.*)`$", re.DOTALL)
_MISTYPED = re.compile(r"^(?P<what>Expected .*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def _refuse(request_id: Id, kind: type[Request], exc: Exception) -> NoReturn:
    """Raise what `exc`, from decoding the parameters of `kind`, means."""
    if not isinstance(exc, msgspec.ValidationError):
        # Not of the right type is one thing; bytes that mean nothing are another, and nothing after them can
        # be trusted.
        raise _no_message(f"{kind.METHOD}: the parameters cannot be decoded: {exc}") from exc
    text = str(exc)
    what, hint = text[0].lower() + text[1:], ""
    if found := _UNKNOWN.match(text):
        what = f"unknown parameter {_short(found['field'])}" + _at(found["path"])
        hint = _nearest(found["field"], _names(kind, found["path"]))
    elif found := _MISSING.match(text):
        what = f"parameter {found['field']!r} is missing" + _at(found["path"])
    elif found := _NO_MEMBER.match(text):
        members = [str(member.value) for member in _enum(kind, found["path"])]
        what = f"{found['path']} cannot be {_short(found['value'])}"
        hint = _nearest(found["value"].strip("'"), members) or f"one of {', '.join(members)}"
    elif found := _MISTYPED.match(text):
        what = f"{found['path'] or 'params'}: {found['what'][0].lower()}{found['what'][1:]}"
    raise BadRequest(request_id, _not_known(ErrorCode.BAD_PARAMS, f"{kind.METHOD}: {what}", hint)) from exc


def _unknown_method(name: str) -> BadInput:
    methods = [kind.METHOD for kind in REQUESTS]
    hint = _nearest(name, methods) or f"the methods are {', '.join(methods)}"
    return _not_known(ErrorCode.UNKNOWN_METHOD, f"there is no method {_short(name)}", hint)


def _not_known(code: ErrorCode, message: str, hint: str) -> BadInput:
    """With our version: a newer client can tell from it that we are the older side."""
    return BadInput(code, message, hint=hint, data={"version": VERSION, "wire_version": WIRE_VERSION})


def _no_message(message: str) -> BadInput:
    return BadInput(ErrorCode.BAD_FRAME, visible(message)[:200], hint="see docs/protocol.md")


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word[:_SHOWN], known, n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def _names(kind: type[Request], path: str | None) -> list[str]:
    """The parameters at `path`: of the request, or of the items of its one list."""
    record = kind if not path else _item(get_type_hints(kind)[path.partition("[")[0]])
    return [field.name for field in dataclasses.fields(record)]


def _enum(kind: type[Request], path: str) -> type[Enum]:
    return cast("type[Enum]", get_type_hints(kind)[path])


def _at(path: str | None) -> str:
    return f" in {path}" if path else ""


def _short(text: str) -> str:
    return repr(visible(text if len(text) <= _SHOWN else text[:_SHOWN] + "..."))


# ── the strict mirrors of the request classes ─────────────────────────────────────────────────────────────


def _mirror(kind: type) -> type[msgspec.Struct]:
    """A struct with the fields of dataclass `kind` that refuses all others."""
    hints = get_type_hints(kind)
    return msgspec.defstruct(
        kind.__name__,
        [
            (field.name, _strict(hints[field.name]))
            if field.default is dataclasses.MISSING
            else (field.name, _strict(hints[field.name]), field.default)
            for field in dataclasses.fields(kind)
        ],
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _strict(hint: Any) -> Any:  # noqa: ANN401 - whatever a field may be declared as
    item = _item(hint)
    if dataclasses.is_dataclass(item):
        # `tuple[X, ...]` of a class that exists only at run time.
        return tuple.__class_getitem__((_mirror(cast("type", item)), ...))
    return hint


def _item(hint: Any) -> Any:  # noqa: ANN401 - the same
    """What a `tuple[X, ...]` holds; None for any other type."""
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _make_of(kind: type[Request]) -> Callable[[msgspec.Struct], Request]:
    """What makes a `kind` of its mirror. The values were checked when that was decoded."""
    hints = get_type_hints(kind)
    if any(dataclasses.is_dataclass(_item(hints[field.name])) for field in dataclasses.fields(kind)):
        return lambda mirror: msgspec.convert(mirror, kind, from_attributes=True)
    make = maker(kind)
    return lambda mirror: make(*astuple(mirror))


_METHODS: Final = {kind.METHOD.encode(): _Method(kind) for kind in REQUESTS}
_WRITTEN: Final = {bytes([_FIXSTR | len(name)]) + name: method for name, method in _METHODS.items()}
_LINE: Final = msgspec.json.Decoder(_Line)
