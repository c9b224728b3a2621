"""The journal's folder, held by a descriptor. Every file is reached through it, never by its path.

Files are plain, ours, with one name and mode 0600; whatever else lies there is never followed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import time
from pathlib import Path

from tsipcd.journal.errors import Displaced, Locked, Unsafe

LOCK_DEADLINE_S = 10.0
"""An orphaned compaction notices within milliseconds that its daemon is gone."""
_LOCK_PAUSE_S = 0.01
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # non-blocking: opening a planted FIFO must not hang


def sync_data(fd: int) -> None:
    """The file's bytes are on disk when this returns; an `OSError` means that nobody knows."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


class Folder:
    """An open folder. Close it, or let whoever takes it over do so."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path
        self._status = os.fstat(fd)

    @classmethod
    def open(cls, path: Path | str) -> Folder:
        """The folder at `path`, made if missing, ours alone."""
        text = str(Path(path).absolute())
        try:
            os.mkdir(text, 0o700)  # noqa: PTH102 -- with this mode from the first moment on
        except FileExistsError:
            pass
        else:
            _sync_parent(text)
        folder = cls.existing(text)
        if os.fstat(folder.fd).st_mode & 0o077:
            os.fchmod(folder.fd, 0o700)
        return folder

    @classmethod
    def existing(cls, path: Path | str) -> Folder:
        """The folder at `path`, as it is."""
        text = str(Path(path).absolute())
        try:
            fd = os.open(text, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
        except OSError as exc:
            if exc.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Unsafe(text, "is no folder") from exc
            raise
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            os.close(fd)
            raise Unsafe(text, f"belongs to user {status.st_uid}")
        return cls(fd, text)

    def close(self) -> None:
        """Let go of the folder, and of its lock."""
        os.close(self.fd)

    def lock(self) -> None:
        """Hold the folder against recovery and compaction in other processes. Raises `Locked`."""
        deadline = time.monotonic() + LOCK_DEADLINE_S
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                if time.monotonic() > deadline:
                    raise Locked(self.path) from exc
                time.sleep(_LOCK_PAUSE_S)
            else:
                return

    def unlock(self) -> None:
        """Let others have the folder."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def expect_in_place(self, fd: int) -> None:
        """Raises `Displaced` unless the next start would find this folder, and the open file with its name.

        Bytes in a file that was deleted are durable for nobody.
        """
        if os.fstat(fd).st_nlink == 0:
            raise Displaced(self.path)
        try:
            found = os.lstat(self.path)  # after every sync
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise Displaced(self.path) from exc
        except OSError:
            return  # somebody closed a folder above, and can open it again
        if not os.path.samestat(found, self._status):
            raise Displaced(self.path)

    def names(self) -> list[str]:
        """What is in it, sorted."""
        return sorted(os.listdir(self.fd))  # noqa: PTH208 -- pathlib lists no descriptors

    def open_file(self, name: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of the plain file `name`. With `O_CREAT` its mode is 0600. Raises `Unsafe`."""
        try:
            fd = os.open(name, flags | _SAFE, 0o600, dir_fd=self.fd)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise Unsafe(self.path_of(name), "is a symbolic link") from exc
            if exc.errno in (errno.ENXIO, errno.EISDIR):
                raise Unsafe(self.path_of(name), "is no plain file") from exc
            raise
        status = os.fstat(fd)
        reason = ""
        if not stat.S_ISREG(status.st_mode):
            reason = "is no plain file"
        elif status.st_nlink != 1:
            reason = f"has {status.st_nlink} names (hard links)"
        elif status.st_uid != os.geteuid():
            reason = f"belongs to user {status.st_uid}"
        if reason:
            os.close(fd)
            raise Unsafe(self.path_of(name), reason)
        return fd

    def read_file(self, name: str, limit: int = -1) -> bytes:
        """The bytes of the plain file `name`, the first `limit` or all."""
        with os.fdopen(self.open_file(name), "rb") as file:
            return file.read(limit)

    def size_of(self, name: str) -> int:
        """The size of `name`, which may be a link."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_size

    def rename(self, old: str, new: str) -> None:
        """`old` is `new` from now on, replacing it; durable after `sync`."""
        os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def remove(self, name: str) -> None:
        """`name` is gone; durable after `sync`. A name that is not there is no error. Raises `Unsafe`."""
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError) as exc:  # as Linux and macOS say it of a folder
            raise Unsafe(self.path_of(name), "cannot be removed: is it a folder?") from exc

    def sync(self) -> None:
        """The names in the folder are on disk."""
        os.fsync(self.fd)

    def path_of(self, name: str) -> str:
        """For people."""
        return f"{self.path}/{name}"


def _sync_parent(path: str) -> None:
    fd = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
