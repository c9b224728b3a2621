"""One client's connection, over a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket

import msgpack
import pytest

from tests.server.conftest import House
from tests.wire.samples import RESULTS
from tsipc_client.wire import messages as m
from tsipc_client.wire.frames import frame
from tsipcd.server import peer as peer_module

SEND = {"source": "a", "target": "b"}


async def test_a_request_reaches_the_runtime_with_the_peers_pid(house: House) -> None:
    """Who asks is known from the kernel."""
    wire = await house.connect()
    await wire.ask(1, "send", **SEND, message="ls")
    assert (await wire.hear())[:3] == [1, 1, None]
    assert house.stub.requests == [m.Send(source="a", target="b", message="ls")]
    assert house.stub.pids == [os.getpid()]


async def test_answers_come_as_they_are_ready(house: House) -> None:
    """A request that waits does not hold up those behind it."""
    wire = await house.connect()
    await wire.ask(1, "send", **SEND, message="wait")
    await wire.ask(2, "send", **SEND, message="wait")
    await wire.ask(3, "queue")
    await wire.ask(4, "send", **SEND, message="go")
    assert [(await wire.hear())[1] for _ in range(4)] == [3, 2, 1, 4]


async def test_stream_items_come_before_the_answer(house: House) -> None:
    """A run's progress names its request."""
    wire = await house.connect()
    await wire.ask(9, "run", name="w")
    first, second, answer = [await wire.hear() for _ in range(3)]
    assert first[:2] == second[:2] == [2, "progress"]
    assert first[2]["request"] == 9
    assert answer[:2] == [1, 9]


async def test_lines_are_answered_in_lines(house: House) -> None:
    """A connection that begins with a brace speaks JSON-RPC."""
    wire = await house.connect()
    await wire.say(b'{"jsonrpc":"2.0","id":"x","method":"stop"}\r\n')
    assert await wire.hear_line() == {"jsonrpc": "2.0", "id": "x", "result": {"pid": os.getpid()}}
    await wire.say(b'{"id":2,"method":"show","params":{"id":"nothing"}}\n')
    error = (await wire.hear_line())["error"]
    assert error["data"]["code"] == "unknown_id"


async def test_a_client_that_says_no_more_still_gets_its_answers(house: House) -> None:
    """`socat` ends its side after the last line, which needs no line end; then the connection ends."""
    wire = await house.connect()
    await wire.say(b'{"id":1,"method":"send","params":{"source":"a","target":"b","message":"wait"}}\n')
    await wire.say(b'{"id":2,"method":"subscriptions"}')
    wire.writer.write_eof()
    assert (await wire.hear_line())["id"] == 2
    house.server.reply(house.stub.open.pop(), RESULTS[m.Send])
    assert (await wire.hear_line())["id"] == 1
    assert await wire.ended() == b""
    await house.until(lambda: len(house.stub.gone) == 1)


async def test_a_client_that_is_gone_is_noticed_while_its_request_waits(house: House) -> None:
    """A connection closed on both sides ends at once, whatever is still to be answered."""
    wire = await house.connect()
    await wire.ask(1, "send", **SEND, message="wait")
    await house.until(lambda: len(house.stub.open) == 1)
    wire.close()
    await house.until(lambda: len(house.stub.gone) == 1)
    house.server.reply(house.stub.open.pop(), RESULTS[m.Send])


