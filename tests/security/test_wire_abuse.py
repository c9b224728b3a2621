"""Clients that break every rule: each is answered or cut off, and all the others are served meanwhile."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest

from tests.security.conftest import unsafe_in
from tests.support.daemon import Daemon, call
from tests.support.wait import until
from tsipc_client.wire import frames
from tsipc_client.wire.frames import frame
from tsipc_client.wire.messages import MAX_FRAME_BYTES

WITHIN_S = 60.0
MOST_RSS = 400 << 20
"""Of a daemon that is being abused; at rest it takes a tenth of that."""

HELLO = msgpack.packb([0, 1, "hello", {}])


def lift_the_cap() -> None:
    """Without the safeguard: a frame may be of any size."""
    vars(frames)["MAX_FRAME_BYTES"] = 1 << 40


@pytest.fixture
def served(daemon: Daemon) -> Iterator[Daemon]:
    """A daemon that somebody else talks to all the time: not one of their requests may go unanswered."""
    stop, failures, answered = threading.Event(), [], [0]

    def talk() -> None:
        while not stop.is_set():
            try:
                assert "result" in call(daemon.socket_path, "queue")
                answered[0] += 1
            except (OSError, AssertionError, ValueError) as error:
                failures.append(repr(error))
            stop.wait(0.02)

    thread = threading.Thread(target=talk)
    thread.start()
    yield daemon
    seen = answered[0]
    until(lambda: answered[0] > seen + 2 or failures, what="others are served afterwards", within_s=WITHIN_S)
    stop.set()
    thread.join()
    assert failures == []
    assert "Traceback" not in daemon.log.read_text()
    assert peak_rss(daemon.pid) < MOST_RSS


def peak_rss(pid: int) -> int:
    """The most memory that the process ever had, in bytes."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return 0
    line = next(line for line in path.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def connected(daemon: Daemon) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(str(daemon.socket_path))
        yield connection


def heard(daemon: Daemon, data: bytes) -> bytes:
    """All that is said to these bytes, until the daemon closes the connection."""
    with connected(daemon) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(1 << 16):
                answer += part
        return answer


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\xc0"


PARAMS = {
    "a MiB of empty maps": b"\xdd\x00\x0f\xff\x00" + b"\x80" * 0xFFF00,
    "a list that says it has 4 billion items": b"\xdd\xff\xff\xff\xff\xc0",
    "a map that says it has 4 billion pairs": b"\xdf\xff\xff\xff\xff\xa1a",
    "a text that says it has 4 GiB": b"\x81\xa6source\xdb\xff\xff\xff\xffx",
    "a hundred thousand lists in each other": nested(100_000),
    "maps in each other": b"\x81\xa6source" * 50_000 + b"\xc0",
    "an extension type": b"\x81\xa6source\xc7\x04\x01abcd",
    "a time stamp": b"\x81\xa6source\xd6\xff\x00\x00\x00\x01",
    "a key that is no text": b"\x81\xc0\xc0",
    "the byte that is nothing": b"\xc1",
    "text that is no UTF-8": msgpack.packb({"source": "a", "target": "b"})[:-1] + b"\xff",
    "half a surrogate pair": b"\x83\xa6source\xa3\xed\xa0\x80\xa6target\xa1b\xa7message\xa1x",
    "two values": b"\x80\x80",
    "nothing": b"",
}


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS.keys())
def test_bytes_that_are_no_parameters_are_refused(served: Daemon, params: bytes) -> None:
    """With an answer that can be shown; what cannot be understood at all ends the connection."""
    with connected(served) as connection:
        connection.sendall(frame(b"\x94\x00\x01\xa4send" + params) + frame(HELLO))
        answer = connection.recv(1 << 16)
    kind, _, error, _ = msgpack.unpackb(answer[4 : 4 + int.from_bytes(answer[:4], "big")])
    assert kind == 1
    assert error["code"] in ("bad_params", "bad_frame")
    assert not unsafe_in(error["message"] + error["hint"])


