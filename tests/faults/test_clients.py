"""Clients that are slow, deaf, rude, dying or many: the others are served, and nothing of them stays behind.

Each test looks at the daemon before and after: its descriptors are given back, its memory stays in bounds.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.faults.effort import chance, count
from tests.faults.stage import Line, Stage
from tests.faults.tally import Tally
from tests.support.daemon import ROOT, Answer, Daemon
from tests.support.wait import until

MODULE = "tests.faults.test_clients"
WITHIN_S = 60.0
MEMORY_BYTES = 160 << 20
"""More than any of this may cost: some MiB for each client that does not read, and what was accepted."""
LISTINGS = 100


def without_frame_deadline() -> None:
    """The safeguard switched off: a frame may take for ever."""
    mock.patch("tsipcd.server.peer.Peer._watch_frame").start()


def without_eviction() -> None:
    """The safeguard switched off: nobody makes room."""
    mock.patch("tsipcd.server.listener.Server._evict", return_value=False).start()


def without_bound() -> None:
    """The safeguard switched off: answers pile up for whoever asks, read or not."""
    for name in ("MAX_UNREAD_BYTES", "MAX_UNSENT_BYTES"):
        mock.patch(f"tsipcd.server.peer.{name}", 1 << 40).start()


@pytest.fixture
def stage(short_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A daemon that serves, and a known session that is not there; weakened as the parameter says."""
    weakened = getattr(request, "param", "")
    place = Stage(short_path, weakened=weakened and f"{MODULE}:{weakened}")
    place.daemon.start()
    place.daemon.call("subscribe", session="tomorrow", event="e", action="command")
    yield place
    place.close()


@pytest.fixture
def daemon(stage: Stage) -> Daemon:
    """The stage's daemon."""
    return stage.daemon


def request(number: int, method: str, **params: Any) -> bytes:
    """One request as a line."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def message(number: int, text: str = "ls", **more: Any) -> bytes:
    """A request that sends `text`, to be held."""
    return request(number, "send", source="s", target="tomorrow", message=text, **more)


def connected(daemon: Daemon) -> socket.socket:
    """A new connection."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(daemon.socket_path))
    connection.settimeout(WITHIN_S)
    return connection


def answers(connection: socket.socket, number: int) -> list[Answer]:
    """The next so many lines."""
    with connection.makefile("rb") as lines:
        return [json.loads(lines.readline()) for _ in range(number)]


def rss(daemon: Daemon) -> int:
    """The daemon's memory, in bytes."""
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


def descriptors(daemon: Daemon) -> int:
    """How many it has open."""
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


@contextmanager
def bystander(daemon: Daemon, tally: Tally, what: str) -> Iterator[None]:
    """Before, within and after: somebody else's messages are answered; in the end nothing is left behind."""
    latencies = []

    def send(times: int) -> None:
        for _ in range(times):
            begun = time.perf_counter()
            daemon.call("send", source="s", target="tomorrow", message="ls")
            latencies.append(time.perf_counter() - begun)

    # The first message that waits opens what the daemon needs to wait.
    send(5)
    before_fds, before_rss = descriptors(daemon), rss(daemon)
    yield
    send(20)
    grown = rss(daemon) - before_rss
    assert grown < MEMORY_BYTES, f"{grown >> 20} MiB more"
    until(
        lambda: descriptors(daemon) <= before_fds + 1,
        what=f"descriptors are given back: {before_fds} before",
        within_s=WITHIN_S,
    )
    for seconds in latencies:
        tally.took(f"another client's send, beside {what}", seconds)
    tally.add(f"MiB grown at most, beside {what}", grown >> 20)


# ── slow and deaf ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [message(1)[:40], b"\x00\x00\x00\x20\x94\x00"], ids=["lines", "frames"])
def test_a_message_that_never_ends(daemon: Daemon, tally: Tally, words: bytes) -> None:
    """Begun and left, or a byte at a time: after some seconds it is told so, and its connection ends."""
    with bystander(daemon, tally, "slow clients"), ExitStack() as stack:
        slow = [stack.enter_context(connected(daemon)) for _ in range(20)]
        for connection in slow:
            connection.sendall(words[:5])
        for byte in words[5:12]:
            daemon.call("status")
            for connection in slow[10:]:
                connection.sendall(bytes([byte]))
        for connection in slow:
            assert b"not complete" in connection.recv(4096)
            assert connection.recv(4096) == b""
        tally.add("clients that left a message unfinished", len(slow))


@pytest.mark.parametrize("stage", ["without_frame_deadline"], indirect=True)
def test_without_the_deadline_it_stays(daemon: Daemon) -> None:
    """The same oracle fails without the safeguard: nothing is said long after the time is over."""
    with connected(daemon) as connection:
        connection.sendall(message(1)[:40])
        readable, _, _ = select.select([connection], [], [], 9.0)
        assert readable == []


