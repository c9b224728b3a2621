"""However many daemons are started on a folder, and whatever lies there: one serves, and nothing is lost."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import cast
from unittest import mock

import pytest

from tests.faults.effort import count, parts
from tests.faults.tally import Tally
from tests.support.daemon import ROOT, Answer, Daemon, call
from tests.support.wait import until

AT_ONCE = 20
BUSY, BROKEN, UNREACHABLE = 75, 1, 69
MODULE = "tests.faults.test_two_daemons"


def without_lock() -> None:
    """The safeguard switched off: every daemon believes that it has the folder for itself."""

    def flock(*_: object) -> None:
        """Whoever holds it already, this one goes on."""

    mock.patch("fcntl.flock", flock).start()


def without_folder_lock() -> None:
    """Only the file is locked, and a file can be deleted."""
    real = fcntl.flock

    def flock(fd: int, operation: int) -> None:
        if not Path(f"/proc/self/fd/{fd}").is_dir():
            real(fd, operation)

    mock.patch("fcntl.flock", flock).start()


def stopped_before_bind() -> None:
    """Not a safeguard: a daemon that hangs between the lock and the socket."""

    def bind(_: Path) -> socket.socket:
        os.kill(os.getpid(), signal.SIGSTOP)
        raise AssertionError("it was to hang")

    mock.patch("tsipcd.daemon.bind", bind).start()


def killed_before_listen() -> None:
    """Not a safeguard: a daemon that dies between `bind` and `listen`."""

    class Dying(socket.socket):
        def listen(self, *_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    mock.patch("socket.socket", Dying).start()


@pytest.fixture
def folder(short_path: Path) -> Path:
    """A state folder that nobody has used."""
    folder = short_path / "ipc"
    folder.mkdir(mode=0o700)
    return folder


@contextmanager
def running(folder: Path, weakened: str = "") -> Iterator[Daemon]:
    """A daemon that serves the folder."""
    daemon = Daemon(folder, {"TMUX_TMPDIR": str(folder.parent)}, weakened=weakened and f"{MODULE}:{weakened}")
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()


def second(folder: Path, weakened: str = "") -> Daemon:
    """Another one, started and not waited for."""
    daemon = Daemon(folder, {"TMUX_TMPDIR": str(folder.parent)}, weakened=weakened and f"{MODULE}:{weakened}")
    daemon.log = folder.parent / f"second-{os.urandom(4).hex()}.log"
    daemon.launch()
    return daemon


def status_of(daemon: Daemon) -> int:
    """The exit status of one that is to end by itself."""
    assert daemon.process is not None
    return daemon.process.wait(60)


def ts_ipc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command, as a user gives it."""
    return subprocess.run(
        [sys.executable, "-m", "tsipc_client", *words],
        cwd=ROOT,
        env={**os.environ, "TS_IPC_DIR": str(folder), "TMUX_TMPDIR": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def accept_one(folder: Path, body: str) -> Answer:
    """A message that waits for a session which does not exist yet."""
    path = folder / "ipc.sock"
    call(path, "subscribe", session="tomorrow", event="e", action="command")
    answer = call(path, "send", source="s", target="tomorrow", message=body)
    return cast("Answer", answer["result"])


def waits(folder: Path, number: str) -> bool:
    """Whether that message is there, held."""
    shown = call(folder / "ipc.sock", "show", id=number)
    return "result" in shown and shown["result"]["message"]["status"] == "held"


def served_by(folder: Path, daemons: list[Daemon]) -> list[int]:
    """Start them all, and wait until one serves and no other lives; the statuses of those that ended."""
    for daemon in daemons:
        daemon.launch()
    processes = [daemon.process for daemon in daemons if daemon.process is not None]
    until(
        lambda: sum(process.poll() is None for process in processes) <= 1,
        what="all but one have ended",
        within_s=60,
    )
    (alive,) = [process for process in processes if process.poll() is None]
    answer = until(lambda: _status(folder), what="that one serves", within_s=60)
    assert answer is not None
    assert answer["pid"] == alive.pid
    return [process.returncode for process in processes if process is not alive]


def _status(folder: Path) -> Answer | None:
    try:
        return cast("Answer", call(folder / "ipc.sock", "status")["result"])
    except OSError:
        return None


@pytest.mark.parametrize(("part", "times"), list(enumerate(parts(1, 8, each=1))))
def test_twenty_started_at_once(folder: Path, tally: Tally, part: int, times: int) -> None:
    """One serves, the others say so and end with 75; killed and done again, what was accepted is there."""
    accepted: list[str] = []
    for time in range(times):
        with ExitStack() as stack:
            daemons = [Daemon(folder) for _ in range(AT_ONCE)]
            for number, daemon in enumerate(daemons):
                daemon.log = folder.parent / f"{part}-{time}-{number}.log"
                stack.callback(daemon.close)
            statuses = served_by(folder, daemons)
            assert statuses == [BUSY] * (AT_ONCE - 1)
            for daemon in daemons:
                assert daemon.process is not None
                if daemon.process.returncode == BUSY:
                    assert "already" in daemon.log.read_text()
            assert all(waits(folder, number) for number in accepted)
            accepted.append(accept_one(folder, f"echo {time}")["id"])
            for daemon in daemons:
                if daemon.process is not None and daemon.process.poll() is None:
                    daemon.kill()  # the next ones find a stale socket and a stale lock file
        tally.add("daemons started at once", AT_ONCE)
        tally.add("times exactly one of twenty served")


def test_without_the_lock_two_serve(folder: Path) -> None:
    """The same oracle fails for daemons that do not lock: none ends with 75."""
    with running(folder, "without_lock"):
        other = second(folder, "without_lock")
        assert status_of(other) != BUSY


def test_fifty_clients_at_a_cold_start_start_one(folder: Path, tally: Tally) -> None:
    """Fifty commands at once, no daemon: one comes, each is answered, each message is there once."""
    clients_at_once = count(20, 50)
    with running(folder) as daemon:
        daemon.call("subscribe", session="tomorrow", event="e", action="command")
    words = [sys.executable, "-m", "tsipc_client", "send", "s", "tomorrow"]
    environment = {**os.environ, "TS_IPC_DIR": str(folder), "TMUX_TMPDIR": str(folder.parent)}
    clients = [
        subprocess.Popen(
            [*words, f"echo {number}"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(clients_at_once)
    ]
    try:
        said = [client.communicate(timeout=120)[0] for client in clients]
        assert [client.returncode for client in clients] == [0] * clients_at_once, said
        listed = call(folder / "ipc.sock", "queue", limit=100, pending=True)["result"]["messages"]
        assert sorted(message["message"] for message in listed) == sorted(
            f"echo {n}" for n in range(clients_at_once)
        )
        log = (folder / "daemon.log").read_text()
        assert log.count(" serving, ") == 1, log
        assert log.count(" already") == 0, log
    finally:
        ts_ipc(folder, "daemon", "stop")
    tally.add("clients at a cold start", clients_at_once)


def test_a_second_one_is_told_who_serves(folder: Path) -> None:
    """Status 75, and the process id; the first one notices nothing."""
    with running(folder) as daemon:
        number = accept_one(folder, "ls")["id"]
        other = second(folder)
        assert status_of(other) == BUSY
        assert f"process {daemon.pid} is the daemon" in other.log.read_text()
        assert waits(folder, number)


@pytest.mark.parametrize("gone", ["lock", "start.lock", "ipc.sock"])
def test_a_file_deleted_under_a_running_one(folder: Path, tally: Tally, gone: str) -> None:
    """Commands go on: by the same daemon, or by one in the place of what nobody reaches any more."""
    with running(folder) as daemon:
        number = accept_one(folder, "ls")["id"]
        (folder / gone).unlink(missing_ok=True)
        try:
            done = ts_ipc(folder, "show", number)
            assert done.returncode == 0, done.stderr
            assert "held" in done.stdout
            if gone != "ipc.sock":
                other = second(folder)
                assert status_of(other) in {BUSY, BROKEN}
                assert "already" in other.log.read_text()
                assert daemon.call("status")["pid"] == daemon.pid
            else:
                assert status_of(daemon) == 0
            assert waits(folder, number)
        finally:
            if gone == "ipc.sock":
                ts_ipc(folder, "daemon", "stop")
    tally.add("files of the daemon deleted under it")


def test_lock_and_socket_deleted_under_a_running_one(folder: Path, tally: Tally) -> None:
    """Even then no second daemon gets into the journal: it says that another one has the folder, with 75."""
    with running(folder):
        (folder / "lock").unlink()
        (folder / "ipc.sock").unlink()
        other = second(folder)
        assert status_of(other) == BUSY
        assert "another process is the daemon" in other.log.read_text()
        done = ts_ipc(folder, "queue")
        assert done.returncode == UNREACHABLE
        assert "already" in done.stderr
    tally.add("files of the daemon deleted under it", 2)


def test_with_the_file_alone_locked_two_serve(folder: Path) -> None:
    """The same oracle fails for a daemon that does not lock the folder: a second one serves beside it."""
    with running(folder, "without_folder_lock"):
        (folder / "lock").unlink()
        (folder / "ipc.sock").unlink()
        other = second(folder, "without_folder_lock")
        try:
            until(other.serves, what="the second one serves", within_s=60)
        finally:
            other.close()


def test_stale_files_are_no_hindrance(folder: Path, tally: Tally) -> None:
    """Nobody listens on the socket, the lock has another process's number: it starts, and all is there."""
    with running(folder) as daemon:
        number = accept_one(folder, "ls")["id"]
        daemon.kill()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        (folder / "lock").write_text(f"{stranger.pid}\n")
        with running(folder):
            assert waits(folder, number)
        assert stranger.poll() is None
        stranger.kill()
    tally.add("stale sockets and locks")


def test_one_killed_between_bind_and_listen(folder: Path, tally: Tally) -> None:
    """The socket it leaves refuses everybody; the next one replaces it."""
    other = second(folder, "killed_before_listen")
    assert status_of(other) == -signal.SIGKILL
    assert (folder / "ipc.sock").exists()
    with running(folder):
        accept_one(folder, "ls")
    tally.add("stale sockets and locks")


@pytest.mark.parametrize("listens", [True, False], ids=["listening", "silent"])
def test_another_programs_socket(folder: Path, tally: Tally, *, listens: bool) -> None:
    """One that listens is left alone, with a clear message; one that does not is a leftover."""
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(folder / "ipc.sock"))
        if listens:
            foreign.listen()
            other = second(folder)
            assert status_of(other) == BROKEN
            assert "something listens on" in other.log.read_text()
            assert (folder / "ipc.sock").exists()
        else:
            with running(folder):
                accept_one(folder, "ls")
    tally.add("foreign sockets")


def test_a_file_where_the_socket_belongs(folder: Path) -> None:
    """It is not deleted: the message says what is there, for the command too."""
    (folder / "ipc.sock").write_text("precious")
    other = second(folder)
    assert status_of(other) == BROKEN
    assert "is no socket" in other.log.read_text()
    done = ts_ipc(folder, "queue")
    assert done.returncode == UNREACHABLE
    assert (folder / "ipc.sock").read_text() == "precious"


def test_a_foreign_holder_of_the_lock(folder: Path, tally: Tally) -> None:
    """Another program has locked our file: nobody is killed for it; message and status are clear."""
    with subprocess.Popen(["sleep", "600"]) as stranger, (folder / "lock").open("w") as foreign:
        foreign.write(f"{stranger.pid}\n")
        foreign.flush()
        fcntl.flock(foreign, fcntl.LOCK_EX)
        other = second(folder)
        assert status_of(other) == BUSY
        assert "another process is the daemon" in other.log.read_text()
        assert stranger.poll() is None
        stranger.kill()
    tally.add("foreign locks")


def test_one_that_hangs_with_the_lock(folder: Path, tally: Tally) -> None:
    """It is told to stop, as none can reach it; while it hangs no other one serves, and commands say so."""
    hanging = second(folder, "stopped_before_bind")
    assert hanging.process is not None
    try:
        until(partial(_is_stopped, hanging.pid), what="it hangs")
        done = ts_ipc(folder, "queue", "--timeout", "5")
        assert done.returncode in {4, UNREACHABLE}, done
        assert not (folder / "ipc.sock").exists()
        hanging.kill()
        done = ts_ipc(folder, "queue")
        assert done.returncode == 0, done.stderr
    finally:
        hanging.close()
        ts_ipc(folder, "daemon", "stop")
    tally.add("daemons that hang with the lock")


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