async def test_a_request_that_cannot_be_carried_out_leaves_the_connection(house: House) -> None:
    """Its error has its id; the next request is served."""
    wire = await house.connect()
    await wire.ask(1, "sned")
    assert (await wire.hear())[2]["code"] == "unknown_method"
    await wire.ask(2, "send", source="a")
    answer = await wire.hear()
    assert (answer[1], answer[2]["code"]) == (2, "bad_params")
    await wire.ask(3, "queue")
    assert (await wire.hear())[:3] == [1, 3, None]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "bad_frame"),
        (b"\x00\x20\x00\x00", "too_large"),
        (frame(b"\xc1"), "bad_frame"),
        (frame(msgpack.packb([0, 1, "stop", {}]) + b"\x00"), "bad_frame"),
    ],
)
async def test_bytes_that_are_no_messages_are_answered_and_the_connection_ends(
    house: House, bad: bytes, code: str
) -> None:
    """What was right before them is carried out and answered; nothing after them is."""
    wire = await house.connect()
    good = frame(msgpack.packb([0, 1, "queue", {}]))
    await wire.say((b"" if bad.startswith(b"GET") else good) + bad + good)
    if not bad.startswith(b"GET"):
        assert (await wire.hear())[:3] == [1, 1, None]
    answer = await wire.hear()
    assert answer[:2] == [1, None]
    assert answer[2]["code"] == code
    assert await wire.ended() == b""
    assert all(isinstance(request, m.Queue) for request in house.stub.requests)
    assert len(house.stub.requests) < 2


async def test_a_bad_line_is_answered_and_the_connection_ends(house: House) -> None:
    """The same in JSON, with the number that JSON-RPC has for it."""
    wire = await house.connect()
    await wire.say(b'{"method": 5}\n{"id":1,"method":"queue"}\n')
    answer = await wire.hear_line()
    assert (answer["id"], answer["error"]["code"]) == (None, -32600)
    assert await wire.ended() == b""
    assert house.stub.requests == []


async def test_a_frame_that_does_not_go_on_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow frame cannot hold its place for ever; one that is whole in time is served."""
    monkeypatch.setattr(peer_module, "FRAME_S", 0.2)
    data = frame(msgpack.packb([0, 1, "queue", {}]))
    wire = await house.connect()
    for index in range(len(data)):
        await wire.say(data[index : index + 1])
    assert (await wire.hear())[:3] == [1, 1, None]
    await wire.say(data + data[:5])
    assert (await wire.hear())[:3] == [1, 1, None]
    answer = await wire.hear()
    assert (answer[1], answer[2]["code"]) == (None, "bad_frame")
    assert await wire.ended() == b""


async def test_each_frame_has_a_deadline_of_its_own(house: House) -> None:
    """A busy client whose bytes end in the middle of some frame every time is not cut off."""
    data = frame(msgpack.packb([0, 1, "queue", {}]))
    wire = await house.connect()
    await wire.say(data[:5])
    peer = house.server._peers[1]
    await house.until(lambda: peer._deadline is not None)
    first = peer._deadline
    await wire.say(data[5:] + data[:5])
    await wire.hear()
    assert first is not None
    assert first.cancelled()
    assert peer._deadline is not None
    assert peer._deadline.when() > first.when()


async def test_an_idle_connection_has_no_deadline(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a begun frame is urgent: the loop has nothing to wake up for."""
    monkeypatch.setattr(peer_module, "FRAME_S", 60.0)
    wire = await house.connect()
    await wire.ask(1, "queue")
    await wire.hear()
    loop = asyncio.get_running_loop()
    timers = getattr(loop, "_scheduled", [])
    assert [timer for timer in timers if not timer.cancelled() and timer.when() > loop.time() + 30] == []