SEND = b'{"source":"a","target":"b","message":"x","ttl_s":1}'
LINES = {
    "deep nesting": b'{"id":1,"method":"send","params":' + b'{"a":' * 200_000,
    "deep nesting that ends": b'{"id":1,"method":"send","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge integer": b'{"id":' + b"9" * 100_000 + b',"method":"hello"}',
    "a number beyond all": b'{"id":1,"method":"queue","params":{"limit":1e999}}',
    "not a number": b'{"id":1,"method":"send","params":%s}' % SEND.replace(b"1", b"NaN"),
    "a negative limit": b'{"id":1,"method":"queue","params":{"limit":-1}}',
    "a limit of 2^80": b'{"id":1,"method":"queue","params":{"limit":1208925819614629174706176}}',
    "a fraction": b'{"id":1,"method":"queue","params":{"limit":1.5}}',
    "endless time": b'{"id":1,"method":"send","params":%s}' % SEND.replace(b"1", b"1e300"),
    "a NUL": b'{"id":1,"method":"he\x00llo"}',
    "garbage": b"{" + bytes(range(128, 256)),
    "an array of requests": b'{"id":1}[{"id":1,"method":"hello"}]',
    "no object": b"{}",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_lines_that_are_no_requests_are_refused(served: Daemon, line: bytes) -> None:
    """The same for JSON."""
    with connected(served) as connection:
        connection.sendall(line + b"\n")
        answer = json.loads(connection.makefile("rb").readline())
    assert "error" in answer
    assert not unsafe_in(answer["error"]["message"] + answer["error"]["data"]["hint"])


def test_of_a_key_that_comes_twice_the_last_counts(served: Daemon) -> None:
    """What was checked is what is used: never one value for the check and the other for the work."""
    line = b'{"id":1,"method":"subscribe","params":{"session":"a","event":"e","session":"b","event":"f"}}\n'
    with connected(served) as connection:
        connection.sendall(line)
        result = json.loads(connection.makefile("rb").readline())["result"]
    assert (result["session"], result["event"]) == ("b", "f")
    (row,) = served.call("subscriptions")["subscriptions"]
    assert (row["session"], row["event"]) == ("b", "f")


def test_a_frame_over_the_cap_is_refused_before_it_is_read(served: Daemon) -> None:
    """By its header alone, and the connection ends."""
    for size in (MAX_FRAME_BYTES + 1, (1 << 32) - 1):
        answer = heard(served, struct.pack(">I", size) + b"x" * 1000)
        assert b"too_large" in answer


def test_without_the_cap_it_would_be_waited_for(make: Callable[..., Daemon]) -> None:
    """The test above can fail."""
    daemon = make(weakened=f"{__name__}:{lift_the_cap.__name__}")
    daemon.start()
    assert b"too_large" not in heard(daemon, struct.pack(">I", MAX_FRAME_BYTES + 1) + b"x")


def test_an_endless_line_is_cut_off(served: Daemon) -> None:
    """At the same cap, without waiting for its end."""
    answer = heard(served, b"{" + b"x" * (MAX_FRAME_BYTES * 3))
    assert answer == b"" or b"too_large" in answer


@pytest.mark.parametrize("begun", [b"\x00\x00\x00\x10", b"\x00", b'{"id":', frame(HELLO)[:-1]])
def test_a_frame_that_is_never_finished_is_given_up(served: Daemon, begun: bytes) -> None:
    """After some seconds, with an answer; nobody else waits for it."""
    assert b"not complete after" in heard(served, begun)


def test_a_slow_frame_is_given_up_however_it_trickles(served: Daemon) -> None:
    """Each byte comes soon after the other; the whole does not."""
    with connected(served) as connection:
        connection.settimeout(0.2)
        connection.sendall(struct.pack(">I", 1000))
        answer = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(300):
                connection.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    answer += connection.recv(1000)
                if answer:
                    break
    assert b"not complete after" in answer


def test_a_client_that_does_not_read_is_made_to_wait(served: Daemon) -> None:
    """100,000 tiny requests, and none of the answers read: it is throttled; then it gets them all."""
    number = 100_000
    with connected(served) as connection:
        sent = threading.Thread(target=connection.sendall, args=(frame(HELLO) * number,))
        sent.start()
        sent.join(2)
        stream, count = connection.makefile("rb"), 0
        while count < number:
            stream.read(int.from_bytes(stream.read(4), "big"))
            count += 1
        sent.join(WITHIN_S)


def test_half_open_connections_cost_nothing(served: Daemon) -> None:
    """Hundreds that say nothing, or half a word, or have hung up one half."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        for number in range(min(300, soft // 4)):
            connection = stack.enter_context(connected(served))
            if number % 3 == 1:
                connection.sendall(b"\x00\x00")
            elif number % 3 == 2:
                connection.shutdown(socket.SHUT_RD)
        assert served.call("queue")["waiting"] == 0


def test_garbage_is_answered_once(served: Daemon) -> None:
    """A browser, a shell, noise: one answer, then the end."""
    for data in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"ls -la\n",
        bytes(range(256)) * 100,
        b"\xff" * 5000,
        b"\x00" * 9,
    ):
        answer = heard(served, data)
        assert answer == b"" or b"bad_frame" in answer or b"too_large" in answer, (data[:20], answer)
