"""What all checks ask about: the state folder, its daemon if one runs, and a few facts that several need.

Every question has a deadline. Nothing here starts a daemon: one is only spoken to if its process lives.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tsipc_client
from tsipc_client.cli import journal_check
from tsipc_client.client import Client
from tsipc_client.launch import LOCK_NAME
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import MessageView, StatusReport

ASK_S = 10.0
"""How long anything may take to answer."""
OWN_S = 60.0
"""The same for our own code: it answers, however busy the machine is."""
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Daemon:
    """What the daemon said, or why it did not."""

    pid: int = 0
    """0: none runs."""
    report: StatusReport | None = None
    pending: tuple[MessageView, ...] = ()
    silence: str = ""
    """Why it did not answer."""


@dataclass
class Patient:
    """One state folder, looked at once."""

    directory: Path
    read_s: float | None = None
    """How long reading the journal may take; None: as long as it does."""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @cached_property
    def daemon(self) -> Daemon:
        """The daemon of the folder."""
        pid = holder(self.directory)
        if not pid:
            return Daemon()
        try:
            with Client(self.directory, timeout_s=ASK_S, start=False) as client:
                return Daemon(pid, client.status(), client.queue(_MOST, pending=True).messages)
        except WireError as error:
            return Daemon(pid, silence=error.message)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """`config.toml`, as far as it can be read; the check of the edited files says if it cannot."""
        try:
            return tomllib.loads((self.directory / "config.toml").read_text())
        except (OSError, ValueError):
            return {}

    @property
    def tmux_binary(self) -> str:
        """Which tmux the daemon is set to."""
        binary = self._section("tmux").get("binary")
        return binary if isinstance(binary, str) else "tmux"

    @property
    def tmux_places(self) -> list[Path]:
        """Sockets and folders of sockets that the settings name."""
        section = self._section("tmux")
        names = [*_texts(section.get("sockets")), *_texts(section.get("socket_dirs"))]
        return [Path(os.path.expandvars(name)).expanduser() for name in names]

    @cached_property
    def journal(self) -> dict[str, Any]:
        """The report of `fsck`. Only without a daemon. Raises `WireError`."""
        return journal_check.look(self.directory, timeout_s=self.read_s)

    def refusals(self) -> list[dict[str, str]]:
        """The edited files that the daemon would refuse. Raises `OSError`, `ValueError`."""
        done = run([sys.executable, "-m", "tsipcd.edited", str(self.directory)], OWN_S)
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    def _section(self, name: str) -> dict[str, Any]:
        section = self.settings.get(name)
        return section if isinstance(section, dict) else {}


def run(command: list[str], within_s: float = ASK_S, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command prints, within the deadline. Raises `OSError`, `subprocess.TimeoutExpired`."""
    return subprocess.run(
        command,
        cwd=Path(tsipc_client.__file__).parent.parent,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=within_s,
        check=False,
    )


def holder(directory: Path) -> int:
    """The process that has the daemon's lock file open and signed it; 0: none."""
    lock = directory / LOCK_NAME
    try:
        found = lock.stat()
        pid = int(lock.read_text()[:32])
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return 0 if Path("/proc/self").exists() else _living(lock)
    except (OSError, ValueError):
        return 0
    return pid if any(_is_same(descriptor, found) for descriptor in descriptors) else 0


def _living(lock: Path) -> int:
    """Where there is no /proc: the process that signed it, if it lives."""
    try:
        pid = int(lock.read_text()[:32])
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    return pid


def _is_same(descriptor: Path, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), found)
    except OSError:
        return False


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