async def test_too_many_open_requests_are_not_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit the client waits; no request is lost, refused or answered twice."""
    monkeypatch.setattr(peer_module, "MAX_OPEN", 10)
    wire = await house.connect()
    await wire.say(
        b"".join(frame(msgpack.packb([0, n, "send", {**SEND, "message": "wait"}])) for n in range(35))
    )
    await wire.ask(99, "queue")
    await house.until(lambda: len(house.stub.open) == 10)
    heard: list[int] = []
    while len(heard) < 36:
        assert len(house.stub.open) <= 10
        if house.stub.open:
            house.server.reply(house.stub.open.pop(0), RESULTS[m.Send])
        heard.append((await wire.hear())[1])
    heard.remove(99)
    assert heard == list(range(35))


async def test_a_client_that_does_not_read_is_not_read_either(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its requests wait in its own buffers until it takes its answers; then all are answered."""
    monkeypatch.setattr(peer_module, "MAX_UNREAD_BYTES", 1 << 16)
    count = 100_000
    path = str(house.directory / "ipc.sock")
    requests = b"".join(frame(msgpack.packb([0, n, "sessions", {}])) for n in range(count))
    with socket.socket(socket.AF_UNIX) as stubborn:
        stubborn.connect(path)
        writing = asyncio.create_task(asyncio.to_thread(stubborn.sendall, requests))
        await house.until(lambda: len(house.stub.requests) > 100)
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_unix_connection(path)  # others are served meanwhile
        writer.write(b'{"id":1,"method":"queue"}\n')
        assert json.loads(await reader.readline())["id"] == 1
        writer.close()
        assert not writing.done()
        assert len(house.stub.requests) < count
        heard = await asyncio.to_thread(_take, stubborn, count)
        await writing
    assert heard == list(range(count))


def _take(connection: socket.socket, count: int) -> list[int]:
    unpacked = []
    with connection.makefile("rb") as file:
        for _ in range(count):
            size = int.from_bytes(file.read(4), "big")
            unpacked.append(msgpack.unpackb(file.read(size))[1])
    return unpacked


@pytest.mark.parametrize(("unread_bytes", "answer_bytes"), [(1 << 17, 100_000), (1 << 14, 20_000)])
async def test_a_client_that_reads_gets_answers_of_any_size(
    house: House, monkeypatch: pytest.MonkeyPatch, unread_bytes: int, answer_bytes: int
) -> None:
    """What one read brings in is not all answered at once: megabytes of answers never wait together."""
    monkeypatch.setattr(peer_module, "MAX_UNREAD_BYTES", unread_bytes)
    monkeypatch.setattr(peer_module, "MAX_UNSENT_BYTES", 1 << 20)
    wire = await house.connect()
    params = {"lines": answer_bytes}
    await wire.say(b"".join(frame(msgpack.packb([0, n, "events", params])) for n in range(200)))
    assert [(await wire.hear())[1] for _ in range(200)] == list(range(200))


async def test_a_flood_of_bad_requests_is_answered_to_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that no runtime gives count as well, and reading goes on after them."""
    monkeypatch.setattr(peer_module, "MAX_UNREAD_BYTES", 1 << 12)
    wire = await house.connect()
    await wire.say(b"".join(frame(msgpack.packb([0, n, "sned", {}])) for n in range(1000)))
    assert [(await wire.hear())[1] for _ in range(1000)] == list(range(1000))


async def test_a_client_that_lets_answers_pile_up_is_cut_off(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon's memory is bounded by it, and the log says so."""
    monkeypatch.setattr(peer_module, "MAX_UNSENT_BYTES", 1 << 20)
    wire = await house.connect()
    wire.reader._transport.pause_reading()  # type: ignore[attr-defined] # what a stopped process does
    await wire.ask(1, "send", **SEND, message="wait")
    await house.until(lambda: len(house.stub.open) == 1)
    call = house.stub.open[0]
    answer = m.LogLines(lines=("x" * 100_000,), path="/p")
    with caplog.at_level(logging.WARNING, "tsipcd.server"):
        for _ in range(30):
            house.server.reply(call, answer)
        await house.until(lambda: len(house.stub.gone) == 1)
    assert "does not read" in caplog.text


async def test_a_defect_is_answered_and_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """One request that fails within the daemon costs only itself."""
    wire = await house.connect()
    await wire.ask(1, "send", **SEND, message="defect")
    assert (await wire.hear())[2]["code"] == "internal"
    assert "a defect" in caplog.text
    await wire.ask(2, "queue")
    assert (await wire.hear())[:3] == [1, 2, None]
