"""Payloads into requests, and what is said of those that are none."""

from __future__ import annotations

import contextlib
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import SAMPLES
from tsipc_client.wire import codec
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipcd.server.decode import BadRequest, from_json, from_msgpack

GOOD = {"source": "a", "target": "b", "message": "ls"}


def refusal(method: str, params: object) -> BadInput:
    """What is said of such a request, the same in both encodings."""
    with pytest.raises(BadRequest) as packed:
        from_msgpack(msgpack.packb([0, 5, method, params]))
    with pytest.raises(BadRequest) as written:
        from_json(json.dumps({"id": 5, "method": method, "params": params}).encode())
    error, other = packed.value.error, written.value.error
    assert packed.value.id == written.value.id == 5
    assert isinstance(error, BadInput)
    assert (error.code, error.message, error.hint) == (other.code, other.message, other.hint)
    return error


@pytest.mark.parametrize("request_", [request for request, _ in SAMPLES], ids=lambda r: r.METHOD)
def test_every_request_survives_the_wire(request_: m.Request) -> None:
    """What the client encodes is decoded to an equal value, in both encodings."""
    payload = codec.encode_request(7, request_)
    assert from_msgpack(payload) == (7, request_)
    params = msgpack.unpackb(payload)[3]
    line = json.dumps({"jsonrpc": "2.0", "id": 7, "method": request_.METHOD, "params": params})
    assert from_json(line.encode()) == (7, request_)


@pytest.mark.parametrize(
    ("method", "params", "message", "hint"),
    [
        ("send", GOOD | {"mesage": "x"}, "send: unknown parameter 'mesage'", "did you mean 'message'?"),
        ("send", GOOD | {"zzz": "x"}, "send: unknown parameter 'zzz'", ""),
        ("send", {"source": "a"}, "send: parameter 'target' is missing", ""),
        ("send", GOOD | {"message": 5}, "send: message: expected `str`, got `int`", ""),
        ("send", GOOD | {"now": 1}, "send: now: expected `bool`, got `int`", ""),
        ("send", GOOD | {"type": "comand"}, "send: type cannot be \"'comand'\"", "did you mean 'command'?"),
        ("send", [], "send: params: expected `object`, got `array`", ""),
        ("send", 5, "send: params: expected `object`, got `int`", ""),
        ("workflow", {"name": "w", "steps": [{"session": "s"}]}, "'command' is missing in steps[0]", ""),
        (
            "workflow",
            {"name": "w", "steps": [{"session": "s", "command": "c", "comand": "c"}]},
            "unknown parameter 'comand' in steps[0]",
            "did you mean 'command'?",
        ),
        ("workflow", {"name": "w", "steps": [{"session": 1, "command": "c"}]}, "steps[0].session", ""),
        ("queue", {"limit": "ten"}, "queue: limit: expected `int`, got `str`", ""),
        ("stop", {"now": True}, "stop: unknown parameter 'now'", ""),
        ("send", GOOD | {"source": ""}, "send: source is empty", ""),
    ],
)
def test_what_is_wrong_is_named(method: str, params: object, message: str, hint: str) -> None:
    """The error names the field, and the one that was probably meant."""
    error = refusal(method, params)
    assert error.code is ErrorCode.BAD_PARAMS
    assert message in error.message
    assert error.hint == hint or (not hint and error.hint.startswith("one of"))


@pytest.mark.parametrize(
    ("name", "hint"), [("sned", "did you mean 'send'?"), ("zzz", "the methods are hello,")]
)
def test_an_unknown_method_is_answered_with_the_nearest(name: str, hint: str) -> None:
    """A slip of the keyboard is recognised."""
    error = refusal(name, {})
    assert error.code is ErrorCode.UNKNOWN_METHOD
    assert hint in error.hint


