"""tmux: that it is there, is known to work, and that its servers answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tsipc_client.cli.doctor.finding import Finding, bad, ok, skipped, warn
from tsipc_client.cli.doctor.patient import ASK_S, Patient, run
from tsipc_client.render.amounts import plural

OLDEST = (3, 1)
CRASHING = ((3, 2), (3, 5))
"""From, to: a control client that comes while a session goes can crash the server. See docs/tmux.md."""


def binary(patient: Patient) -> Iterator[Finding]:
    """The tmux that the settings name."""
    wanted = patient.tmux_binary
    found = shutil.which(wanted)
    if found is None:
        yield bad("tmux", f"{wanted} is not in PATH", "install tmux 3.1 or later, or set [tmux] binary")
        return
    said = run([found, "-V"]).stdout.strip()
    yield judge_version(said, found)


def judge_version(said: str, path: str) -> Finding:
    """What `tmux -V` said."""
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None:
        return warn("tmux", f"{path} says {said!r}", "this version is not known; 3.1 and later work")
    numbers = (int(version[1]), int(version[2]))
    if numbers < OLDEST:
        return bad("tmux", f"{said} at {path}", "ts-ipc needs tmux 3.1 or later")
    note = ""
    if CRASHING[0] <= numbers <= CRASHING[1]:
        note = "; servers of 3.2 to 3.5 may crash while a control client comes (docs/tmux.md)"
    return ok("tmux", f"{said} at {path}{note}")


def servers(patient: Patient) -> Iterator[Finding]:
    """Every socket that the daemon would look at."""
    found = shutil.which(patient.tmux_binary)
    answering, dead = 0, 0
    for path in sockets(patient):
        if not _listens(path):
            dead += 1
        elif found is None:
            yield skipped("tmux server", f"{path}: there is no tmux to ask it with")
        elif (complaint := complaint_of(found, path)) is None:
            answering += 1
        else:
            yield bad(
                "tmux server",
                f"{path}: {complaint}",
                "what is for its sessions waits; see whether it is stopped (kill -CONT its process) or hangs",
            )
    stale = f"; {plural(dead, 'socket')} without a server, which is harmless" if dead else ""
    answers = f"{plural(answering, 'server')} answered" if answering else "none runs that answers"
    yield ok("tmux servers", f"{answers}{stale}")


def sockets(patient: Patient) -> list[Path]:
    """Sockets of tmux servers, dead ones too."""
    temporary = patient.environment.get("TMUX_TMPDIR") or "/tmp"  # noqa: S108 - tmux's own
    places = [Path(temporary) / f"tmux-{os.getuid()}", *patient.tmux_places, *_neighbours(patient.directory)]
    own = patient.environment.get("TMUX", "").split(",")[0]
    found = [path for place in places for path in _sockets_in(place)]
    return list(dict.fromkeys([*found, *([Path(own)] if own else [])]))


def _neighbours(directory: Path) -> list[Path]:
    try:
        named = json.loads((directory.parent / "config.json").read_text())["socket_dir"]
        return [Path(os.path.expandvars(str(named))).expanduser()]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _sockets_in(place: Path) -> list[Path]:
    try:
        if place.is_dir():
            return sorted(path for path in place.iterdir() if stat.S_ISSOCK(path.lstat().st_mode))
        return [place] if stat.S_ISSOCK(place.lstat().st_mode) else []
    except OSError:
        return []


def _listens(path: Path) -> bool:
    """Whether somebody does; a server that stands still counts."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ASK_S)
        try:
            connection.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True


@cache
def complaint_of(binary: str, path: Path) -> str | None:
    """Why a server that listens is no use; None: it answers. Asked once: the answer may take its time."""
    try:
        said = run([binary, "-u", "-S", str(path), "display-message", "-p", "#{pid}"])
    except subprocess.TimeoutExpired:
        return f"no answer within {ASK_S:.0f} s"
    return None if said.stdout.strip().isdecimal() else (said.stderr.strip() or "it turned us away")
