"""One daemon for each state folder: a lock that the kernel gives back however the daemon ends."""

from __future__ import annotations

import errno
import fcntl
import os
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
    fd = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        os.close(fd)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise AlreadyRunning(directory, pid) from None
        raise
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
