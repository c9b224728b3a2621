"""The server as a whole: who gets in, who makes room, how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
from pathlib import Path

import pytest

from tests.client.stub_daemon import StubRuntime
from tests.server.conftest import House, Wire
from tests.wire.samples import RESULTS
from tsipc_client.wire import messages as m
from tsipcd.core.inputs import Call
from tsipcd.server import caller, listener
from tsipcd.server.listener import bind

SEND = {"source": "a", "target": "b"}


async def served(wire: Wire) -> None:
    await wire.ask(1, "queue")
    assert (await wire.hear())[:3] == [1, 1, None]


async def test_clients_are_counted_and_their_end_is_told(house: House) -> None:
    """Each connection has a number of its own."""
    first, second = await house.connect(), await house.connect()
    await served(first)
    await served(second)
    assert house.server.clients == 2
    first.close()
    await house.until(lambda: house.stub.gone == [1])
    assert house.server.clients == 1
    house.server.reply(Call(1, 1), RESULTS[m.Queue])  # too late: dropped


async def test_another_users_process_is_turned_away(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It hears nothing at all; the log says who it was."""
    monkeypatch.setattr(listener, "credentials", lambda _: caller.Credentials(4711, os.geteuid() + 1))
    wire = await house.connect()
    assert await wire.ended() == b""
    assert house.server.clients == 0
    assert "4711" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_the_kernel_says_who_connects(house: House) -> None:
    """A process of another user is turned away even if the files let it in."""
    house.directory.chmod(0o755)
    path = house.directory / "ipc.sock"
    path.chmod(0o666)
    script = (
        "import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        f"s.connect({str(path)!r}); print(s.recv(1))"
    )
    process = await asyncio.create_subprocess_exec("python3", "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == b"b''\n"


async def test_the_longest_idle_connection_makes_room(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle clients cannot keep others out; one that waits for an answer is not idle."""
    monkeypatch.setattr(house.server, "_max_clients", 3)
    busy, old, young = [await house.connect() for _ in range(3)]
    await busy.ask(5, "send", **SEND, message="wait")
    await house.until(lambda: len(house.stub.open) == 1)
    await served(old)
    await served(young)
    newcomer = await house.connect()
    await served(newcomer)
    assert await old.ended() == b""
    await served(young)
    house.server.reply(house.stub.open[0], RESULTS[m.Send])
    assert (await busy.hear())[:2] == [1, 5]


@pytest.mark.parametrize("lines", [False, True])
async def test_when_all_are_at_work_the_next_is_told_so(
    house: House, monkeypatch: pytest.MonkeyPatch, lines: bool
) -> None:
    """In the encoding it speaks; then its connection ends."""
    monkeypatch.setattr(house.server, "_max_clients", 1)
    busy = await house.connect()
    await busy.ask(1, "send", **SEND, message="wait")
    await house.until(lambda: len(house.stub.open) == 1)
    late = await house.connect()
    if lines:
        await late.say(b'{"id":1,"method":"queue"}\n')
        assert (await late.hear_line())["error"]["data"]["code"] == "busy"
    else:
        await late.ask(1, "queue")
        assert (await late.hear())[2]["code"] == "busy"
    assert await late.ended() == b""
    assert house.stub.gone == []


async def test_few_descriptors_mean_few_clients(short_path: Path) -> None:
    """Under a low limit the daemon keeps some for its files; 100 idle connections do not starve the rest."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not looked at
    house = House(short_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (listener.RESERVED_FILES + in_use, before[1]))
    try:
        await house.server.start(bind(short_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for _ in range(100):
        await house.connect()
    await served(await house.connect())
    await house.until(lambda: house.server.clients <= in_use)
    for wire in house.wires:
        wire.close()
    await house.server.close()


async def test_without_descriptors_it_rests_and_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It neither spins nor gives up: who waits in the backlog is served as soon as one is free."""
    monkeypatch.setattr(listener, "REST_S", 0.05)
    wire = await house.connect()
    await served(wire)
    with socket.socket(socket.AF_UNIX) as waiting, caplog.at_level(logging.WARNING, "tsipcd.server"):
        taken: list[int] = []
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 10, before[1]))
        try:
            while True:
                try:
                    taken.append(os.dup(0))
                except OSError:
                    break
            waiting.connect(str(house.directory / "ipc.sock"))
            await house.until(lambda: "cannot take connections" in caplog.text)
        finally:
            for descriptor in taken:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        waiting.sendall(b'{"id":1,"method":"queue"}\n')
        assert b'"id":1' in await asyncio.to_thread(waiting.recv, 1000)
    assert caplog.text.count("cannot take connections") == 1


async def test_closing_sends_what_was_said(short_path: Path) -> None:
    """The last answer arrives before the connection ends, and nobody gets in any more."""
    house = House(short_path)
    await house.server.start(bind(short_path))
    wire, idle = await house.connect(), await house.connect()
    await wire.ask(1, "send", **SEND, message="wait")
    await house.until(lambda: len(house.stub.open) == 1)
    house.server.reply(house.stub.open[0], m.LogLines(lines=("x" * 900_000,), path="/p"))
    closing = asyncio.create_task(house.server.close())
    assert (await wire.hear())[:2] == [1, 1]
    assert await wire.ended() == b""
    assert await idle.ended() == b""
    await closing
    with pytest.raises(ConnectionRefusedError):
        await house.connect()
    for each in house.wires:
        each.close()


async def test_closing_does_not_wait_for_a_client_that_does_not_read(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the deadline it is cut off."""
    monkeypatch.setattr(listener, "CLOSE_S", 0.1)
    stub = StubRuntime()
    await stub.server.start(bind(short_path))
    with socket.socket(socket.AF_UNIX) as stubborn:
        stubborn.connect(str(short_path / "ipc.sock"))
        stubborn.sendall(b'{"id":1,"method":"send","params":{"source":"a","target":"b","message":"wait"}}\n')
        async with asyncio.timeout(20):
            while not stub.open:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.001)
        for _ in range(3):
            stub.server.reply(stub.open[0], m.LogLines(lines=("x" * 900_000,), path="/p"))
        async with asyncio.timeout(20):
            await stub.server.close()
            while not stub.gone:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.001)
