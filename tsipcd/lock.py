"""One daemon for each state folder: two locks that the kernel gives back however the daemon ends.

The file `lock` is for everybody to see: it names its holder. The folder itself is locked too, because a file
can be deleted and made anew while a daemon runs, and two daemons in one journal would be the end of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import time
from pathlib import Path
from typing import Final

from tsipc_client.wire.errors import WireError
from tsipcd.views.faults import bad_file

FILE: Final = "lock"

TAKE_OVER_S: Final = 60.0
"""How long a daemon that was told to stop may take. It drains within seconds; who started us tries again."""

_LOOK_S: Final = 0.02


class AlreadyRunning(Exception):
    """Another daemon serves this folder."""

    def __init__(self, directory: Path, pid: str) -> None:
        super().__init__(directory, pid)
        self.directory = directory
        self.pid = pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who} is the daemon of {self.directory} already"


class Held:
    """Both locks, until `release`."""

    def __init__(self, file: int, folder: int) -> None:
        self._fds = (file, folder)

    def release(self) -> None:
        """Another daemon may serve the folder."""
        for fd in self._fds:
            os.close(fd)


def take(directory: Path) -> Held:
    """Both. Raises `AlreadyRunning`, `OSError`, and `WireError` (BAD_FILE) if `lock` is no plain file."""
    with contextlib.ExitStack() as opened:
        file = _open(directory)
        opened.callback(os.close, file)
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(directory, _holder(file)) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        opened.pop_all()
    return Held(file, folder)


def take_over(directory: Path, within_s: float = TAKE_OVER_S) -> Held:
    """The locks, after the daemon that has them was told to stop and has stopped.

    For when nobody can reach that one any more: systemd listens in its place, or its socket was deleted. A
    process that holds the lock and is not our daemon is waited for, and told nothing. Raises `AlreadyRunning`
    if it does not end in time, and otherwise as `take`.
    """
    deadline = time.monotonic() + within_s
    told = ""
    while True:
        try:
            return take(directory)
        except AlreadyRunning as running:
            if running.pid not in ("", told):
                told = running.pid
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(told), signal.SIGTERM)
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_S)


def hold(directory: Path) -> int:
    """The lock of the folder, for somebody who is no daemon and makes no file; -1 if there is no folder.

    Until the descriptor is closed no daemon can start. Raises `AlreadyRunning`, `OSError`.
    """
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise AlreadyRunning(directory, _named(directory)) from None
    return folder


def _named(directory: Path) -> str:
    """The holder, as far as the file tells."""
    try:
        fd = os.open(directory / FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return _holder(fd)
    finally:
        os.close(fd)


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
    """The process that wrote its number into the lock and has the file open; empty: not known.

    The number alone may be that of a daemon long gone, and belong to any other process by now.
    """
    pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    if not (pid.isascii() and pid.isdecimal() and int(pid) > 1):
        return ""
    descriptors = Path("/proc") / pid / "fd"
    if not descriptors.parent.parent.joinpath("self").exists():
        return pid  # no /proc here: take its word
    lock = os.fstat(fd)
    try:
        for descriptor in descriptors.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(descriptor.stat(), lock):
                    return pid
    except OSError:
        pass  # it is gone, or another user's
    return ""
