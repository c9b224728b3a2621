"""The kernel's view of a terminal: who is in its foreground, how it reads lines, when a process ends.

Reads /proc and the terminal's settings; changes nothing and never waits. Knows no tmux. Where the kernel does
not tell (another system, another user's process), the answer is None, and the caller must judge without it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = "/proc"
_PART_BYTES = 1 << 16

READS_TERMINAL = frozenset({"wait_woken", "n_tty_read"})
"""Where a process sleeps in the kernel while it reads a terminal; the name depends on the kernel's age."""

# struct pidfd_info of <linux/pidfd.h>, as first released: mask, cgroup, 11 ids, exit status.
_PIDFD_INFO = struct.Struct("=QQ11Ii")
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_GET_INFO = (3 << 30) | (_PIDFD_INFO.size << 16) | (0xFF << 8) | 11


_READ_CALLS = {"x86_64": "0", "aarch64": "63"}
"""The number of read(2) by machine."""
_COUNT_WORD = 3

MAX_LINE_BYTES = 4095 if sys.platform == "linux" else 1023
"""Of a line in line mode, without its end. More is dropped by the terminal."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process in the foreground of a terminal."""

    pid: int
    name: str
    """As the kernel has it, cut to 15 bytes."""
    argv: tuple[str, ...] = ()
    uid: int | None = None
    runs: bool = False
    """It is computing at this moment, rather than waiting for something."""


@dataclass(frozen=True, slots=True)
class LineMode:
    """How a terminal reads: whole lines, or key by key; shown, or not."""

    canonical: bool
    echo: bool
    unread_bytes: int = 0
    """Typed, and not read by the program yet."""


@cache
def tells_processes() -> bool:
    """Whether this system has a /proc to ask."""
    return os.path.exists(f"{PROC}/self/stat")  # noqa: PTH110 - as below


def foreground_of(pid: int) -> Process | None:
    """The process in the foreground of the terminal that `pid` (a session leader) controls.

    Usually its group's leader; if that ended before the others of a pipeline, a child of `pid` in the group.
    """
    if (group := foreground_group(pid)) <= 0:
        return None
    return process(group) or _child_in_group(pid, group)


def foreground_group(pid: int) -> int:
    """The process group in the foreground of the terminal that `pid` controls; not above 0: there is none."""
    fields = _stat(pid)
    return int(fields[5]) if fields is not None else 0


def group_of(pid: int) -> int:
    """The process group that `pid` is in; 0: it ended."""
    fields = _stat(pid)
    return int(fields[2]) if fields is not None else 0


def below(pid: int) -> list[int]:
    """The children of `pid`, and theirs, as far as the kernel tells."""
    found: list[int] = []
    parents = [pid]
    while parents:
        children = _children(parents.pop())
        found += children
        parents += children
    return found


def process(pid: int) -> Process | None:
    """What the kernel tells about `pid`; None: it ended."""
    try:
        name = _read(pid, "comm").rstrip(b"\n")
        words = _read(pid, "cmdline").split(b"\0")[:-1]
        uid = os.stat(f"{PROC}/{pid}").st_uid  # noqa: PTH116 - as below
    except OSError:
        return None
    fields = _stat(pid)
    runs = fields is not None and fields[0] == "R"
    return Process(pid, os.fsdecode(name), tuple(os.fsdecode(word) for word in words), uid, runs)


def _child_in_group(pid: int, group: int) -> Process | None:
    return next((process(child) for child in _children(pid) if group_of(child) == group), None)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in _read(pid, f"task/{pid}/children").split()]
    except OSError:
        return []


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name: state, ppid, pgrp, session, tty, tpgid, ..."""
    try:
        return _read(pid, "stat").decode("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def _read(pid: int, name: str) -> bytes:
    """All of /proc/PID/NAME. Raises `OSError`."""
    # Not by pathlib, which takes longer than the kernel: every look at a pane reads four of these.
    descriptor = os.open(f"{PROC}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while part := os.read(descriptor, _PART_BYTES):
            data += part
        return data
    finally:
        os.close(descriptor)


def line_mode(terminal: str) -> LineMode | None:
    """The settings of the terminal at this path; None: it is gone or not ours."""
    try:
        descriptor = os.open(terminal, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        local = termios.tcgetattr(descriptor)[3]
        unread = int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
    except (termios.error, OSError):
        return None
    finally:
        os.close(descriptor)
    return LineMode(bool(local & termios.ICANON), bool(local & termios.ECHO), unread)


def reads_terminal(pid: int) -> bool | None:
    """Whether `pid` sleeps in a read of a terminal; None: the kernel does not say."""
    try:
        place = _read(pid, "wchan").decode()
    except OSError:
        return None
    if place in ("", "0"):
        # It runs, or we may not know.
        fields = _stat(pid)
        return False if fields is not None and fields[0] == "R" else None
    return place in READS_TERMINAL


def asked_bytes(pid: int) -> int | None:
    """How many bytes the read asks for in which `pid` sleeps; None: it is in none, or we may not know."""
    try:
        words = _read(pid, "syscall").decode().split()
    except OSError:
        return None
    if len(words) <= _COUNT_WORD or words[0] != _READ_CALLS.get(os.uname().machine):
        return None
    return int(words[_COUNT_WORD], 16)


def has_open(pid: int, folder: Path) -> bool:
    """Whether `pid` holds a regular file below `folder` open."""
    try:
        entries = list(Path(PROC, str(pid), "fd").iterdir())
    except OSError:
        return False
    for entry in entries:
        # It may have been closed since.
        with suppress(OSError):
            if folder in entry.readlink().parents:
                return True
    return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process; a zombie counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when `pid` ends; None: it ended, or this system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def exit_code_of(pidfd: int) -> int | None:
    """What the process behind `pidfd` ended with, its signal as a negative number; asked after its end.

    From Linux 6.15 on, and once its parent has taken note; None before.
    """
    try:
        answer = fcntl.ioctl(pidfd, _PIDFD_GET_INFO, _PIDFD_INFO.pack(_PIDFD_INFO_EXIT, *[0] * 13))
    except OSError:
        return None
    mask, *_, status = _PIDFD_INFO.unpack(answer)
    if not mask & _PIDFD_INFO_EXIT:
        return None
    return os.waitstatus_to_exitcode(status)
