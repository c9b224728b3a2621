"""How fast events are read again, and how soon many listeners hear of new ones."""

from __future__ import annotations

import asyncio
import time

from tests.bench.samples import Row, Samples
from tests.bench.stage import Stage
from tsipc_client.aio import AsyncClient
from tsipc_client.client import Client
from tsipc_client.wire import messages as m

BODY = "x" * 150
TOGETHER = 10_000
CONNECTIONS = 50


def measure(stage: Stage, *, events: int, listeners: int, seconds: float) -> list[Row]:
    """On a stage that has published nothing else worth the name."""
    with Client(stage.daemon.directory, timeout_s=None, start=False) as client:
        for done in range(0, events, TOGETHER):
            published = m.Publish(source="bench", event="bench.replay", data=BODY)
            client.call_many([published] * min(TOGETHER, events - done))
        began = time.perf_counter()
        count = _replayed(client)
        taken_s = time.perf_counter() - began
    waits = asyncio.run(_crowd(stage, listeners, seconds))
    return [
        Row(
            name=f"replay of {count:,} events of {len(BODY)} B",
            value=count / taken_s,
            unit="/s",
            promise="≥ 200,000/s",
            note="from disk into the objects of the Python client, one process; most of it is the client",
        ),
        waits.row(
            f"published → heard, by one of {listeners:,} listeners at 1,000 events/s",
            note=f"all of them in one process, over {CONNECTIONS} connections, which shares the cores",
        ),
    ]


def _replayed(client: Client) -> int:
    end = client.call(m.Listen(wait=False))
    count = start = 0
    while isinstance(end, m.Heard) and start < end.next:
        heard = client.call(m.Listen(start=start, limit=TOGETHER, wait=False))
        assert isinstance(heard, m.Heard)
        count, start = count + len(heard.events), heard.next
    return count


async def _crowd(stage: Stage, listeners: int, seconds: float) -> Samples:
    """How long after it was published the first of the crowd had each event; all of them get all of them."""
    total = int(1000 * seconds)
    clients = [AsyncClient(stage.daemon.directory, timeout_s=None, start=False) for _ in range(CONNECTIONS)]
    waits = Samples()
    ready = asyncio.Semaphore(0)

    async def listen(place: int) -> None:
        client, count = clients[place % CONNECTIONS], 0
        heard = await client.call(m.Listen(wait=False))
        ready.release()
        while isinstance(heard, m.Heard) and count < total:
            heard = await client.call(m.Listen(events=("bench.crowd",), start=heard.next, limit=TOGETHER))
            assert isinstance(heard, m.Heard)
            count += len(heard.events)
            if place == 0:
                waits.seconds.extend(time.time() - event.at for event in heard.events)

    tasks = [asyncio.create_task(listen(place)) for place in range(listeners)]
    for _ in tasks:
        await ready.acquire()
    async with AsyncClient(stage.daemon.directory, timeout_s=None, start=False) as publisher:
        began = time.perf_counter()
        for number in range(total):
            await asyncio.sleep(began + number / 1000 - time.perf_counter())
            await publisher.publish("bench", "bench.crowd", BODY)
    await asyncio.gather(*tasks)
    for client in clients:
        await client.close()
    return waits
