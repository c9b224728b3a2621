"""How many messages a second become durable, beside a bare append with fdatasync, and Redis if it is here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench import floor, redis
from tests.bench.samples import Row, absent, interleaved
from tests.bench.stage import Stage, Wire

BODY = "x" * 200
"""A message as long as most are."""

TURNS = 3
"""How often each side writes all its messages, in turn; the median counts."""

PIECE = 10_000
"""Messages that are written at once."""


def measure(stage: Stage, *, messages: int, rounds: int) -> list[Row]:
    """Sends one at a time and pipelined, to a session that is absent, so that nothing but the queue works."""
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")

    with (
        _appender(stage.folder) as append,
        floor.serving(stage.folder) as plain,
        redis.serving(stage.folder) as path,
    ):
        bare_wire = Wire(plain)
        actions: dict[str, Callable[[], None]] = {
            "send": lambda: _send(wire),
            "append": append,
            "floor": lambda: _send(bare_wire),
        }
        theirs = redis.Redis(path, BODY) if path else None
        if theirs:
            actions["redis"] = theirs.one
        single = interleaved(rounds, actions)
        ours_s, theirs_s, floor_s = [], [], []
        for _ in range(TURNS):
            ours_s.append(pipelined(stage.wire(), messages))
            floor_s.append(pipelined(Wire(plain), messages))
            if theirs:
                theirs_s.append(theirs.many(messages))
        ours_a_second = messages / median(ours_s)
        theirs_a_second = messages / median(theirs_s) if theirs_s else None
        if theirs:
            theirs.socket.close()
        bare_wire.close()
    wire.close()
    bare, sent = single["append"], single["send"]
    rows = [bare.row("append + fdatasync of 300 bytes", note="the disk alone: no server, no protocol")]
    if theirs and theirs_a_second:
        rows.append(single["redis"].row("redis XADD, one at a time", beside="append + fdatasync", other=bare))
        rows.append(
            sent.row("send, one at a time", promise="≤ 1.5 x", beside="that redis", other=single["redis"])
        )
        rows.append(
            Row(
                name="redis XADD, pipelined on one connection",
                value=theirs_a_second,
                unit="/s",
                runs=TURNS * messages,
                note="`appendfsync always`, Unix socket; entries as long as our messages. It syncs "
                "after each piece that it reads, knows of no sessions, types nothing, and recognises nothing "
                "that is sent twice",
            )
        )
    else:
        rows.append(sent.row("send, one at a time", beside="append + fdatasync", other=bare))
        rows.append(absent("redis XADD", redis.PACKAGE))
    rows.append(
        single["floor"].row(
            "a plain asyncio server, one at a time",
            beside="append + fdatasync",
            other=bare,
            note="the floor of a daemon in Python: the same frames, MessagePack, a checksum, fdatasync in a "
            "thread, an answer. It checks, keeps and types nothing, and recognises nothing sent twice",
        )
    )
    rows.append(
        Row(
            name="a plain asyncio server, pipelined on one connection",
            value=messages / median(floor_s),
            unit="/s",
            runs=TURNS * messages,
        )
    )
    rows.append(
        Row(
            name="sends, pipelined on one connection",
            value=ours_a_second,
            unit="/s",
            beside="that redis" if theirs_a_second else "",
            ratio=ours_a_second / theirs_a_second if theirs_a_second else None,
            promise="≥ 50,000/s, half of that redis",
            runs=TURNS * messages,
            note="to a session that is absent: nothing but the queue works. The client that writes them and "
            "counts the answers is Python on the same cores, as for Redis",
        )
    )
    return rows


def _send(wire: Wire) -> None:
    wire.request("send", source="bench", target="bench-absent", message=BODY)


def pipelined(wire: Wire, messages: int) -> float:
    """Seconds for `messages` sends on `wire`, written without waiting for answers. Then it is closed."""
    frames = [
        wire.frame("send", source="bench", target="bench-absent", message=BODY) for _ in range(messages)
    ]
    # In pieces: the socket's deadline counts for each of them.
    pieces = [b"".join(frames[at : at + PIECE]) for at in range(0, messages, PIECE)]

    def write() -> None:
        for piece in pieces:
            wire.socket.sendall(piece)

    began = time.perf_counter()
    writer = threading.Thread(target=write)
    writer.start()
    wire.answers(messages)
    writer.join()
    taken = time.perf_counter() - began
    wire.close()
    return taken


@contextmanager
def _appender(folder: Path) -> Iterator[Callable[[], None]]:
    record = os.urandom(300)
    descriptor = os.open(folder / "append", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append() -> None:
        os.write(descriptor, record)
        os.fdatasync(descriptor)

    yield append
    os.close(descriptor)
