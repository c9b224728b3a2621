"""The state folder: whose it is, where it lies, how much room there is, and what lies in it."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tsipc_client.cli.doctor.finding import Finding, bad, ok, skipped, warn
from tsipc_client.cli.doctor.patient import Patient
from tsipc_client.render.amounts import duration, plural, size
from tsipc_client.wire.address import MAX_ADDRESS_BYTES, socket_path

OTHERS = 0o077
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "davfs", "ncpfs"}
)
MEMORY = frozenset({"tmpfs", "ramfs"})
ROOM_BYTES, LITTLE_ROOM_BYTES = 16 << 20, 256 << 20
INODES, FEW_INODES = 10, 1000
AHEAD_S = 3600.0


def owner(patient: Patient) -> Iterator[Finding]:
    """The folder itself."""
    path = patient.directory
    yield from above(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        yield ok("state folder", f"{path} is not there yet; the first command makes it")
        return
    yield judge_owner(str(path), found, os.geteuid(), usable=os.access(path, os.R_OK | os.W_OK | os.X_OK))


def above(path: Path) -> Iterator[Finding]:
    """The folders in which others could put one of theirs in its place, if there are any."""
    for folder in path.resolve().parents:
        if folder.exists() and (mode := folder.stat().st_mode) & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield bad("state folder", f"everybody may replace what is in {folder}", f"chmod o-w {folder}")


def judge_owner(path: str, found: os.stat_result, we: int, *, usable: bool) -> Finding:
    """By its kind, its owner and its mode."""
    name = "state folder"
    if not stat.S_ISDIR(found.st_mode):
        return bad(name, f"{path} is no folder, or a link", "set TS_IPC_DIR to the folder itself")
    if found.st_uid != we:
        return bad(name, f"{path} belongs to user {found.st_uid}", "set TS_IPC_DIR to a folder of yours")
    if not usable:
        return bad(name, f"{path} cannot be read and written by you", f"chmod 700 {path}")
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS:
        return warn(name, f"{path} has mode {mode:o}: others can look in", f"chmod 700 {path}")
    return ok(name, f"{path}, yours alone")


def file_system(patient: Patient) -> Iterator[Finding]:
    """What kind of disk it lies on."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        yield skipped("file system", "this system does not tell")
        return
    yield judge_file_system(kind_of(mounts, patient.directory.resolve()))


def kind_of(mounts: str, path: Path) -> str:
    """The kind of the file system that `path` lies on, from the text of `mountinfo`."""
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        if (path == Path(point) or Path(point) in path.parents) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def judge_file_system(kind: str) -> Finding:
    """Whether what is synced there stays, and locks hold."""
    if kind in NETWORK:
        advice = "locks and syncs cannot be relied on there; set TS_IPC_DIR to a folder on a local disk"
        return warn("file system", f"{kind}, over a network", advice)
    if kind in MEMORY:
        return warn("file system", f"{kind}, in memory: lost at the next boot", "set TS_IPC_DIR to a disk")
    return ok("file system", kind or "unknown")


def address(patient: Patient) -> Iterator[Finding]:
    """The socket's path, and the socket."""
    path = socket_path(patient.directory)
    yield judge_length(path, len(os.fsencode(path)), linux=sys.platform == "linux")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        yield bad("socket", f"{path} is no socket", "remove it, then: ts-ipc daemon restart")
    elif found.st_uid != os.geteuid() or found.st_mode & OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        yield bad("socket", f"{path}: user {found.st_uid}, mode {mode:o}", "ts-ipc daemon restart")
    else:
        yield ok("socket", f"mode {stat.S_IMODE(found.st_mode):o}, yours alone")


def judge_length(path: str, count: int, *, linux: bool) -> Finding:
    """Whether the kernel takes it."""
    if count <= MAX_ADDRESS_BYTES:
        return ok("socket path", f"{count} bytes of {MAX_ADDRESS_BYTES}")
    seen = f"{count} bytes, the system takes {MAX_ADDRESS_BYTES}: {path}"
    advice = "set TS_IPC_DIR to a shorter path"
    if linux:
        return warn(
            "socket path", seen, f"ts-ipc finds a way around; systemd and other clients do not: {advice}"
        )
    return bad("socket path", seen, advice)


def room(patient: Patient) -> Iterator[Finding]:
    """Bytes and inodes that are free."""
    at = next((path for path in (patient.directory, *patient.directory.parents) if path.exists()), None)
    if at is None:
        return
    found = os.statvfs(at)
    yield judge_room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def judge_room(free_bytes: int, inodes: int | None) -> Finding:
    """Whether new work has a place."""
    files = "" if inodes is None else f", {inodes:,} files"
    seen = f"{size(free_bytes)} free{files}"
    advice = "free some space where the state folder lies; new messages are refused when none is left"
    if free_bytes < ROOM_BYTES or (inodes is not None and inodes < INODES):
        return bad("disk space", seen, advice)
    if free_bytes < LITTLE_ROOM_BYTES or (inodes is not None and inodes < FEW_INODES):
        return warn("disk space", seen, advice)
    return ok("disk space", seen)


def edited_files(patient: Patient) -> Iterator[Finding]:
    """`config.toml`, `subscriptions.json` and the workflows."""
    refused = patient.refusals()
    for one in refused:
        yield bad("edited files", f"{one['what']}. {one['problem']}", one["hint"] or "correct it")
    if not refused:
        yield ok("edited files", "settings, subscriptions and workflows can be read")


def leftovers(patient: Patient) -> Iterator[Finding]:
    """Copies and cut-off ends that nobody has looked at yet."""
    found = [
        *patient.directory.glob("journal/*.broken-*"),
        *patient.directory.glob("journal.before-salvage-*"),
    ]
    if found:
        taken = sum(_size_of(path) for path in found)
        yield warn(
            "leftovers",
            f"{plural(len(found), 'piece')} kept of a broken journal, {size(taken)}",
            f"delete them when you need them no more: ts-ipc fsck lists them ({found[0].name})",
        )
    else:
        yield ok("leftovers", "none")


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether time went back."""
    newest = 0.0
    for path in (
        patient.directory / name for name in ("events.log", "events.position", "daemon.log", "lock")
    ):
        try:
            newest = max(newest, path.lstat().st_mtime)
        except FileNotFoundError:
            continue
    yield judge_clock(time.time(), newest)


def judge_clock(now: float, newest: float) -> Finding:
    """By the youngest file, which cannot be younger than now."""
    if newest - now > AHEAD_S:
        return warn(
            "clock",
            f"the youngest file is {duration(newest - now)} ahead of the clock",
            "set the clock; messages that wait expire by it",
        )
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now)))


def _size_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files)