def test_what_is_shown_of_a_bad_name_is_short_and_visible() -> None:
    """An error cannot be made to fill a screen or to move its cursor."""
    error = refusal("send", GOOD | {"\x1b[2J" + "x" * 10_000: 1})
    assert len(error.message) < 200
    assert "\x1b" not in error.message
    assert len(refusal("\x1b" * 200, {}).message) < 400


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc0",
        b"\x94",
        b"\x94\x00",
        b"\x94\x00\x01",
        b"\x94\x00\x01\xa4se",
        b"\x93\x00\x01\xa4send",
        b"\x94\x01\x01\xa4send\x80",
        b"\x94\x00\xff\xa4send\x80",
        b"\x94\x00\xce\x00\x00",
        b"\x94\x00\x01\x05\x80",
        b"\x94\x00\x01\xa4stop\x80\x80",
        b"\x94\x00\x01\xa4stop",
        b"\x94\x00\x01\xa4send\x81\xa6source\xa2\xff\xff",
    ],
)
def test_bytes_that_are_no_request_end_the_connection(payload: bytes) -> None:
    """Nothing after them could be trusted: `BadInput` with `bad_frame`, not an answer to a request."""
    with pytest.raises(BadInput) as caught:
        from_msgpack(payload)
    assert caught.value.code is ErrorCode.BAD_FRAME


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'"x"',
        b'{"method":5}',
        b'{"method":"stop","id":{}}',
        b'{"method":"stop","id":1e400}',
        b'{"method":"stop","id":99999999999999999999}',
        b'{"method":"stop"}}',
        b'\xff{"method":"stop"}',
        b'{"method":"show","params":{"id":"\\ud800"}}',
        b'{"method":"show","params":{"id":"\xed\xa0\x80"}}',
        b'{"id":"' + b"x" * 129 + b'","method":"stop"}',
    ],
)
def test_lines_that_are_no_request_end_the_connection(line: bytes) -> None:
    """The same for JSON; a lone surrogate is no text in either form."""
    with pytest.raises(BadInput) as caught:
        from_json(line)
    assert caught.value.code is ErrorCode.BAD_FRAME


def test_a_person_may_type_a_short_line() -> None:
    """`jsonrpc`, `id` and `params` may be left out where nothing is lost by it."""
    assert from_json(b'{"method":"stop"}\r') == (None, m.Stop())
    assert from_json(b' {"id":"a","method":"queue","params":{},"more":[1]} ') == ("a", m.Queue())
    with pytest.raises(BadRequest, match="jsonrpc"):
        from_json(b'{"jsonrpc":"1.0","id":1,"method":"stop"}')


@pytest.mark.parametrize("number", [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1])
def test_an_id_is_any_unsigned_integer(number: int) -> None:
    """Each width that MessagePack has for it."""
    assert from_msgpack(msgpack.packb([0, number, "stop", {}])) == (number, m.Stop())


def test_a_long_method_name_is_an_unknown_method() -> None:
    """Its length has another form from 32 bytes on."""
    with pytest.raises(BadRequest) as caught:
        from_msgpack(msgpack.packb([0, 1, "s" * 40, {}]))
    assert caught.value.error.code is ErrorCode.UNKNOWN_METHOD


BOMBS = {
    "empty maps": b"\x94\x00\x01\xa4send" + b"\xdd\x00\x0f\xff\x00" + b"\x80" * 0xFFF00,
    "empty maps in a field": b"\x94\x00\x01\xa4send\x81\xa4more\xdd\x00\x0f\xff\x00" + b"\x80" * 0xFFF00,
    "a deep array": b"\x94\x00\x01\xa4send" + b"\x91" * 1_000_000 + b"\xc0",
    "a deep map": b"\x94\x00\x01\xa4send" + b"\x81\xa1a" * 300_000 + b"\xc0",
    "a map that claims to be huge": b"\x94\x00\x01\xa4send\xdf\xff\xff\xff\xff",
    "a text that claims to be huge": b"\x94\x00\x01\xa4send\x81\xa6source\xdb\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str) -> None:
    """What would unpack to a hundred times its size is refused at its first wrong element."""
    with pytest.raises((BadRequest, BadInput)):
        from_msgpack(BOMBS[name])


@pytest.mark.parametrize("inner", [b"[" * 1_000_000, b'{"a":' * 200_000, b"{}," * 300_000])
def test_a_json_bomb_is_refused(inner: bytes) -> None:
    """The same for lines."""
    with pytest.raises((BadRequest, BadInput)):
        from_json(b'{"method":"send","params":' + inner + b"}")


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["source", "target"]), inner),
    max_leaves=8,
)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    """Random bytes are refused in the protocol's own words."""
    for decode in (from_msgpack, from_json):
        with contextlib.suppress(BadRequest, BadInput):
            decode(payload)


@given(st.sampled_from([kind.METHOD for kind in m.REQUESTS]), json_like)
def test_no_params_raise_anything_else(method: str, params: object) -> None:
    """So are well-formed parameters of any other shape."""
    with contextlib.suppress(BadRequest, BadInput):
        from_msgpack(msgpack.packb([0, 1, method, params]))


@given(st.sampled_from([request for request, _ in SAMPLES]), st.data())
def test_no_flipped_byte_raises_anything_else(request_: m.Request, data: st.DataObject) -> None:
    """So are requests that were damaged on the way."""
    payload = bytearray(codec.encode_request(1, request_))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadRequest, BadInput):
        from_msgpack(bytes(payload))
