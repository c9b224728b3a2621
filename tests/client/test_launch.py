"""Starting the daemon on demand."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.client.conftest import Stubs
from tests.support.wait import until
from tsipc_client import Client, launch
from tsipc_client.wire.errors import Unreachable

ROOT = Path(__file__).resolve().parents[2]


def fake_python(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a daemon runs `script` instead."""
    path = folder / "fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(path))


@pytest.mark.usefixtures("python_of_stub")
def test_fifty_clients_at_once_start_one_daemon(stubs: Stubs) -> None:
    """Each gets its answer, from the same process."""

    def ask(_index: int) -> int:
        with Client(stubs.directory) as client:
            return client.status().pid

    with ThreadPoolExecutor(50) as pool:
        pids = set(pool.map(ask, range(50)))
    assert list(pids) == stubs.started


@pytest.mark.usefixtures("python_of_stub")
def test_fifty_processes_at_once_start_one_daemon(stubs: Stubs) -> None:
    """The same for processes, which is what commands are."""
    script = (
        "import sys; sys.executable = sys.argv[2];"
        "from tsipc_client import Client; print(Client(sys.argv[1]).status().pid)"
    )
    arguments = [str(stubs.directory), sys.executable]
    python = ROOT / ".venv/bin/python"
    started = [
        subprocess.Popen([python, "-c", script, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(50)
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert said == {str(pid) for pid in stubs.started}
    assert len(stubs.started) == 1


@pytest.mark.usefixtures("python_of_stub")
def test_the_daemon_belongs_to_nobody(stubs: Stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no child of ours, has no terminal, and nothing in its environment is about us."""
    monkeypatch.setenv("TMUX", "/x/y,1,0")
    monkeypatch.setenv("TMUX_PANE", "%7")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    launch.ensure(stubs.directory)
    (pid,) = stubs.started
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    assert os.getsid(pid) not in (os.getsid(0), 0)
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"TS_IPC_DIR={stubs.directory}".encode() in environment
    assert not any(entry.startswith((b"TMUX=", b"TMUX_PANE=", b"NOTIFY_SOCKET=")) for entry in environment)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    assert Path(f"/proc/{pid}/fd/1").readlink() == stubs.directory / "daemon.log"
    assert (stubs.directory / "daemon.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("python_of_stub")
def test_a_daemon_that_runs_is_used(stubs: Stubs) -> None:
    """The second client starts nothing."""
    launch.ensure(stubs.directory)
    launch.ensure(stubs.directory)
    assert len(stubs.started) == 1


@pytest.mark.usefixtures("python_of_stub")
def test_the_variable_forbids_it(stubs: Stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under TS_IPC_NO_START a missing daemon is an error, as with `start` false."""
    monkeypatch.setenv("TS_IPC_NO_START", "1")
    with pytest.raises(Unreachable, match="no daemon runs"):
        launch.ensure(stubs.directory)
    assert stubs.started == []


def test_a_daemon_that_fails_says_why(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint has the last lines of its log, safe to look at."""
    fake_python(short_path, "printf 'one\\ntwo \\033[2J\\n' >&2; exit 1", monkeypatch)
    with pytest.raises(Unreachable) as caught:
        launch.ensure(short_path / "ipc")
    assert "ended as soon as" in caught.value.message
    assert caught.value.hint == "one | two \\x1b[2J"


def test_a_daemon_that_hangs_is_not_waited_for_for_ever(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is the caller's."""
    fake_python(short_path, f"echo $$ > {short_path}/pid; exec sleep 60", monkeypatch)
    with pytest.raises(Unreachable, match="did not come up"):
        launch.ensure(short_path / "ipc", 0.2)
    os.kill(int((short_path / "pid").read_text()), 9)


@pytest.mark.usefixtures("python_of_stub")
def test_a_daemon_that_still_drains_is_waited_for(stubs: Stubs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one cannot start while the old one has the lock; it is tried again when that is gone."""
    with subprocess.Popen(["/bin/sleep", "60"]) as draining:
        lock = stubs.directory / "lock"
        lock.write_text(f"{draining.pid}\n")
        stub = sys.executable
        script = f'echo x >> {stubs.directory}/tries; [ -e {stubs.directory}/free ] || exit 75; exec "{stub}"'
        fake_python(stubs.directory, script, monkeypatch)
        looks: list[str] = []
        holder = launch._holder

        def counted(folder: str) -> int:
            looks.append(folder)
            return holder(folder)

        monkeypatch.setattr(launch, "_holder", counted)
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(launch.ensure, stubs.directory)
            until((stubs.directory / "tries").exists, what="the first try")
            until(lambda: len(looks) > 3, what="it waits for the old one")
            assert (stubs.directory / "tries").read_text() == "x\n"
            assert not asking.done()
            (stubs.directory / "free").touch()
            draining.kill()
            draining.wait(10)
            asking.result(20)
    assert len(stubs.started) == 1
    assert (stubs.directory / "tries").read_text() == "x\n" * 2


def test_a_planted_link_is_not_followed(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the log nor the lock can be made to write elsewhere."""
    fake_python(short_path, "echo x; exit 1", monkeypatch)
    folder = short_path / "ipc"
    folder.mkdir(mode=0o700)
    target = short_path / "target"
    target.write_text("mine")
    for name in ("start.lock", "daemon.log"):
        (folder / name).symlink_to(target)
        with pytest.raises(Unreachable):
            launch.ensure(folder)
        (folder / name).unlink()
    assert target.read_text() == "mine"


def test_a_long_log_is_put_aside(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is kept, and no more."""
    fake_python(short_path, "echo new >&2; exit 1", monkeypatch)
    (short_path / "daemon.log").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(Unreachable):
        launch.ensure(short_path)
    assert (short_path / "daemon.log").read_text() == "new\n"
    assert (short_path / "daemon.log.1").stat().st_size == (1 << 20) + 1