def deaf(daemon: Daemon, stack: ExitStack, clients: int, listings: int) -> list[socket.socket]:
    """Clients that ask for listing after listing, and read none."""
    with connected(daemon) as filler:
        filler.sendall(b"".join(message(number, "x" * 200) for number in range(400)))
        answers(filler, 400)
    found = []
    for _ in range(clients):
        connection = stack.enter_context(connected(daemon))
        connection.setblocking(False)
        found.append(connection)
        for number in range(listings):
            try:
                connection.send(request(number, "queue", limit=100_000))
            except BlockingIOError:
                break  # it is not read any more either
    return found


def test_clients_that_never_read(daemon: Daemon, tally: Tally) -> None:
    """Each costs some MiB and no more, however much it asks for."""
    with bystander(daemon, tally, "clients that do not read"), ExitStack() as stack:
        deaf(daemon, stack, clients := 30, LISTINGS)
        tally.add(f"clients that asked for {LISTINGS} listings and read none", clients)
        daemon.call("status")


@pytest.mark.parametrize("stage", ["without_bound"], indirect=True)
def test_without_the_bound_they_eat_the_memory(daemon: Daemon) -> None:
    """The same oracle fails without the safeguard."""
    before = rss(daemon)
    with ExitStack() as stack:
        deaf(daemon, stack, 30, LISTINGS)
        until(lambda: rss(daemon) - before > MEMORY_BYTES, what="memory grows", within_s=180)
        daemon.kill()


def all_deaf(stage: Stage, stack: ExitStack) -> None:
    """Every place is taken by a client that does not read."""
    daemon = stage.daemon
    daemon.kill()
    daemon.prepare = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
    daemon.start()
    deaf(daemon, stack, 40, LISTINGS)


def test_every_place_taken_by_who_does_not_read(stage: Stage, tally: Tally) -> None:
    """Nobody is idle, and yet the next one is served: who lets its answers lie makes room."""
    with ExitStack() as stack:
        all_deaf(stage, stack)
        until(stage.daemon.serves, what="the next client is served", within_s=WITHIN_S)
    tally.add("clients that took every place and read nothing", 40)


@pytest.mark.parametrize("stage", ["without_eviction"], indirect=True)
def test_without_eviction_they_keep_others_out(stage: Stage) -> None:
    """The same oracle fails without the safeguard."""
    with ExitStack() as stack:
        all_deaf(stage, stack)
        with pytest.raises(AssertionError):
            until(stage.daemon.serves, what="the next client is served", within_s=10)


# ── rude and dying ────────────────────────────────────────────────────────────────────────────────────────


