"""Descriptors, processes, threads or memory run out: others are served, nothing is lost, it recovers.

The limits are the kernel's own, set before the daemon starts or under it while it runs; what cannot be
limited is made to fail by strace.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from tests.faults.disks import strace
from tests.faults.effort import count
from tests.faults.stage import Stage, mark
from tests.faults.tally import Tally
from tests.support.daemon import Daemon, call
from tests.support.wait import until

MODULE = "tests.faults.test_descriptors"
WITHIN_S = 60.0
HELLO = b'{"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {}}\n'
CROWDS = [(64, 250), (128, 1_500), (1_024, 1_500)][: count(2, 3)]


def without_eviction() -> None:
    """The safeguard switched off: idle connections keep their places."""
    mock.patch("tsipcd.server.listener.Server._evict", return_value=False).start()


@contextmanager
def crowd(daemon: Daemon, number: int, first_words: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections at the same time, each after the same first words."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < number + 200:
        pytest.skip(f"this user may open {hard} files, {number} connections are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + 200), hard))
    connections: list[socket.socket] = []
    try:
        for _ in range(number):
            connection = socket.socket(socket.AF_UNIX)
            connections.append(connection)
            # Without a time-out it waits where the backlog is full, as clients do.
            connection.connect(str(daemon.socket_path))
            connection.settimeout(WITHIN_S)
            if first_words:
                # It may have been told to come again later, and be closed, already.
                try:
                    connection.sendall(first_words)
                except (BrokenPipeError, ConnectionResetError):
                    continue
        yield connections
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors(daemon: Daemon) -> int:
    """How many it has open."""
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


def accept(daemon: Daemon, number: int) -> list[str]:
    """So many messages for a session that does not exist yet; their ids."""
    daemon.call("subscribe", session="tomorrow", event="e", action="command")
    return [
        str(daemon.call("send", source="s", target="tomorrow", message=f"echo {n}")["id"])
        for n in range(number)
    ]


def all_there(daemon: Daemon, messages: list[str]) -> bool:
    """After SIGKILL and a new start every one of them waits."""
    daemon.kill()
    daemon.start()
    return all(daemon.status_of(message) == "held" for message in messages)


def limited(short_path: Path, files: int, weakened: str = "") -> Stage:
    """A stage whose daemon may open so many files."""
    stage = Stage(short_path, weakened=weakened and f"{MODULE}:{weakened}")
    stage.daemon.prepare = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    return stage


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    """What is put here is closed in the end."""
    opened: list[Stage] = []
    yield opened
    for stage in opened:
        stage.close()


@pytest.mark.parametrize("size", CROWDS)
@pytest.mark.parametrize("first_words", [b"", HELLO], ids=["silent", "idle"])
def test_a_crowd_that_says_nothing(
    short_path: Path, stages: list[Stage], tally: Tally, size: tuple[int, int], first_words: bytes
) -> None:
    """More connections than there are descriptors: the next client is served, and a pane is typed into."""
    files, number = size
    stages.append(stage := limited(short_path, files))
    seat = stage.seat("one", "here")
    stage.daemon.start()
    before = descriptors(stage.daemon)
    with crowd(stage.daemon, number, first_words):
        # Who comes at the same moment finds the backlog full, and tries again, as our client does.
        until(stage.daemon.serves, what="the next client is served", within_s=WITHIN_S)
        stage.becomes(stage.send("here", seat.mark("typed")), "delivered")
        messages = accept(stage.daemon, 20)
    seat.fence()
    assert seat.marked == ["typed"]
    until(
        lambda: stage.daemon.call("status")["clients"] <= 1,
        what="the crowd is forgotten",
        within_s=WITHIN_S,
    )
    # tmux is left only some minutes later: its client has a few.
    assert descriptors(stage.daemon) <= before + 12
    assert all_there(stage.daemon, messages)
    tally.add("idle connections", number)
    tally.add("accepted under a crowd and there after SIGKILL", len(messages))


def test_without_eviction_a_crowd_keeps_others_out(short_path: Path, stages: list[Stage]) -> None:
    """The same oracle fails without the safeguard: the next client is turned away, or waits for ever."""
    stages.append(stage := limited(short_path, 64, "without_eviction"))
    stage.daemon.start()
    with crowd(stage.daemon, 250, HELLO), pytest.raises((AssertionError, OSError)):
        stage.daemon.call("status")


def test_a_crowd_in_the_middle_of_a_frame(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """Nobody of it is idle: a newcomer is told to come again, and served when their time is over."""
    stages.append(stage := limited(short_path, 128))
    stage.daemon.start()
    with socket.socket(socket.AF_UNIX) as old:
        old.settimeout(WITHIN_S)
        old.connect(str(stage.daemon.socket_path))
        old.sendall(HELLO)
        old.recv(4096)
        with crowd(stage.daemon, 300, HELLO[:20]):
            messages = [
                until(lambda: _sent(stage.daemon), what="a newcomer is served", within_s=WITHIN_S)
                for _ in range(5)
            ]
    assert all_there(stage.daemon, [message for message in messages if message])
    tally.add("connections in the middle of a frame", 300)


def _sent(daemon: Daemon) -> str:
    """The id of an accepted message; empty if the daemon was too busy."""
    try:
        call(daemon.socket_path, "subscribe", session="tomorrow", event="e", action="command")
        answer = call(daemon.socket_path, "send", source="s", target="tomorrow", message="ls")
    except OSError:
        return ""
    return str(answer["result"]["id"]) if "result" in answer else ""


def lowest_free_at_rest(pid: int) -> int:
    """The number that the next file would get, once nothing was opened or closed for a second."""
    seen: set[int] = set()
    since = time.monotonic()

    def is_at_rest() -> bool:
        nonlocal seen, since
        now = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 1

    until(is_at_rest, what="the daemon opens no more files", within_s=WITHIN_S)
    return min(set(range(len(seen) + 1)) - seen)


def test_no_descriptor_is_left(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """Not one file can be opened: what is accepted is durable, what cannot be done waits or is refused."""
    stages.append(stage := Stage(short_path))
    daemon = stage.daemon
    seat = stage.seat("one", "here")
    daemon.start()
    messages = accept(daemon, 1)
    daemon.call("workflow", name="w", steps=[{"session": "here", "command": seat.mark("step")}])
    # Connections come and go; nothing else is open, so that tmux has to be connected to anew.
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(str(daemon.socket_path))
        lines = connection.makefile("rwb")

        def ask(number: int, method: str, params: str) -> bytes:
            lines.write(
                b'{"jsonrpc": "2.0", "id": %d, "method": "%s", "params": {%s}}\n'
                % (number, method.encode(), params.encode())
            )
            lines.flush()
            return lines.readline()

        ask(1, "hello", "")
        old = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (lowest_free_at_rest(daemon.pid), old[1]))
        try:
            for number in range(2, 40):
                answer = ask(number, "send", f'"source": "s", "target": "tomorrow", "message": "{number}"')
                assert b'"result"' in answer, answer
                messages.append(_id_in(answer))
            typed = [
                _id_in(ask(50, "send", f'"source": "s", "target": "here", "message": "{seat.mark("typed")}"'))
            ]
            # If the file need not be read again the run is accepted, and its step waits.
            answer = ask(51, "run", '"name": "w", "follow": false, "key": "k"')
            assert b'"busy"' in answer or b'"run":"run-1"' in answer, answer
            refused = ask(52, "subscribe", '"session": "here", "event": "f", "action": "command"')
            assert b'"error"' in refused, refused
            refused = ask(53, "workflow", '"name": "x", "steps": []')
            assert b'"error"' in refused, refused
            data = _id_in(ask(54, "send", '"source": "s", "target": "here", "message": "d", "type": "data"'))
        finally:
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, old)
    assert seat.marked == []
    stage.becomes(typed[0], "delivered")
    assert daemon.call("run", name="w", key="k", follow=True)["status"] == "success"
    # Data that could not be written says so, or was written after all.
    until(lambda: daemon.status_of(data) in {"failed", "delivered"}, what="the data's end", within_s=WITHIN_S)
    daemon.call("subscribe", session="here", event="f", action="command")
    seat.fence()
    assert sorted(seat.marked) == ["step", "typed"]
    assert all_there(daemon, messages)
    tally.add("accepted without a descriptor left and there after SIGKILL", len(messages))


def _id_in(answer: bytes) -> str:
    assert b'"result"' in answer, answer
    key = b'"id":"' if b'"id":"' in answer else b'"run":"'
    return answer.split(key)[1].split(b'"')[0].decode()


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOMEM", "EPERM"])
def test_connections_that_cannot_be_taken(
    short_path: Path, stages: list[Stage], tally: Tally, error: str
) -> None:
    """They wait in the backlog and are served when the system has room again; the log says so once."""
    stages.append(stage := Stage(short_path))
    stage.daemon.wrapper = strace(f"accept4,accept:error={error}:when=3..12")
    stage.daemon.start()
    assert all_there_without_restart(stage.daemon, accept(stage.daemon, 10))
    assert stage.daemon.log.read_text().count("cannot take connections") in {1, 2}
    tally.add("connections that could not be taken at first", 10)


def all_there_without_restart(daemon: Daemon, messages: list[str]) -> bool:
    return all(daemon.status_of(message) == "held" for message in messages)


def test_no_process_for_a_tmux_client(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """A client that cannot be started is tried again: the message waits meanwhile, then is typed once."""
    stages.append(stage := Stage(short_path))
    seat = stage.seat("one", "here")
    stage.daemon.wrapper = strace("vfork,fork,clone:error=EAGAIN:when=1..3")
    stage.daemon.start()
    stage.daemon.call("subscribe", session="here", event="e", action="command")
    stage.becomes(stage.send("here", seat.mark("typed")), "delivered")
    seat.fence()
    assert seat.marked == ["typed"]
    tally.add("processes that could not be had", 3)


def test_no_inotify(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """Without an instance it looks every few seconds: a session that comes later gets what waits."""
    stages.append(stage := Stage(short_path))
    stage.daemon.wrapper = strace("inotify_init1,inotify_init:error=EMFILE")
    stage.daemon.start()
    stage.daemon.call("subscribe", session="here", event="e", action="command")
    message = stage.send("here", mark("come"))
    assert stage.daemon.status_of(message) == "held"
    seat = stage.seat("one", "here")
    stage.becomes(message, "delivered")
    seat.fence()
    assert seat.marked == ["come"]
    assert "looking at folders every" in stage.daemon.log.read_text()
    tally.add("inotify instances that could not be had")


@pytest.mark.parametrize("when", ["1", "3", "5"])
def test_no_thread_at_the_start(short_path: Path, stages: list[Stage], tally: Tally, when: str) -> None:
    """It ends with a clear message, and all is there for the next one."""
    stages.append(stage := Stage(short_path))
    stage.daemon.start()
    messages = accept(stage.daemon, 3)
    stage.daemon.kill()
    stage.daemon.wrapper = strace(f"clone3,clone:error=EAGAIN:when={when}+")
    stage.daemon.launch()
    assert stage.daemon.process is not None
    assert stage.daemon.process.wait(WITHIN_S) == 1
    log = stage.daemon.log.read_text()
    assert "no thread can be started" in log
    assert "Traceback" not in log
    stage.daemon.wrapper = ()
    stage.daemon.start()
    assert all_there_without_restart(stage.daemon, messages)
    tally.add("threads that could not be had")


def test_no_thread_later(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """What is written by threads is written all the same: they were there from the start."""
    stages.append(stage := Stage(short_path))
    stage.daemon.wrapper = strace("clone3:error=EAGAIN:when=8+")
    stage.daemon.start()
    stage.daemon.call("subscribe", session="here", event="e", action="command")
    for number in range(20):
        sent = stage.daemon.call("send", source="s", target="here", message=str(number), type="data")
        stage.becomes(sent["id"], "delivered")
        assert (stage.daemon.directory / "here.data").read_text() == str(number)
    assert stage.daemon.call("events", lines=10)["lines"]
    tally.add("threads that could not be had")


def test_little_memory(short_path: Path, stages: list[Stage], tally: Tally) -> None:
    """It refuses, cuts off, or ends and begins anew; what it had accepted is there, every byte of it."""
    stages.append(stage := Stage(short_path))
    daemon = stage.daemon
    daemon.start()
    messages = accept(daemon, 5)
    size = next(
        int(line.split()[1]) << 10
        for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
        if line.startswith("VmSize")
    )
    resource.prlimit(daemon.pid, resource.RLIMIT_AS, (size + (24 << 20), resource.RLIM_INFINITY))
    body = "x" * 900_000
    accepted = []
    for _ in range(count(60, 120)):
        if daemon.process is not None and daemon.process.poll() is not None:
            break
        try:
            answer = call(daemon.socket_path, "send", source="s", target="tomorrow", message=body)
        except OSError:
            continue
        if "result" in answer:
            accepted.append(answer["result"]["id"])
    tally.add("accepted before memory ran out", len(accepted))
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.kill()
    daemon.start()
    assert all_there_without_restart(daemon, messages + accepted)
    shown = call(daemon.socket_path, "queue", limit=1)["result"]
    assert shown["waiting"] >= len(messages + accepted)
    assert os.path.lexists(daemon.socket_path)
