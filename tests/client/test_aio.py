"""The asyncio client, on a real socket to a stub daemon."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from pathlib import Path

import pytest

from tests.client.conftest import Stubs
from tests.wire.samples import PROGRESS, RESULTS
from tsipc_client import AsyncClient, Client
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, TimedOut, Unreachable, WireError


def test_both_clients_have_the_same_verbs() -> None:
    """Same names, same parameters, same results."""
    verbs = {kind.METHOD for kind in m.REQUESTS if kind is not m.Listen} | {"call"}
    for verb in verbs:
        blocking, awaited = getattr(Client, verb), getattr(AsyncClient, verb)
        assert inspect.iscoroutinefunction(awaited)
        assert str(inspect.signature(blocking)) == str(inspect.signature(awaited))
    listens = inspect.signature(Client.listen), inspect.signature(AsyncClient.listen)
    assert inspect.isasyncgenfunction(AsyncClient.listen)
    assert listens[0].parameters == listens[1].parameters


async def test_many_calls_share_one_connection(stub: Stubs) -> None:
    """One that waits does not hold up the others."""
    async with AsyncClient(stub.directory, start=False) as client:
        waiting = asyncio.create_task(client.send("a", "b", "wait"))
        sent = await asyncio.gather(*(client.send("a", "b", f"{index}") for index in range(500)))
        assert len({answer.id for answer in sent}) == 500
        assert (await client.status()).clients == 1
        assert not waiting.done()
        await client.send("a", "b", "go")
        assert isinstance(await waiting, m.Sent)


async def test_progress_comes_before_the_answer(stub: Stubs) -> None:
    """In order, each to the call it belongs to; one that fails is reported and does not end the call."""
    seen: list[m.Progress] = []
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail_once(item: m.Progress) -> None:
        seen.append(item)
        if len(seen) == 1:
            raise ValueError("mine")

    async with AsyncClient(stub.directory, start=False) as client:
        assert await client.run("w", fail_once) == RESULTS[m.Run]
    assert [item.workflow for item in seen] == ["w", PROGRESS.workflow]
    assert [str(error) for error in reported] == ["mine"]


async def test_a_cancelled_call_leaves_the_connection_to_the_others(stub: Stubs) -> None:
    """Its late answer disturbs nobody."""
    async with AsyncClient(stub.directory, start=False) as client:
        waiting = [asyncio.create_task(client.send("a", "b", "wait")) for _ in range(2)]
        await client.queue()
        waiting[0].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting[0]
        assert client._link is not None
        assert client._link._connection.open == 1
        await client.send("a", "b", "go")
        assert isinstance(await waiting[1], m.Sent)
        assert (await client.status()).clients == 1


@pytest.mark.usefixtures("python_of_stub")
async def test_a_cancelled_call_does_not_end_the_connecting_of_others(stubs: Stubs) -> None:
    """All wait for the same connection; it goes on when the first of them gives up."""
    async with AsyncClient(stubs.directory) as client:
        calls = [asyncio.create_task(client.queue()) for _ in range(3)]
        await asyncio.sleep(0)  # each begins
        assert client._linking is not None
        calls[0].cancel()
        assert await calls[1] == await calls[2] == RESULTS[m.Queue]
        assert calls[0].cancelled()


async def test_errors_are_those_of_the_blocking_client(stub: Stubs, short_path: Path) -> None:
    """From the daemon, from the clock, and from nobody being there."""
    async with AsyncClient(stub.directory, start=False) as client:
        with pytest.raises(BadInput) as caught:
            await client.show("nothing")
        assert caught.value.code is ErrorCode.UNKNOWN_ID
        client.timeout_s = 0.05
        with pytest.raises(TimedOut):
            await client.send("a", "b", "wait")
        client.timeout_s = 20
        assert await client.queue() == RESULTS[m.Queue]
    async with AsyncClient(short_path / "none", start=False) as client:
        with pytest.raises(Unreachable):
            await client.queue()


@pytest.mark.usefixtures("python_of_stub")
async def test_calls_are_repeated_once_when_the_daemon_dies(stubs: Stubs) -> None:
    """All that waited go to the next daemon, over one new connection."""
    async with AsyncClient(stubs.directory) as client:
        await client.queue()
        words = ["wait", "die once", "1", "2"]
        calls = [asyncio.create_task(client.send("a", "b", word)) for word in words]
        assert all(isinstance(answer, m.Sent) for answer in await asyncio.gather(*calls[1:]))
        assert len(stubs.started) == 2
        await client.send("a", "b", "go")
        assert isinstance(await calls[0], m.Sent)
        assert (await client.status()).clients == 1
        with pytest.raises(Broken):
            await client.send("a", "b", "die")


@pytest.mark.usefixtures("python_of_stub")
async def test_a_stopping_daemon_is_waited_for(stubs: Stubs) -> None:
    """Then the next one is asked."""
    async with AsyncClient(stubs.directory) as client:
        with pytest.raises(WireError) as caught:
            await client.send("a", "b", "stopping")
        assert caught.value.code is ErrorCode.STOPPING
        assert len(stubs.started) == 3


async def test_closing_fails_what_still_waits(stub: Stubs) -> None:
    """Nobody waits for ever for an answer that cannot come; the next verb connects again."""
    client = AsyncClient(stub.directory, start=False)
    await client.close()
    waiting = asyncio.create_task(client.send("a", "b", "wait"))
    await client.queue()
    await client.close()
    with pytest.raises(Broken, match="closed"):
        await waiting
    assert (await client.status()).clients == 1
    await client.close()
