"""Real tmux servers on private sockets, one per test and version."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tsipcd.core.topology import PanePin, ServerId
from tsipcd.tmux.connection import Connection, connect

DEADLINE_S = 10.0


def tmux_binaries() -> list[str]:
    """The system's tmux, then `VERSION/tmux` of each version under `TS_IPC_TMUX_VERSIONS`."""
    found = [path for path in (shutil.which("tmux"),) if path]
    versions = os.environ.get("TS_IPC_TMUX_VERSIONS")
    if versions:
        found += [str(path) for path in sorted(Path(versions).glob("*/tmux"))]
    return found


def version_of(binary: str) -> str:
    return subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stdout.split()[-1]


@dataclass
class TmuxServer:
    """A private tmux server. It has its own HOME and TMUX_TMPDIR and is killed with its fixture."""

    binary: str
    home: Path
    name: str = "default"
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMUX_TMPDIR": str(self.home),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/bash",
            "PS1": "$ ",
            "ENV": "",
        }

    @property
    def socket(self) -> Path:
        return self.home / f"tmux-{os.getuid()}" / self.name

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run one tmux command in a process of its own; returns what it printed."""
        done = subprocess.run(
            [self.binary, "-u", "-L", self.name, *arguments],
            env=self.environment,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {done.stderr.decode()}")
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def new_session(self, name: str, *command: str, size: tuple[int, int] = (100, 30)) -> str:
        """A detached session running `command` (a plain bash by default); returns its `%N`."""
        words = command or ("bash", "--noprofile", "--norc")
        x, y = size
        made = ("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", name, "-x", str(x), "-y", str(y), *words)
        return self.run("-f", "/dev/null", *made) if not self.socket.exists() else self.run(*made)

    def ask(self, pane: str, form: str) -> str:
        """What a format expands to for `pane`. Not for text with `%`: dates expand."""
        return self.run("display-message", "-p", "-t", pane, form)

    def capture(self, pane: str) -> str:
        """The pane's screen with its history; wrapped lines are joined."""
        return self.run("capture-pane", "-p", "-J", "-S", "-", "-t", pane)

    def server_id(self) -> ServerId:
        pid, started = self.run("list-sessions", "-F", "#{pid} #{start_time}").splitlines()[0].split()
        return ServerId(str(self.socket), int(pid), int(started))

    def pin(self, pane: str) -> PanePin:
        return PanePin(self.server_id(), pane, int(self.ask(pane, "#{pane_pid}")))

    def wait_prompt(self, pane: str) -> None:
        """Until the pane's shell shows its prompt."""
        self.wait_until(lambda: self.capture(pane).rstrip().endswith("$"))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Poll `condition` until it holds; fail at the deadline."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > end:
                pytest.fail("the condition did not come true in time")
            time.sleep(0.01)

    async def until(self, condition: Callable[[], object]) -> None:
        """As `wait_until`, letting the loop run."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > end:
                pytest.fail("the condition did not come true in time")
            await asyncio.sleep(0.005)

    def kill(self) -> None:
        """End the server, if it runs, and wait until it has ended: it still listens for a moment."""
        pid = self.run("list-sessions", "-F", "#{pid}", check=False).split("\n")[0]
        self.run("kill-server", check=False)
        if pid:
            self.wait_until(lambda: not Path("/proc", pid, "fd", "0").exists())


@dataclass
class Terminal:
    """A client that is really attached: it runs in a pane of another server, whose screen can be read."""

    outer: TmuxServer
    pane: str
    client: str
    """Its name, as `list-clients` of the inner server tells it."""

    def screen(self) -> str:
        return self.outer.run("capture-pane", "-p", "-t", self.pane)


@pytest.fixture
def attach(
    new_server: Callable[[str], TmuxServer],
) -> Callable[[TmuxServer, str], Terminal]:
    """Attaches a terminal to a session of a server."""
    outer = new_server("terminals")

    def make(server: TmuxServer, session: str) -> Terminal:
        def clients() -> set[str]:
            return set(server.run("list-clients", "-F", "#{client_name}").split())

        before = clients()
        words = ["env", "-u", "TMUX", server.binary, "-u", "-S", str(server.socket)]
        pane = outer.new_session(f"for-{len(before)}-{time.monotonic_ns()}", *words, "attach", "-t", session)
        server.wait_until(lambda: clients() - before)
        (client,) = clients() - before
        server.wait_until(lambda: outer.capture(pane).strip())
        return Terminal(outer, pane, client)

    return make


@pytest.fixture(params=tmux_binaries(), ids=version_of)
def tmux_binary(request: pytest.FixtureRequest) -> str:
    binary: str = request.param
    return binary


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short private HOME and TMUX_TMPDIR (a socket's path is limited to 107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="ti-"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TMUX_TMPDIR", str(folder))
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("TMUX_PANE", raising=False)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_server(tmux_binary: str, home: Path) -> Iterator[Callable[[str], TmuxServer]]:
    """Makes servers, by the name of their socket; nothing runs before the first session."""
    made: list[TmuxServer] = []

    def make(name: str) -> TmuxServer:
        server = TmuxServer(tmux_binary, home, name)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def tmux_server(new_server: Callable[[str], TmuxServer]) -> TmuxServer:
    """A server that runs one session, `work`, with a bash at its prompt in pane `%0`."""
    server = new_server("default")
    pane = server.new_session("work")
    server.wait_prompt(pane)
    return server


@pytest.fixture
async def connection(tmux_server: TmuxServer) -> AsyncIterator[Connection]:
    """A connection to `tmux_server`."""
    made = await connect(tmux_server.socket, binary=tmux_server.binary)
    yield made
    await made.close()
