"""A served socket in the test's own event loop, and raw connections to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import msgpack
import pytest

from tests.client.stub_daemon import StubRuntime
from tsipc_client.wire.address import socket_path
from tsipc_client.wire.frames import frame
from tsipcd.server.listener import Server, bind

WITHIN_S = 20.0


class Wire:
    """One connection to the server, in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, number: int, method: str, **params: object) -> None:
        await self.say(frame(msgpack.packb([0, number, method, params])))

    async def hear(self) -> list[Any]:
        """The next message, in MessagePack."""
        async with asyncio.timeout(WITHIN_S):
            size = int.from_bytes(await self.reader.readexactly(4), "big")
            return cast("list[Any]", msgpack.unpackb(await self.reader.readexactly(size)))

    async def hear_line(self) -> dict[str, Any]:
        """The next message, in JSON."""
        async with asyncio.timeout(WITHIN_S):
            return cast("dict[str, Any]", json.loads(await self.reader.readline()))

    async def ended(self) -> bytes:
        """Wait for the end of the connection; what came before it."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self.writer.close()


class House:
    """The server, the stub behind it, and everyone connected."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stub = StubRuntime()
        self.wires: list[Wire] = []

    @property
    def server(self) -> Server:
        return self.stub.server

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_unix_connection(socket_path(self.directory), limit=1 << 22))
        self.wires.append(wire)
        return wire

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until `condition`, which nothing announces."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.001)


@pytest.fixture
async def house(short_path: Path) -> AsyncIterator[House]:
    house = House(short_path)
    await house.server.start(bind(short_path))
    yield house
    for wire in house.wires:
        wire.close()
    await house.server.close()
