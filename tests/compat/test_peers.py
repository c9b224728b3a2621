"""A client and a daemon of different versions: what they do not understand ends in a clear answer."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.support.daemon import Daemon, call
from tsipc_client import versions
from tsipc_client.aio import AsyncClient
from tsipc_client.client import Client
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, WireError
from tsipc_client.wire.messages import WIRE_VERSION
from tsipc_client.wire.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
MESSAGE = {
    "id": "msg-1", "source": "a", "target": "b", "type": "command", "message": "x", "size_bytes": 1,
    "timestamp": 1.0, "status": "held",
}  # fmt: skip
STEP = {"index": 1, "session": "s", "command": "c", "status": "done", "id": "msg-1"}
RUN = {
    "run": "run-1",
    "workflow": "w",
    "status": "success",
    "steps": [STEP],
    "started_at": 1.0,
    "ended_at": 2.0,
}


def welcome(version: str, wire_version: int) -> dict[str, Any]:
    return {"version": version, "wire_version": wire_version, "limits": {}, "methods": ["hello"], "more": 1}


class Played:
    """A daemon of another version: each method gets the answer that it was given."""

    def __init__(self, path: Path, answers: dict[str, list[Any]]) -> None:
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        # Whoever has what it came for may leave at any time.
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as reader:
            while head := reader.read(4):
                _, number, method, _ = msgpack.unpackb(reader.read(int.from_bytes(head, "big")))
                for kind, *rest in self._answers[method]:
                    message = (
                        [1, number, *rest] if kind == 1 else [2, rest[0], {"request": number, **rest[1]}]
                    )
                    payload: bytes = msgpack.packb(message)
                    connection.sendall(len(payload).to_bytes(4, "big") + payload)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def played(folder: Path, **answers: list[Any]) -> Iterator[Path]:
    """A folder in which such a daemon serves."""
    daemon = Played(folder / "ipc.sock", answers)
    thread = threading.Thread(target=daemon.serve)
    thread.start()
    try:
        yield folder
    finally:
        daemon.close()
        thread.join(DEADLINE_S)


def result(value: object) -> list[Any]:
    return [[1, None, value]]


def failure(code: str, **data: object) -> list[Any]:
    return [[1, {"code": code, "message": "it is so", "hint": "", "data": data}, None]]


def said(folder: Path, *words: str) -> tuple[int, str]:
    """The status and the standard error of `ts-ipc WORDS...`."""
    done = subprocess.run(
        [sys.executable, "-m", "tsipc_client", *words],
        cwd=ROOT,
        env={**os.environ, "TS_IPC_DIR": str(folder), "TS_IPC_NO_START": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


NEWER = welcome("2.0.0", WIRE_VERSION + 1)
UNREADABLE: dict[str, list[Any]] = {
    "a status": result({"messages": [{**MESSAGE, "status": "paused"}], "waiting": 1}),
    "another type": result({"messages": [{**MESSAGE, "size_bytes": "1"}], "waiting": 1}),
    "a field missing": result({"waiting": 1}),
    "no map": result([1]),
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_of_a_newer_daemon_that_cannot_be_read(short_path: Path, answer: list[Any]) -> None:
    """Every client asks who that is, and says that it is the older side: on every way to ask."""
    with played(short_path, queue=answer, hello=result(NEWER)) as folder:
        for words in (["queue"], ["queue", "--pending"]):
            status, error = said(folder, *words)
            assert status == 8
            assert "2.0.0 (protocol 2)" in error
            assert "upgrade the client" in error
        with Client(folder) as client, pytest.raises(Broken) as caught:
            client.queue()
        assert "upgrade the client" in caught.value.hint
        async with AsyncClient(folder) as other:
            with pytest.raises(Broken) as again:
                await other.queue()
        assert "upgrade the client" in again.value.hint


def test_a_daemon_that_cannot_even_say_who_it_is(short_path: Path) -> None:
    """The error stays, with the hint that versions may differ; nothing asks for ever."""
    with played(short_path, queue=result([1]), hello=result([1])) as folder:
        with Client(folder) as client, pytest.raises(Broken, match="different versions"):
            client.queue()
        with Client(folder) as client, pytest.raises(Broken, match="different versions"):
            client.hello()


@pytest.mark.parametrize("code", ["unknown_method", "bad_params"])
def test_a_request_that_an_older_daemon_does_not_know(short_path: Path, code: str) -> None:
    """The daemon's version comes with its error; the client says how to get the newer one going."""
    with played(short_path, send=failure(code, version="0.9.3", wire_version=1)) as folder:
        status, error = said(folder, "send", "a", "b", "x")
    assert status == 2
    assert "0.9.3" in error
    assert "ts-ipc daemon restart" in error


