"""`floor.py SOCKET FILE`: what any daemon in Python must do for a durable send, and nothing else.

Frames over a Unix socket in asyncio, MessagePack, a record with its checksum, one `fdatasync` for all that
came meanwhile, in a thread so that a disk that hangs stops nobody, and an answer for each. It knows of no
sessions, checks nothing, keeps nothing in memory, recognises nothing that is sent twice, and shows nothing.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from zlib import crc32

import msgpack

from tests.support.wait import until

LENGTH = struct.Struct(">I")
ROOM = 64 << 20
"""The file has this size from the start, as the daemon's have. When it is full it is written anew."""

Work = tuple[asyncio.Transport, list[bytes]]


class Disk(Thread):
    """Writes what is put, syncs once for all of it, and has the answers sent."""

    def __init__(self, file: str) -> None:
        super().__init__(daemon=True)
        self.loop = asyncio.get_running_loop()
        self.queue: SimpleQueue[Work] = SimpleQueue()
        self.fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self.fd, bytes(ROOM), 0)
        os.fsync(self.fd)
        self.at = 0

    def run(self) -> None:
        while True:
            batch = [self.queue.get()]
            while not self.queue.empty():
                batch.append(self.queue.get())
            data = b"".join(record for _, records in batch for record in records)
            frame = LENGTH.pack(crc32(data)) + data
            if self.at + len(frame) > ROOM:
                self.at = 0
            os.pwrite(self.fd, frame, self.at)
            os.fdatasync(self.fd)
            self.at += len(frame)
            self.loop.call_soon_threadsafe(answer, batch)


def answer(batch: list[Work]) -> None:
    """They are durable."""
    for transport, records in batch:
        answers = []
        for record in records:
            number, target = msgpack.unpackb(record)[:2]
            body = msgpack.packb(
                [1, number, None, {"id": f"msg-{number}", "status": "held", "target": target, "reason": ""}]
            )
            answers.append(LENGTH.pack(len(body)) + body)
        transport.write(b"".join(answers))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data, at, records = self.left + data, 0, []
        while at + LENGTH.size <= len(data):
            end = at + LENGTH.size + LENGTH.unpack_from(data, at)[0]
            if end > len(data):
                break
            _, number, _, params = msgpack.unpackb(data[at + LENGTH.size : end])
            records.append(msgpack.packb((number, params["target"], params["source"], params["message"])))
            at = end
        self.left = data[at:]
        if records:
            self.disk.queue.put((self.transport, records))


async def serve(path: str, file: str) -> None:
    disk = Disk(file)
    disk.start()
    server = await asyncio.get_running_loop().create_unix_server(lambda: Client(disk), path)
    await server.serve_forever()


@contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """Its socket, until the block ends."""
    path = folder / "floor.sock"
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.floor", str(path), str(folder / "floor")])
    try:
        until(path.exists, what="the plain server listens")
        yield path
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
