"""A second user, things to plant, and what a person sees of it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipc_client.wire.text import is_safe

WITHIN_S = 60.0
VICTIM = b"precious\n"
OUR_COLOURS = re.compile(r"\x1b\[[0-9]*m")


BECOME = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv.pop(1)))
os.setuid(int(sys.argv.pop(1)))
"""
"""Not `Popen(user=...)`: they need not be able to run the Python that we run."""


class Stranger:
    """Another user of this machine, whose programs are Python."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid

    def run(self, code: str, *arguments: object) -> str:
        """What their program prints."""
        process = self.start(code, *arguments)
        return process.communicate(timeout=WITHIN_S)[0]

    def start(self, code: str, *arguments: object) -> subprocess.Popen[str]:
        """The same, beside the test. Whoever starts it ends it."""
        return subprocess.Popen(
            [sys.executable, "-c", BECOME + code, str(self.gid), str(self.uid), *map(str, arguments)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def owns(self, path: Path) -> None:
        """Give `path` to them."""
        os.chown(path, self.uid, self.gid)


@pytest.fixture(scope="session")
def stranger() -> Stranger:
    """A real second user: `nobody`."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("there is no user nobody")
    return Stranger(found.pw_uid, found.pw_gid)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder like `/tmp`: everybody may put things there, and only take away their own."""
    folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make(short_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Daemons, not started; each ends with the test."""
    made: list[Daemon] = []

    def one(directory: Path = short_path / "ipc", **options: object) -> Daemon:
        environment = {"TMUX_TMPDIR": str(short_path / "t"), "HOME": str(short_path)}
        daemon = Daemon(directory, environment, **options)  # type: ignore[arg-type]
        made.append(daemon)
        return daemon

    yield one
    for daemon in made:
        daemon.close()


def settle(daemon: Daemon) -> bool:
    """Wait until it serves or has given up; whether it serves."""

    def settled() -> bool:
        assert daemon.process is not None
        try:
            return daemon.serves()
        except AssertionError:
            return daemon.process.poll() is not None

    until(settled, what="it serves or gives up", within_s=WITHIN_S)
    assert daemon.process is not None
    return daemon.process.poll() is None


def ts_ipc(directory: Path, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
    """Our command in a process of its own: exit status, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "tsipc_client", *arguments],
        cwd=ROOT,
        env={**os.environ, "TS_IPC_DIR": str(directory), **environment},
        input=stdin.encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return done.returncode, out, err


def unsafe_in(text: str) -> set[str]:
    """What of `text` would move a terminal, or cannot be seen on one; our own colours may."""
    return {char for char in OUR_COLOURS.sub("", text) if char not in "\n\t" and not is_safe(char)}


KINDS = ("link", "dangling", "hard link", "pipe", "folder", "device", "socket")


def plant(path: Path, kind: str, victim: Path) -> None:
    """Put one of `KINDS` at `path`, in the place of what is there; links lead to `victim`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    victim.write_bytes(VICTIM)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    match kind:
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(victim.with_name("nowhere"))
        case "hard link":
            os.link(victim, path)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
            (path / "inside").write_bytes(VICTIM)
        case "device":
            if os.geteuid() != 0:
                pytest.skip("only root can make a device")
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero: never ends
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))


def untouched(victim: Path) -> None:
    """Nothing was written through a link, or made where one leads."""
    assert victim.read_bytes() == VICTIM
    assert victim.stat().st_mode & 0o777 == 0o644
    assert not victim.with_name("nowhere").exists()


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that nothing may happen to."""
    path = tmp_path / "victim"
    path.touch()
    path.chmod(0o644)
    return path


class Attached:
    """A terminal in which a session is open: a client in a pane of another server, which shows its screen."""

    def __init__(self, outside: Tmux, inside: Tmux, session: str) -> None:
        self._outside = outside
        self._name = f"for-{session}"
        socket_path = inside.folder / f"tmux-{os.getuid()}/default"
        words = f"env -u TMUX {inside.binary} -u -S {socket_path} attach -t ={session}"
        outside.run("new-session", "-d", "-s", self._name, "-x", "180", "-y", "20", words)
        until(lambda: inside.run("list-clients", "-t", f"={session}"), what="a client is attached")

    def screen(self) -> str:
        return self._outside.run("capture-pane", "-p", "-t", f"={self._name}:")

    def styled(self) -> str:
        return self._outside.run("capture-pane", "-e", "-p", "-t", f"={self._name}:")


@pytest.fixture
def attach(short_path: Path, tmux: Tmux) -> Iterator[Callable[[str], Attached]]:
    """Attaches a terminal to a session of `tmux`."""
    outside = Tmux(short_path / "o")
    yield lambda session: Attached(outside, tmux, session)
    outside.close()
