"""A daemon on a real socket that answers each request with the bytes it was told to."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import msgpack

from tsipc_client.wire.address import Address
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Progress, Result, RunEnded
from tsipcd.server import encode

DEADLINE_S = 20.0

Reply = Result | WireError | bytes | None
"""Bytes are sent as they are; None: the connection ends without an answer."""


def reply_bytes(reply: Result | WireError) -> bytes:
    if isinstance(reply, WireError):
        return encode.failure(1, reply, lines=False)
    return encode.result(1, reply, lines=False)


def run_bytes(news: Sequence[Progress], reply: RunEnded | WireError) -> bytes:
    """A run that was watched to its end."""
    return b"".join(encode.progress(1, item, lines=False) for item in news) + reply_bytes(reply)


def frame(message: object) -> bytes:
    payload: bytes = msgpack.packb(message)
    return len(payload).to_bytes(4, "big") + payload


def result_frame(result: object) -> bytes:
    """Any result at all, as the answer."""
    return frame([1, 1, None, result])


class SocketDaemon:
    """One request a connection, one reply each; what was asked is in `asked`."""

    def __init__(
        self, folder: Path, replies: Sequence[Reply], *, pause: threading.Event | None = None
    ) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._replies = replies
        self._pause = pause
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(DEADLINE_S)
        with Address(os.fspath(folder / "ipc.sock")) as address:
            self._listener.bind(address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(DEADLINE_S)
        self._listener.close()
        assert not self._thread.is_alive(), "fewer requests than replies"

    def _serve(self) -> None:
        for reply in self._replies:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as reader:
                connection.settimeout(DEADLINE_S)
                size = int.from_bytes(reader.read(4), "big")
                _, number, method, params = msgpack.unpackb(reader.read(size))
                assert number == 1
                self.asked.append((method, params))
                if self._pause is not None:
                    self._pause.wait(DEADLINE_S)
                elif reply is not None:
                    connection.sendall(reply if isinstance(reply, bytes) else reply_bytes(reply))
