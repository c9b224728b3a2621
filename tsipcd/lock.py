"""One daemon for each state folder: a lock that the kernel gives back however the daemon ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from pathlib import Path

FILE = "lock"


class AlreadyRunning(Exception):
    """Another daemon serves this folder."""

    def __init__(self, directory: Path, pid: str) -> None:
        super().__init__(directory, pid)
        self.directory = directory
        self.pid = pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who} is the daemon of {self.directory} already"


def take(directory: Path) -> int:
    """A descriptor that holds the lock until it is closed. Raises `AlreadyRunning`, `OSError`."""
    fd = _open(directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _holder(fd)
        os.close(fd)
        raise AlreadyRunning(directory, pid) from None
    _sign(fd)
    return fd


def take_over(directory: Path) -> int:
    """The lock, after the daemon that has it was told to stop and has stopped. Raises `OSError`.

    For a daemon that systemd starts: the socket is its own by then, and the other one can be reached no more.
    """
    fd = _open(directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _holder(fd)
        if pid.isdecimal():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        # It drains within seconds; systemd ends us if it does not, and tries again.
        fcntl.flock(fd, fcntl.LOCK_EX)
    _sign(fd)
    return fd


def _open(directory: Path) -> int:
    return os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _holder(fd: int) -> str:
    """The process id of whoever has the lock: its holder writes it."""
    return os.pread(fd, 32, 0).decode("ascii", "replace").strip()


def _sign(fd: int) -> None:
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
