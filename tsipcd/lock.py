"""One daemon for each state folder: a lock that the kernel gives back however the daemon ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
from pathlib import Path

from tsipc_client.wire.errors import WireError
from tsipcd.views.faults import bad_file

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
    """A descriptor that holds the lock until it is closed.

    Raises `AlreadyRunning`, `OSError`, and `WireError` (BAD_FILE) if it is no plain file.
    """
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
    """The lock, after the daemon that has it was told to stop and has stopped. Raises as `take`.

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


def hold(directory: Path) -> int:
    """The lock, for somebody who is no daemon and changes nothing; -1 if there was never a daemon here.

    Until the descriptor is closed no daemon can start. Raises `AlreadyRunning`, `OSError`.
    """
    try:
        fd = os.open(directory / FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _holder(fd)
        os.close(fd)
        raise AlreadyRunning(directory, pid) from None
    return fd


def _open(directory: Path) -> int:
    """The file, which will be cut and written: it must be ours and have no other name."""
    path = directory / FILE
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
        raise _no_plain_file(path) from error
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
        return fd
    os.close(fd)
    raise _no_plain_file(path)


def _no_plain_file(path: Path) -> WireError:
    return bad_file(
        str(path), "it is no plain file of ours with one name", hint="move it away and start again"
    )


def _holder(fd: int) -> str:
    """The process id of whoever has the lock: its holder writes it."""
    return os.pread(fd, 32, 0).decode("ascii", "replace").strip()


def _sign(fd: int) -> None:
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