def test_fields_that_are_new_are_passed_over(short_path: Path) -> None:
    """In an answer, in a record of it, and in an error: what is known of it is used."""
    more = {"messages": [{**MESSAGE, "colour": "red"}], "waiting": 1, "pages": 7}
    with played(short_path, queue=result(more)) as folder:
        assert said(folder, "queue") == (0, "")
        with Client(folder) as client:
            assert client.queue().messages[0].id == "msg-1"


def test_a_code_that_is_new_is_an_error_all_the_same(short_path: Path) -> None:
    """Its sentence is shown, and its word kept."""
    with played(short_path, queue=failure("quota_exceeded")) as folder:
        status, error = said(folder, "queue")
        assert (status, "it is so" in error) == (8, True)
        with Client(folder) as client, pytest.raises(Broken) as caught:
            client.queue()
    assert caught.value.data["code"] == "quota_exceeded"


def test_stream_items_that_are_new_are_passed_over(short_path: Path) -> None:
    """Another notification, and progress with a status that is not known: the run's answer still comes."""
    step = {**STEP, "status": "paused"}
    progress = {"run": "run-1", "workflow": "w", "steps": 1, "step": step}
    items = [[2, "weather", {"sky": "blue"}], [2, "progress", progress], [1, None, RUN]]
    seen: list[object] = []
    with played(short_path, run=items) as folder, Client(folder) as client:
        assert client.run("w", seen.append).run == "run-1"
    assert seen == []


def test_a_newer_client_at_this_daemon(daemon: Daemon) -> None:
    """A method, a parameter and a value that are not known: refused, with our version."""
    newer: dict[str, dict[str, Any]] = {
        "teleport": {},
        "send": {"source": "a", "target": "b", "message": "x", "colour": "red"},
        "publish": {"source": "a", "event": "e", "priority": 1},
        "subscribe": {"session": "a", "event": "e", "action": "sing"},
    }
    for method, params in newer.items():
        error = call(daemon.socket_path, method, **params)["error"]["data"]
        assert error["code"] in {"unknown_method", "bad_params"}
        assert error["data"] == {"version": VERSION, "wire_version": WIRE_VERSION}
        json.dumps(error)
    assert daemon.call("queue")["messages"] == []


@pytest.mark.parametrize(
    ("version", "wire_version", "told"),
    [
        (VERSION, WIRE_VERSION, ""),
        ("", WIRE_VERSION, ""),
        ("nonsense", WIRE_VERSION, ""),
        ("1.0.1", WIRE_VERSION, "upgrade the client"),
        ("1.10.0", WIRE_VERSION, "upgrade the client"),
        ("0.9.0", WIRE_VERSION, "daemon restart"),
        ("0.9.0", WIRE_VERSION + 1, "upgrade the client"),
        ("3.0.0", WIRE_VERSION - 1, "daemon restart"),
    ],
)
def test_which_side_is_older(version: str, wire_version: int, told: str) -> None:
    """The protocol decides before the version; numbers are compared as numbers."""
    advice = versions.advice(version, wire_version)
    assert told in advice
    assert bool(told) == bool(advice)


def test_an_error_of_the_same_version_keeps_its_hint(tmp_path: Path) -> None:
    """What is only a slip is told as one."""
    slip: WireError = BadInput(ErrorCode.BAD_PARAMS, "no", hint="did you mean x?", data={"version": VERSION})
    assert versions.explained(slip, tmp_path) is slip
