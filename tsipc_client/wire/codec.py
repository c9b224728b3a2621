"""Requests into MessagePack, answers back into values: the client's side. The daemon has its own decoder.

Fields that a newer daemon added are ignored. A value that this client cannot understand is a `Broken` error,
never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import msgpack

from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, WireError, error_from
from tsipc_client.wire.messages.limits import MAX_FRAME_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsipc_client.wire.messages import Request

REQUEST = 0
"""The first element of a message is its kind: 0; 1 for a response, 2 for a notification."""

T = TypeVar("T")
_Reader = Callable[[object], object]


class Misread(Broken):
    """What the daemon answered is none that this client knows: one of the two may be newer."""


class Misfit(Exception):
    """A value that is not of the type the protocol says."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it came: `result` is still a map."""

    id: int | None
    error: WireError | None
    result: object


@dataclass(frozen=True, slots=True)
class Notification:
    """A stream item as it came; `request` is the id of the request it belongs to."""

    method: str
    request: object
    params: dict[str, object]


def encode_request(number: int, request: Request) -> bytes:
    """The request's message. Parameters at their default are left out. Raises `BadInput`."""
    try:
        payload = cast("bytes", msgpack.packb([REQUEST, number, request.METHOD, _params(request)]))
    except UnicodeEncodeError as exc:
        raise BadInput(
            ErrorCode.BAD_PARAMS, f"{request.METHOD}: text that is no Unicode ({exc.reason})"
        ) from exc
    except (TypeError, OverflowError, ValueError) as exc:
        raise BadInput(ErrorCode.BAD_PARAMS, f"{request.METHOD}: {exc}") from exc
    if len(payload) > MAX_FRAME_BYTES:
        raise BadInput(
            ErrorCode.TOO_LARGE,
            f"{request.METHOD}: {len(payload):,} bytes; the limit is {MAX_FRAME_BYTES:,}",
            hint="leave large data in a file and send its path",
        )
    return payload


def decode(payload: bytes) -> Response | Notification:
    """What the daemon said. Raises `Broken`."""
    try:
        message: object = msgpack.unpackb(payload)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as exc:
        raise _misread("the daemon's answer is no MessagePack") from exc
    match message:
        case [1, int() | None as number, None, result]:
            return Response(number, None, result)
        case [1, int() | None as number, dict() as error, None]:
            return Response(number, _error(error), None)
        case [2, str(method), {"request": request, **params}]:
            return Notification(method, request, cast("dict[str, object]", params))
        case _:
            raise _misread("the daemon's answer is none of this protocol")


def build(kind: type[T], value: object) -> T:
    """The value of class `kind` that a decoded map stands for. Raises `Broken`."""
    try:
        return cast("T", _reader(cast("Hashable", kind))(value))
    except Misfit as exc:
        raise _misread(f"the daemon answered something else than {kind.__name__}: {exc}") from exc


def _params(value: object) -> dict[str, object]:
    params: dict[str, object] = {}
    for name, default in _defaults(cast("Hashable", type(value))):
        item = getattr(value, name)
        if item != default:
            # The only things in a request that are no plain values are lists, of records or of texts.
            params[name] = [_item(row) for row in item] if isinstance(item, tuple | list) else item
    return params


def _item(row: object) -> object:
    return _params(row) if is_dataclass(row) else row


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:  # noqa: ANN401 - any of the protocol's dataclasses
    return tuple((field.name, field.default) for field in fields(kind))


def _error(body: dict[object, object]) -> WireError:
    code, message, hint, data = (body.get(name) for name in ("code", "message", "hint", "data"))
    return error_from(
        str(code), str(message), hint=str(hint or ""), data=data if isinstance(data, dict) else None
    )


@cache
def _reader(kind: Any) -> _Reader:  # noqa: ANN401 - whatever a field may be declared as
    """What turns a decoded value into one of the declared type `kind`, or raises `Misfit`."""
    if is_dataclass(kind):
        return _record_reader(cast("type", kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda value: tuple(read(item) for item in _typed(list, value))
    if origin is dict:
        read = _reader(arguments[1])
        return lambda value: {key: read(item) for key, item in _typed(dict, value).items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: _member(kind, value)
    if kind is float:
        return lambda value: float(_typed((int, float), value))
    return lambda value: _typed(kind, value)


def _record_reader(kind: type) -> _Reader:
    hints = get_type_hints(kind)
    readers = tuple(
        (field.name, hints[field.name], _reader(hints[field.name]), field.default is MISSING)
        for field in fields(kind)
    )

    names, kinds = [name for name, *_ in readers], [hint for _, hint, *_ in readers]

    def read(value: object) -> object:
        found = _typed(dict, value)
        # As our daemon writes it, with nothing to turn into anything: events come by the hundred thousand.
        if list(found) == names and [*map(type, found.values())] == kinds:
            return kind(**found)
        arguments: dict[str, object] = {}
        for name, hint, reader, required in readers:
            if name in found:
                item = found[name]
                try:
                    arguments[name] = item if type(item) is hint else reader(item)
                except Misfit as exc:
                    raise Misfit(f"{name}: {exc}") from exc
            elif required:
                raise Misfit(f"{name} is missing")
        return kind(**arguments)

    return read


def _typed(kind: Any, value: object) -> Any:  # noqa: ANN401 - the caller knows what it asked for
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Misfit(f"not expected here: {type(value).__name__}")
    return value


def _member(kind: type[Enum], value: object) -> Enum:
    try:
        return kind(value)
    except ValueError as exc:
        raise Misfit(f"this client does not know {value!r}") from exc


def _misread(message: str) -> Misread:
    return Misread(
        ErrorCode.INTERNAL,
        message,
        hint="client and daemon may be of different versions: ts-ipc daemon restart",
    )
