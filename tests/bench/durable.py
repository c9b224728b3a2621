"""How many messages a second become durable, beside a bare append with fdatasync, and Redis if it is here."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.samples import Row, interleaved
from tests.bench.stage import Stage
from tests.support.wait import until

BODY = "x" * 200
"""A message as long as most are."""

PIECE = 10_000
"""Messages that are written at once."""


def measure(stage: Stage, *, messages: int, rounds: int) -> list[Row]:
    """Sends one at a time and pipelined, to a session that is absent, so that nothing but the queue works."""
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")

    def send() -> None:
        wire.request("send", source="bench", target="bench-absent", message=BODY)

    with _appender(stage.folder) as append, contextlib.ExitStack() as stack:
        actions: dict[str, Callable[[], None]] = {"send": send, "append": append}
        redis = stack.enter_context(_redis(stage.folder)) if shutil.which("redis-server") else None
        if redis:
            actions["redis"] = redis.one
        single = interleaved(rounds, actions)
        ours = messages / pipelined(stage, messages)
        theirs = messages / redis.many(messages) if redis else None
    wire.close()
    bare = single["append"]
    rows = [
        bare.row("append + fdatasync of 300 bytes"),
        single["send"].row("send, one at a time", beside="append + fdatasync", other=bare),
        Row(
            name="sends pipelined on one connection",
            value=ours,
            unit="/s",
            beside="redis, appendfsync always" if theirs else "",
            ratio=ours / theirs if theirs else None,
            promise="≥ 40,000/s, half of that redis",
            runs=messages,
        ),
    ]
    if theirs:
        redis_row = single["redis"].row("redis XADD, appendfsync always, one at a time")
        rows.append(redis_row)
        rows.append(
            Row(name="redis XADD pipelined on one connection", value=theirs, unit="/s", runs=messages)
        )
        rows.append(
            single["send"].row(
                "send, one at a time, again", promise="≤ 1.5 x", beside="that redis", other=single["redis"]
            )
        )
    return rows


def pipelined(stage: Stage, messages: int) -> float:
    """Seconds for `messages` sends on one connection, written without waiting for answers."""
    wire = stage.wire()
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
    for _ in range(messages):
        wire.answer()
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


class Redis:
    """A connection to a Redis of our own that answers when its append-only file is synced."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        fields = ("source", "bench", "target", "bench-absent", "message", BODY)
        self.add = _command("XADD", "queue", "*", *fields)

    def one(self) -> None:
        self.socket.sendall(self.add)
        self._answers(1)

    def many(self, count: int) -> float:
        """Seconds for `count` entries, written without waiting for answers."""
        began = time.perf_counter()
        writer = threading.Thread(target=self.socket.sendall, args=(self.add * count,))
        writer.start()
        self._answers(count)
        writer.join()
        return time.perf_counter() - began

    def _answers(self, count: int) -> None:
        """An answer is a bulk string: its length and the entry's id, a line each."""
        lines = 2 * count
        while lines > 0:
            lines -= self.socket.recv(1 << 16).count(b"\n")


def _listens(path: Path) -> bool:
    """Whether it takes connections: its socket is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _command(*words: str) -> bytes:
    """As Redis' protocol writes it."""
    parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


@contextmanager
def _redis(folder: Path) -> Iterator[Redis]:
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(
        ["redis-server", *options, "--appendonly", "yes", "--appendfsync", "always"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _listens(path), what="redis listens")
        connection = Redis(path)
        yield connection
        connection.socket.close()
    finally:
        server.terminate()
        server.wait(30)
