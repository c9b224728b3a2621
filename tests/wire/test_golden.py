"""The bytes of version 1 of the protocol stay what they are."""

from __future__ import annotations

import pytest

from tests.wire.golden import ERROR, FOLDER, Golden, encoded, read
from tests.wire.samples import NUMBER, PROGRESS, SAMPLES
from tsipc_client.wire import codec
from tsipc_client.wire import messages as m
from tsipcd.server import decode

CURRENT = dict(encoded())


@pytest.mark.parametrize(("name", "golden"), CURRENT.items(), ids=CURRENT.keys())
def test_the_bytes_are_those_that_were_released(name: str, golden: Golden) -> None:
    """Client and daemon still say exactly this."""
    assert golden == read(name)


def test_nothing_released_was_dropped() -> None:
    """Every file there is still has its method."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CURRENT)
    assert FOLDER.name == f"v{m.WIRE_VERSION}"


@pytest.mark.parametrize(("request_", "result"), SAMPLES, ids=lambda value: type(value).__name__)
def test_the_bytes_still_mean_what_they_meant(request_: m.Request, result: m.Result) -> None:
    """The daemon understands the request, the client the answer."""
    golden = read(request_.METHOD)
    packed = bytes.fromhex(golden["request"]["msgpack"])
    assert int.from_bytes(packed[:4], "big") == len(packed) - 4
    assert decode.from_msgpack(packed[4:]) == (NUMBER, request_)
    assert decode.from_json(golden["request"]["json"].encode()) == (NUMBER, request_)
    response = codec.decode(bytes.fromhex(golden["response"]["msgpack"])[4:])
    assert isinstance(response, codec.Response)
    assert (response.id, response.error) == (NUMBER, None)
    assert codec.build(type(result), response.result) == result


def test_a_stream_item_still_means_what_it_meant() -> None:
    """The client builds it again."""
    item = codec.decode(bytes.fromhex(read("progress")["notification"]["msgpack"])[4:])
    assert isinstance(item, codec.Notification)
    assert (item.method, item.request) == ("progress", NUMBER)
    assert codec.build(m.Progress, item.params) == PROGRESS


def test_an_error_still_means_what_it_meant() -> None:
    """Class, text and data."""
    response = codec.decode(bytes.fromhex(read("error")["response"]["msgpack"])[4:])
    assert isinstance(response, codec.Response)
    assert type(response.error) is type(ERROR)
    assert response.error is not None
    assert response.error.args == ERROR.args
