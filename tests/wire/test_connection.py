"""The client's side of a connection, fed bytes."""

from __future__ import annotations

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import PROGRESS, RESULTS
from tsipc_client.wire import messages as m
from tsipc_client.wire.connection import Answered, Connection, Ended, Progressed
from tsipc_client.wire.errors import Broken, ErrorCode, Refused
from tsipc_client.wire.frames import frame
from tsipcd.server import encode


def test_answers_find_their_requests_in_any_order() -> None:
    """The id decides, not the order."""
    connection = Connection()
    first, _ = connection.request(m.Queue())
    second, _ = connection.request(m.Subscriptions())
    events = connection.receive(
        encode.result(second, RESULTS[m.Subscriptions], lines=False)
        + encode.result(first, RESULTS[m.Queue], lines=False)
    )
    assert events == [Answered(second, RESULTS[m.Subscriptions]), Answered(first, RESULTS[m.Queue])]
    assert connection.open == 0


def test_progress_comes_with_its_request() -> None:
    """A stream item names the request it belongs to; after the answer there are none."""
    connection = Connection()
    number, _ = connection.request(m.Run(name="w"))
    item = encode.progress(number, PROGRESS, lines=False)
    assert connection.receive(item) == [Progressed(number, PROGRESS)]
    answer = encode.result(number, RESULTS[m.Run], lines=False)
    assert connection.receive(answer + item) == [Answered(number, RESULTS[m.Run])]


def test_a_forgotten_request_is_not_heard_of_again() -> None:
    """Its answer and its stream are dropped, and the connection goes on."""
    connection = Connection()
    number, _ = connection.request(m.Run(name="w"))
    connection.forget(number)
    late = encode.progress(number, PROGRESS, lines=False) + encode.result(number, RESULTS[m.Run], lines=False)
    assert connection.receive(late) == []
    number, _ = connection.request(m.Queue())
    assert connection.receive(encode.result(number, RESULTS[m.Queue], lines=False)) != []


def test_a_stream_of_a_newer_daemon_is_ignored() -> None:
    """An unknown notification changes nothing."""
    connection = Connection()
    assert connection.receive(frame(msgpack.packb([2, "weather", {"request": 1, "sun": True}]))) == []


def test_an_error_without_request_ends_the_connection() -> None:
    """An error with id nil is the last that comes."""
    connection = Connection()
    connection.request(m.Queue())
    (event,) = connection.receive(encode.failure(None, Refused(ErrorCode.BUSY, "full"), lines=False))
    assert isinstance(event, Ended)
    assert isinstance(event.error, Refused)


def test_an_answer_that_does_not_fit_fails_its_request_only() -> None:
    """One strange answer is that request's error."""
    connection = Connection()
    number, _ = connection.request(m.Send(source="a", target="b", message="c"))
    (event,) = connection.receive(encode.result(number, RESULTS[m.Queue], lines=False))
    assert isinstance(event, Answered)
    assert isinstance(event.outcome, Broken)


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    """Whatever the other side says, it is events."""
    connection = Connection()
    connection.request(m.Queue())
    for piece in pieces:
        connection.receive(piece)
        connection.receive(frame(piece))


def test_bytes_that_are_no_frames_end_the_connection() -> None:
    """What follows them is not looked at."""
    connection = Connection()
    (event,) = connection.receive(b"HTTP/1.1 400 Bad Request\r\n")
    assert isinstance(event, Ended)
    assert isinstance(event.error, Broken)
