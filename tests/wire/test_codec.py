"""The client's MessagePack: requests out, answers in."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import PROGRESS, SAMPLES
from tsipc_client.wire import codec
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, UnknownSession, WireError, error_from


def params(request: m.Request) -> object:
    kind, number, method, given_params = msgpack.unpackb(codec.encode_request(5, request))
    assert (kind, number, method) == (0, 5, request.METHOD)
    return given_params


def plain(value: object) -> object:
    """A result as the daemon's encoder sends it: every field, records as maps."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value))


def test_defaults_are_left_out() -> None:
    """Only what differs from its default is sent, so an older daemon understands a newer client."""
    request = m.Send(source="a", target="b", message="", now=True)
    assert params(request) == {"source": "a", "target": "b", "message": "", "now": True}
    assert params(m.Queue()) == {}


def test_steps_are_maps() -> None:
    """Records within a request become maps, too."""
    request = m.Workflow(name="w", steps=(m.Step(session="s", command="c"),))
    assert params(request) == {"name": "w", "steps": [{"session": "s", "command": "c"}]}


@pytest.mark.parametrize(
    "result", [result for _, result in SAMPLES] + [PROGRESS], ids=lambda r: type(r).__name__
)
def test_every_result_is_built_from_its_map(result: m.Result | m.Progress) -> None:
    """What the daemon encodes comes back as an equal value."""
    assert codec.build(type(result), plain(result)) == result


def test_fields_of_a_newer_daemon_are_ignored() -> None:
    """An unknown field does not disturb."""
    answer = codec.build(m.Sent, {"id": "msg-1", "status": "held", "target": "b", "colour": "red"})
    assert answer == m.Sent(id="msg-1", status=m.Status.HELD, target="b")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"id": "msg-1", "status": "held"}, "target is missing"),
        ({"id": 1, "status": "held", "target": "b"}, "id: "),
        ({"id": "msg-1", "status": "flying", "target": "b"}, "flying"),
        ([], "list"),
        (None, "NoneType"),
    ],
)
def test_an_answer_that_does_not_fit_is_broken(answer: object, word: str) -> None:
    """What is not understood is an error that says what, never half a value."""
    with pytest.raises(Broken, match=word):
        codec.build(m.Sent, answer)


def test_a_bool_is_no_number() -> None:
    """Python's equality of True and 1 does not leak into the protocol."""
    with pytest.raises(Broken, match="waiting"):
        codec.build(m.Queued, {"messages": [], "waiting": True})


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_broken(payload: bytes) -> None:
    """Garbage from the daemon is one error class."""
    with contextlib.suppress(Broken):
        codec.decode(payload)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_like, st.sampled_from([type(result) for _, result in SAMPLES]))
def test_no_value_raises_anything_but_broken(value: object, kind: type[m.Result]) -> None:
    """A well-formed answer of any other shape is the same error class."""
    with contextlib.suppress(Broken):
        codec.decode(msgpack.packb(value))
    with contextlib.suppress(Broken):
        codec.build(kind, value)


def test_an_error_becomes_its_class() -> None:
    """The code decides the class; hint and data survive."""
    body = {"code": "unknown_session", "message": "no", "hint": "try", "data": {"nearest": ["a"]}}
    response = codec.decode(msgpack.packb([1, 5, body, None]))
    assert isinstance(response, codec.Response)
    assert isinstance(response.error, UnknownSession)
    assert (response.error.hint, response.error.data) == ("try", {"nearest": ["a"]})


def test_text_that_is_no_unicode_cannot_be_sent() -> None:
    """A lone surrogate is refused here, with the request's method."""
    with pytest.raises(BadInput, match="send"):
        codec.encode_request(1, m.Send(source="a", target="b", message="\ud800"))


def test_a_request_over_the_limit_is_not_sent() -> None:
    """The size is checked before anything goes out."""
    request = m.Send(source="a", target="b", message="x" * m.MAX_FRAME_BYTES)
    with pytest.raises(BadInput) as caught:
        codec.encode_request(1, request)
    assert caught.value.code is ErrorCode.TOO_LARGE
    codec.encode_request(1, replace(request, message="x" * m.MAX_BODY_BYTES))


def test_every_error_code_has_a_class() -> None:
    """No code falls back to the class for codes of a newer daemon."""
    for code in ErrorCode:
        error = error_from(code, "x")
        assert type(error) is not WireError
        assert error.code is code
    assert isinstance(error_from("brand_new", "x"), Broken)