def test_garbage(daemon: Daemon, tally: Tally) -> None:
    """Bytes that mean nothing are answered once, or cut off."""
    random = chance("garbage")
    begins = (b"", b"{", b"\x00", b"\x00\x00\x00\x10", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n")
    clients = count(100, 1_000)
    with bystander(daemon, tally, "garbage"):
        for _ in range(clients):
            with connected(daemon) as connection:
                connection.sendall(random.choice(begins) + random.randbytes(random.randrange(1, 2_000)))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
    tally.add("clients that sent garbage", clients)


def test_clients_that_die_before_the_answer(daemon: Daemon, tally: Tally) -> None:
    """What they asked for happened once or not at all: the same key again tells, and adds nothing."""
    clients = count(100, 500)
    with bystander(daemon, tally, "dying clients"):
        before = daemon.call("status")["waiting"]
        for number in range(clients):
            connection = connected(daemon)
            connection.sendall(message(1, key=f"key-{number}"))
            # With a reset instead of an orderly end, every other time.
            if number % 2:
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        ids = {
            daemon.call("send", source="s", target="tomorrow", message="ls", key=f"key-{number}")["id"]
            for number in range(clients)
        }
        assert len(ids) == clients
        assert daemon.call("status")["waiting"] == before + clients
    tally.add("clients that died before the answer", clients)


# ── many ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_clients_that_pipeline(daemon: Daemon, tally: Tally) -> None:
    """Each gets all its answers, no two the same id, and after SIGKILL every message is there."""
    clients, each = 200, count(20, 100)
    with bystander(daemon, tally, "200 clients that pipeline"), ExitStack() as stack:
        connections = [stack.enter_context(connected(daemon)) for _ in range(clients)]
        for connection in connections:
            connection.sendall(b"".join(message(number) for number in range(each)))
        ids = {answer["result"]["id"] for connection in connections for answer in answers(connection, each)}
    assert len(ids) == clients * each
    waiting = daemon.call("status")["waiting"]
    daemon.kill()
    daemon.start()
    assert daemon.call("status")["waiting"] == waiting
    tally.add("messages of 200 clients at once", len(ids))


def test_one_huge_pipeline(daemon: Daemon, tally: Tally) -> None:
    """Everything that was written is answered, in whatever pieces, and nobody else waits for it."""
    number = count(10_000, 50_000)
    with bystander(daemon, tally, "one huge pipeline"), connected(daemon) as connection:
        writer = threading.Thread(
            target=connection.sendall, args=(b"".join(message(n) for n in range(number)),)
        )
        writer.start()
        found = answers(connection, number)
        writer.join()
    assert {answer["id"] for answer in found} == set(range(number))
    assert all("result" in answer for answer in found)
    tally.add("messages of one pipeline", number)


def at_once(daemon: Daemon, requests: Sequence[bytes]) -> list[Answer]:
    """Each on a connection of its own, all written before one answer is read."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(daemon)) for _ in requests]
        for connection, text in zip(connections, requests, strict=True):
            connection.sendall(text)
        return [answers(connection, 1)[0] for connection in connections]


def test_the_same_key_at_the_same_time(daemon: Daemon, tally: Tally) -> None:
    """One message, one answer for all; of different requests one is first, and the others are refused."""
    times = count(3, 20)
    for turn in range(times):
        same = at_once(daemon, [message(1, "same", key=f"same-{turn}")] * 50)
        assert len({answer["result"]["id"] for answer in same}) == 1
        mixed = at_once(daemon, [message(1, f"body {n}", key=f"mixed-{turn}") for n in range(50)])
        codes = [answer["error"]["data"]["code"] for answer in mixed if "error" in answer]
        assert codes == ["key_reused"] * 49
    assert daemon.call("status")["waiting"] == 2 * times
    tally.add("clients with the same key at the same time", 100 * times)


def test_taken_back_by_many(daemon: Daemon, tally: Tally) -> None:
    """Of those who cancel the same message one succeeds."""
    times = count(5, 30)
    for _ in range(times):
        number = daemon.call("send", source="s", target="tomorrow", message="ls")["id"]
        found = at_once(daemon, [request(1, "cancel", id=number)] * 20)
        assert sum("result" in answer for answer in found) == 1
        assert daemon.status_of(number) == "cancelled"
    tally.add("clients that cancel the same message", 20 * times)


def test_stopped_in_the_middle_of_a_pipeline(daemon: Daemon, tally: Tally) -> None:
    """What was acknowledged before the end is there after it; what was not says so, or is not answered."""
    for _ in range(count(2, 10)):
        before = daemon.call("status")["waiting"]
        with ExitStack() as stack:
            lines = [Line(daemon.socket_path) for _ in range(10)]
            for line in lines:
                stack.callback(line.close)
                for _ in range(200):
                    line.ask("send", {"source": "s", "target": "tomorrow", "message": "ls"})
            stopper = Line(daemon.socket_path)
            stack.callback(stopper.close)
            stopper.ask("stop", {})
            accepted = 0
            for line in lines:
                while answer := line.answer():
                    if "result" in answer:
                        accepted += 1
                    else:
                        assert answer["error"]["data"]["code"] == "stopping", answer
        assert daemon.process is not None
        assert daemon.process.wait(WITHIN_S) == 0
        daemon.start()
        assert daemon.call("status")["waiting"] >= before + accepted
        tally.add("messages accepted while it was stopped", accepted)


# ── watchers ──────────────────────────────────────────────────────────────────────────────────────────────


def test_watchers_that_stand_still(stage: Stage, tally: Tally) -> None:
    """A run prints without end and all who follow it are stopped: it goes on, and so do others."""
    daemon = stage.daemon
    stage.seat("one", "here")
    lines = count(20_000, 200_000)
    daemon.call(
        "workflow",
        name="talkative",
        steps=[{"session": "here", "command": f"seq -f 'line %.0f {'x' * 60}' {lines}"}],
    )
    environment = {**os.environ, **daemon.environment}
    watcher = subprocess.Popen(
        [sys.executable, "-m", "tsipc_client", "run", "talkative"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        before = rss(daemon)
        with ExitStack() as stack:
            until(lambda: daemon.call("status")["runs"] == 1, what="it runs", within_s=WITHIN_S)
            watcher.send_signal(signal.SIGSTOP)
            for number in range(20):
                follower = stack.enter_context(connected(daemon))
                follower.sendall(request(1, "run", name="talkative", key=f"deaf-{number % 2}"))
            for _ in range(20):
                begun = time.perf_counter()
                daemon.call("send", source="s", target="tomorrow", message="ls")
                tally.took(
                    "another client's send, beside watchers that stand still", time.perf_counter() - begun
                )
            until(lambda: daemon.call("status")["runs"] == 0, what="all runs have ended", within_s=120)
            grown = rss(daemon) - before
        assert grown < MEMORY_BYTES
        watcher.send_signal(signal.SIGCONT)
        assert watcher.wait(WITHIN_S) == 0
    finally:
        watcher.kill()
        watcher.wait()
    tally.add("watchers that stood still", 21)
    tally.add("MiB grown at most, beside watchers that stand still", grown >> 20)
