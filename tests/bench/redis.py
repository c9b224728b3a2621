"""A Redis of our own, for comparison: on a Unix socket, each write synced before its answer.

Spoken to in plain Python as the daemon is, so that it is the servers that are compared.
"""

from __future__ import annotations

import selectors
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.wait import until

PACKAGE = "redis-server"
"""Debian's; the program is called so too."""

EVENT = b"bench-data"


class Redis:
    """A connection that has entries of one `body` added to a stream."""

    def __init__(self, path: Path, body: str) -> None:
        self.path = path
        self.socket = _connection(path)
        fields = ("source", "bench", "target", "bench-absent", "message", body)
        self.add = _command("XADD", "queue", "*", *fields)

    def one(self) -> None:
        """Add an entry and wait for its answer."""
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


class Audience:
    """`size` connections that are subscribed to one channel, and one that publishes."""

    def __init__(self, path: Path, size: int) -> None:
        self._publisher = _connection(path)
        self._publish = _command("PUBLISH", EVENT.decode(), "{}")
        self._listening = selectors.DefaultSelector()
        self._members = [_connection(path) for _ in range(size)]
        for member in self._members:
            member.sendall(_command("SUBSCRIBE", EVENT.decode()))
            _lines(member, 6)
            self._listening.register(member, selectors.EVENT_READ)

    def publish(self) -> None:
        """Publish once; all members have received it."""
        self._publisher.sendall(self._publish)
        missing = len(self._members)
        while missing:
            for key, _ in self._listening.select(60):
                assert isinstance(key.fileobj, socket.socket)
                missing -= key.fileobj.recv(4096).endswith(b"{}\r\n")
        _lines(self._publisher, 1)

    def close(self) -> None:
        self._listening.close()
        for connection in (self._publisher, *self._members):
            connection.close()


def _listens(path: Path) -> bool:
    """Whether it takes connections: its socket is there a moment before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _connection(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(path))
    return connection


def _lines(connection: socket.socket, count: int) -> None:
    while count > 0:
        count -= connection.recv(4096).count(b"\n")


def _command(*words: str) -> bytes:
    """As Redis' protocol writes it."""
    parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


@contextmanager
def serving(folder: Path) -> Iterator[Path | None]:
    """The socket of a server that ends with the block; None if there is none on this machine."""
    if not shutil.which("redis-server"):
        yield None
        return
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(
        ["redis-server", *options, "--appendonly", "yes", "--appendfsync", "always"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _listens(path), what="redis listens")
        yield path
    finally:
        server.terminate()
        server.wait(30)
