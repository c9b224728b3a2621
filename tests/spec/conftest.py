"""The installed commands against a real daemon and real tmux, as a user has them in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, call
from tests.support.tmux import Tmux
from tests.support.wait import until

TOOL = f'#!/bin/sh\nexec "{sys.executable}" -m tsipc_client "$@"\n'


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


class Shell:
    """A home, a tmux folder, and a PATH that has `ts-ipc` and stand-ins for npm, docker and curl."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ipc = home / ".config/ts/ipc"
        self.tmux = Tmux(home / "t")
        self.bin = home / "bin"
        self.bin.mkdir()
        self.tool("ts-ipc", TOOL)
        self.environment = {
            **self.tmux.environment,
            "HOME": str(home),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        self.environment.pop("TS_IPC_DIR", None)
        self.tmux.environment = self.environment

    def tool(self, name: str, text: str) -> None:
        """Put a command on the PATH."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script: str, *, stdin: str | None = None, **environment: str) -> Ran:
        """What a shell makes of `script`, pasted."""
        done = subprocess.run(
            ["bash", "-c", script],
            env={**self.environment, **environment},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, script: str) -> str:
        """Its standard output; it must succeed."""
        ran = self.run(script)
        assert ran.status == 0, ran
        return ran.out

    def sees(self, session: str, text: str) -> None:
        """Wait until the session's screen shows `text`."""
        until(lambda: text in self.tmux.screen(session), what=f"{text!r} in {session}")

    def delivered(self, message: str) -> None:
        """Wait until the message is delivered."""
        path = self.ipc / "ipc.sock"
        until(
            lambda: call(path, "show", id=message)["result"]["message"]["status"] == "delivered",
            what=f"{message} delivered",
        )

    def close(self) -> None:
        self.run("ts-ipc daemon stop", TS_IPC_NO_START="1")
        self.tmux.close()


@pytest.fixture
def shell(short_path: Path) -> Iterator[Shell]:
    """A fresh home with nothing in it; the daemon starts when the first command needs it."""
    shell = Shell(short_path)
    yield shell
    shell.close()


@pytest.fixture
def sessions(shell: Shell) -> Shell:
    """The spec's sessions, each with a bash at its prompt, and stand-ins that say what they did."""
    for name in ("npm", "docker", "docker-compose", "curl", "git", "systemctl", "nginx-switch-to-blue"):
        shell.tool(name, f'#!/bin/sh\necho "{name} did: $*"\n')
    for name in ("blacklist", "manager", "planka", "fortinet", "safework"):
        shell.tmux.session(f"claude-{name}")
    return shell
