"""Programs around ts-ipc: which of them PATH finds, here and for the daemon, the shells, Python, limits."""

from __future__ import annotations

import os
import platform
import pwd
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tsipc_client.cli.doctor.finding import Finding, bad, ok, skipped, warn
from tsipc_client.cli.doctor.patient import Patient, run
from tsipc_client.cli.doctor.tmux import complaint_of, sockets

PROGRAM = "ts-ipc"
SHELLS = frozenset(
    {"bash", "rbash", "zsh", "rzsh", "fish", "sh", "dash", "ash", "ksh", "ksh93", "rksh"}
    | {"busybox", "mksh", "lksh", "oksh", "loksh"}
)
"""Those in which steps can be followed. The daemon has its own list, and a test compares them."""
FILES, FEW_FILES = 256, 1024


def own_path(patient: Patient) -> Iterator[Finding]:
    """Which `ts-ipc` a script would run."""
    path = patient.environment.get("PATH", os.defpath)
    found = [str(Path(folder) / PROGRAM) for folder in path.split(os.pathsep) if folder]
    usable = [name for name in dict.fromkeys(found) if os.access(name, os.X_OK) and Path(name).is_file()]
    yield judge_path(usable, {name: os.path.realpath(name) for name in usable}, _running())


def judge_path(found: Sequence[str], real: dict[str, str], running: str) -> Finding:
    """`running` is the one that asks; empty if it was not started by name."""
    if not found:
        return warn("PATH", f"{PROGRAM} is not in PATH", "add the folder that it was installed into")
    different = list(dict.fromkeys(real[name] for name in found))
    if running and os.path.realpath(running) != different[0]:
        return warn("PATH", f"{found[0]} comes first, this is {running}", "put the one that you mean first")
    if len(different) > 1:
        return warn("PATH", f"several: {', '.join(found)}", "the first one counts; remove the others")
    return ok("PATH", found[0])


def _running() -> str:
    return sys.argv[0] if Path(sys.argv[0]).name == PROGRAM and Path(sys.argv[0]).is_file() else ""


def daemon_path(patient: Patient) -> Iterator[Finding]:
    """Whether the daemon's PATH leads to the same tmux."""
    pid = patient.daemon.pid
    if not pid:
        return
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        yield skipped("daemon's PATH", "this system does not tell")
        return
    path = next((os.fsdecode(entry[5:]) for entry in entries if entry.startswith(b"PATH=")), os.defpath)
    ours, its = shutil.which(patient.tmux_binary), shutil.which(patient.tmux_binary, path=path)
    yield judge_tmux_paths(ours, its)


def judge_tmux_paths(ours: str | None, its: str | None) -> Finding:
    """The tmux that we find, and that it finds."""
    if its is None:
        return bad(
            "daemon's PATH", "the daemon finds no tmux", "ts-ipc daemon restart; under systemd: install"
        )
    if ours is not None and os.path.realpath(ours) != os.path.realpath(its):
        return warn(
            "daemon's PATH",
            f"the daemon uses {its}, here it would be {ours}",
            "set [tmux] binary, or ts-ipc daemon restart",
        )
    return ok("daemon's PATH", f"it finds {its}")


def shells(patient: Patient) -> Iterator[Finding]:
    """The login shell, and what tmux servers start in their panes."""
    try:
        login = patient.environment.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        login = patient.environment.get("SHELL", "")
    found = {login} if login else set()
    binary = shutil.which(patient.tmux_binary)
    for path in sockets(patient) if binary else ():
        if complaint_of(str(binary), path) is not None:
            continue
        try:
            said = run([str(binary), "-u", "-S", str(path), "show-options", "-gv", "default-shell"])
        except subprocess.TimeoutExpired:
            continue
        found.update(said.stdout.split())
    yield judge_shells(sorted(found))


def judge_shells(paths: Sequence[str]) -> Finding:
    """Whether steps can be followed in them."""
    unknown = [path for path in paths if Path(path).name.removeprefix("-") not in SHELLS]
    if unknown:
        return warn(
            "shells",
            f"no steps in {', '.join(unknown)}",
            "steps of workflows run in bash, zsh, fish, dash and ksh only",
        )
    return ok("shells", ", ".join(paths) or "none are set")


def python(_patient: Patient) -> Iterator[Finding]:
    """Which Python runs ts-ipc."""
    yield ok("Python", f"{platform.python_version()} at {sys.executable}")


def descriptors(patient: Patient) -> Iterator[Finding]:
    """How many files the daemon may have open; without one, we."""
    limit = _limit_of(patient.daemon.pid) if patient.daemon.pid else None
    if limit is None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield judge_descriptors(limit)


def judge_descriptors(limit: int) -> Finding:
    """Each client and each tmux server takes one or two."""
    if limit == resource.RLIM_INFINITY or limit >= FEW_FILES:
        return ok("open files", "no limit" if limit == resource.RLIM_INFINITY else f"at most {limit:,}")
    seen, advice = f"at most {limit}", "raise it where the daemon is started: ulimit -n 4096"
    return bad("open files", seen, advice) if limit < FILES else warn("open files", seen, advice)


def _limit_of(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdecimal() else resource.RLIM_INFINITY
    return None
