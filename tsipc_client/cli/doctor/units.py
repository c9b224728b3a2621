"""The systemd units: whether they are there, switched on, and of this version."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tsipc_client.cli.doctor.finding import Finding, bad, ok, skipped, warn
from tsipc_client.cli.doctor.patient import Patient, run
from tsipc_client.cli.install import DROP_IN, SERVICE, SOCKET, unit_folder, unit_texts
from tsipc_client.wire.errors import WireError

_AGAIN = "ts-ipc daemon install"


def units(_patient: Patient) -> Iterator[Finding]:
    """What is installed, and whether it fits."""
    if sys.platform != "linux" or shutil.which("systemctl") is None:
        yield skipped("systemd", "there is none here; commands start the daemon")
        return
    folder = unit_folder()
    there = [name for name in (SOCKET, SERVICE) if (folder / name).is_file()]
    if not there:
        yield ok("systemd", "not installed; commands start the daemon")
        return
    if len(there) == 1:
        yield bad("systemd", f"only {there[0]} is installed", _AGAIN)
        return
    yield judge_texts({name: (folder / name).read_text() for name in there}, _shipped())
    drop_in = folder / f"{SERVICE}.d" / DROP_IN
    yield judge_python(drop_in.read_text() if drop_in.is_file() else "", sys.executable)
    yield from _manager()


def judge_texts(installed: dict[str, str], shipped: dict[str, str]) -> Finding:
    """Whether the units are those of this version."""
    old = [name for name, text in shipped.items() if installed.get(name) != text]
    if old:
        return warn("systemd", f"{', '.join(old)} of another version", f"install them again: {_AGAIN}")
    return ok("systemd", "installed, of this version")


def judge_python(drop_in: str, ours: str) -> Finding:
    """Whether the service runs the Python that runs this command."""
    commands = [
        line.removeprefix("ExecStart=") for line in drop_in.splitlines() if line.startswith("ExecStart=")
    ]
    words = shlex.split(commands[-1].replace("%%", "%")) if commands and commands[-1] else []
    if not words:
        return warn("unit's Python", "the unit does not name one", f"install it again: {_AGAIN}")
    if words[0] != ours:
        return warn("unit's Python", f"{words[0]}, this command runs {ours}", f"install it again: {_AGAIN}")
    return ok("unit's Python", words[0])


def judge_enabled(said: str) -> Finding:
    """What `systemctl is-enabled` said of both."""
    if said.split() == ["enabled", "enabled"]:
        return ok("units", "enabled")
    return warn("units", f"not enabled: {' '.join(said.split()) or 'no answer'}", f"switch them on: {_AGAIN}")


def judge_linger(*, lingers: bool) -> Finding:
    """Whether user services outlive the last session of their user."""
    if lingers:
        return ok("linger", "on: the daemon runs while you are logged out")
    return ok("linger", "off: the daemon ends with your last login; to keep it: loginctl enable-linger")


def _manager() -> Iterator[Finding]:
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    try:
        said = run(["systemctl", "--user", "is-enabled", SOCKET, SERVICE], XDG_RUNTIME_DIR=runtime)
    except subprocess.TimeoutExpired:
        yield warn("units", "the user manager does not answer", "see: systemctl --user status")
        return
    if not said.stdout.strip():
        yield warn("units", said.stderr.strip() or "no answer", "log in directly, not through su or sudo")
    else:
        yield judge_enabled(said.stdout)
    name = os.environ.get("USER") or str(os.getuid())
    yield judge_linger(lingers=(Path("/var/lib/systemd/linger") / name).exists())


def _shipped() -> dict[str, str]:
    try:
        return unit_texts()
    except (WireError, OSError):
        return {}
