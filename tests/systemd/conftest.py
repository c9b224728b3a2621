"""A real `systemd --user` in mounts of its own, with a home of its own, for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Answer, call
from tests.support.tmux import Tmux
from tests.support.wait import until

ROOT = Path(__file__).resolve().parents[2]
SERVICE, SOCKET = "ts-ipc.service", "ts-ipc.socket"


class UserManager:
    """The manager and what can be asked of it. Commands run in its mounts, as its user, in its home."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
        self.directory = self.home / ".config/ts/ipc"
        self.log = self.home / "manager.log"
        self.tmux = Tmux(self.home / "t")
        # PYTHONPATH: the service runs this checkout even if nobody installed it.
        shared = {"TMUX_TMPDIR": str(self.tmux.folder), "PYTHONPATH": str(ROOT)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    ROOT / "tests/support/with-user-manager",
                    self.home,
                    *(f"{name}={value}" for name, value in shared.items()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        word, _, pid = self.process.stdout.readline().strip().partition(" ")
        if word != "ready":
            pytest.skip(f"no systemd --user can be had here: {self.log.read_text().strip()[-300:]}")
        self.pid = int(pid)
        runtime = f"/run/user/{os.getuid()}"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {"HOME": str(self.home), "XDG_RUNTIME_DIR": runtime, "PATH": path, **shared}

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`command` in the manager's mounts; its exit status is for the caller to judge."""
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", *command],
            env={**self.environment, **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def systemctl(self, *arguments: str) -> str:
        done = self.run("systemctl", "--user", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ts_ipc(self, *arguments: str, **environment: str) -> str:
        """What our command prints; it must succeed."""
        done = self.run(sys.executable, "-m", "tsipc_client", *arguments, **environment)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}{self.log.read_text()}"
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, as systemd tells it."""
        return self.systemctl("show", "--value", f"--property={name}", unit)

    def call(self, method: str, **params: object) -> Answer:
        """The result of one request to the daemon of the default folder."""
        answer = call(self.directory / "ipc.sock", method, **params)
        assert "result" in answer, answer
        result: Answer = answer["result"]
        return result

    def ended(self, pid: int) -> bool:
        """Whether process `pid` is gone, or is only still listed."""
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        return state == "Z"

    def close(self) -> None:
        try:
            self.process.communicate(timeout=30)  # the end of its input ends it
        finally:
            self.process.kill()
            self.tmux.close()
            shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="session")
def _manager() -> Iterator[UserManager]:
    if os.getuid() != 0:
        pytest.skip("needs root, to give systemd --user a cgroup tree and a /run of its own")
    for tool in ("systemctl", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    if sys.platform != "linux":
        pytest.skip("systemd is for Linux")
    running = UserManager()
    yield running
    running.close()


@pytest.fixture
def manager(_manager: UserManager) -> Iterator[UserManager]:
    """The manager with none of our units, and nothing in the state folder."""
    yield _manager
    _manager.run(sys.executable, "-m", "tsipc_client", "daemon", "uninstall")
    _manager.run(sys.executable, "-m", "tsipc_client", "daemon", "stop")
    until(lambda: not _listens(_manager.directory / "ipc.sock"), what="the daemon is gone")
    shutil.rmtree(_manager.directory, ignore_errors=True)


@pytest.fixture
def installed(manager: UserManager) -> UserManager:
    """The manager with our units, as `ts-ipc daemon install` leaves it."""
    manager.ts_ipc("daemon", "install")
    return manager


def _listens(path: Path) -> bool:
    try:
        call(path, "hello")
    except OSError:
        return False
    return True
