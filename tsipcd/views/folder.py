"""A folder opened once; its files are reached relative to its descriptor. Knows nothing of their content.

What somebody may have planted there (symbolic links, pipes, hard links, devices) is never followed, waited
for or written through: reading and appending refuse it, replacing puts a new file in its place.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tsipcd.views.faults import bad_file

TEMPORARY = ".tmp-"
"""Files that begin so are half written, and nobody's."""

MAX_TEXT_BYTES = 4 << 20
"""The largest file that people edit and we read."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REFUSALS = {
    errno.ELOOP: "it is a symbolic link; only plain files are read here",
    errno.ENXIO: "it is no regular file",
    errno.EACCES: "we are not allowed to read it",
    errno.EPERM: "we are not allowed to read it",
}

Signature = tuple[int, int, int, int]
"""Of a file's version: mtime and ctime in nanoseconds, inode, size."""


class Folder:
    """One directory: ours, 0700, not a symbolic link. `path` is for people; all access goes through `fd`."""

    __slots__ = ("_numbers", "_parent", "fd", "path")

    def __init__(self, fd: int, path: str, parent: Folder | None = None) -> None:
        self.fd = fd
        self.path = path
        self._parent = parent
        self._numbers = itertools.count()

    @classmethod
    def open(cls, path: str) -> Self:
        """The folder at `path`, made if missing. Raises `WireError` (BAD_FILE) for one that is not ours."""
        folder = Path(path).absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        _check_above(folder)
        return cls._opened(str(folder), str(folder), None)

    def sub(self, name: str) -> Self:
        """The folder `name` in this one, made if missing; the same guarantees."""
        return self._opened(name, self.path_of(name), self)

    def follow(self) -> bool:
        """Be the folder that has this name now, made anew if it was deleted; whether that is another one.

        For a folder in another one. Raises `WireError` (BAD_FILE) and `OSError` as `sub` does.
        """
        if self._parent is None:
            return False
        name = Path(self.path).name
        found = self._parent.signature(name)
        if found is not None and found[2] == os.fstat(self.fd).st_ino:
            return False
        new = self._opened(name, self.path, self._parent)
        os.close(self.fd)
        self.fd = new.fd
        return True

    @classmethod
    def _opened(cls, name: str, path: str, parent: Folder | None) -> Self:
        dir_fd = parent.fd if parent is not None else None
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=dir_fd)
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=dir_fd)
        except OSError as exc:
            if exc.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            raise bad_file(
                path,
                "it is a symbolic link or no folder",
                hint="remove it, or set TS_IPC_DIR to the folder itself",
            ) from exc
        found = os.fstat(fd)
        if found.st_uid != os.geteuid():
            os.close(fd)
            raise bad_file(
                path, f"it belongs to uid {found.st_uid}", hint="set TS_IPC_DIR to a folder of yours"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(fd, 0o700)
        return cls(fd, path, parent)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)

    def path_of(self, name: str) -> str:
        """The path of `name`, for people."""
        return f"{self.path}/{name}"

    def names(self) -> list[str]:
        """Everything in it, sorted, half-written files excepted."""
        return sorted(name for name in self._all() if not name.startswith(TEMPORARY))

    def signature(self, name: str) -> Signature | None:
        """What tells one version of `name` from the next; None: it does not exist."""
        try:
            found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size)

    def open_reading(self, name: str) -> int | None:
        """A descriptor of the plain file `name`; None if there is none. Raises `WireError` (BAD_FILE)."""
        try:
            fd = os.open(name, os.O_RDONLY | _FILE, dir_fd=self.fd)
        except FileNotFoundError:
            return None
        except OSError as exc:
            if exc.errno not in _REFUSALS:
                raise
            raise bad_file(self.path_of(name), _REFUSALS[exc.errno]) from exc
        return self._checked(name, fd)

    def read(self, name: str, max_bytes: int = MAX_TEXT_BYTES) -> bytes | None:
        """The bytes of the plain file `name`, as `open_reading`; more than `max_bytes` are refused too."""
        fd = self.open_reading(name)
        if fd is None:
            return None
        with os.fdopen(fd, "rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise bad_file(self.path_of(name), f"it is larger than {max_bytes} bytes")
        return data

    def read_text(self, name: str, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
        """The text of the plain file `name`, as `read`; a byte order mark is left out."""
        data = self.read(name, max_bytes)
        try:
            return None if data is None else data.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            line = exc.object[: exc.start].count(b"\n") + 1
            raise bad_file(self.path_of(name), "it is not UTF-8", line=line) from exc

    def replace(
        self, name: str, data: bytes, *, durable: bool = True, check: Callable[[], None] | None = None
    ) -> None:
        """Put a new file (0600) with `data` in the place of `name`: a reader sees the old or the new one.

        `durable`: it is on disk on return. `check` is called last before the rename and may raise to keep
        the old file.
        """
        temporary, fd = self._create()
        try:
            try:
                write_all(fd, data)
                if durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
            if check is not None:
                check()
            os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=self.fd)
            raise
        if durable:
            os.fsync(self.fd)

    def _create(self) -> tuple[str, int]:
        """A new temporary file; what has such a name already was left by a killed life, or planted."""
        while True:
            name = f"{TEMPORARY}{next(self._numbers)}"
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE
                return name, os.open(name, flags, 0o600, dir_fd=self.fd)

    def open_appending(self, name: str) -> int:
        """A descriptor that reads `name` anywhere and writes at its end; it is made (0600) if missing."""
        try:
            fd = os.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FILE, 0o600, dir_fd=self.fd)
        except OSError as exc:
            if exc.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise
            raise bad_file(self.path_of(name), "it is no plain file") from exc
        return self._checked(name, fd)

    def rename(self, old: str, new: str) -> None:
        """Give `old` the name `new`, in the place of what has it."""
        os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def remove(self, name: str) -> None:
        """Remove `name` itself, never what it points to; none is no error."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)

    def sweep(self) -> None:
        """Remove what a killed life left half written. Only the one owner of the folder may call it."""
        for name in self._all():
            if name.startswith(TEMPORARY):
                with contextlib.suppress(IsADirectoryError, PermissionError):  # a folder is none of ours
                    self.remove(name)

    def _all(self) -> list[str]:
        return os.listdir(self.fd)  # noqa: PTH208 - a path knows no descriptor

    def _checked(self, name: str, fd: int) -> int:
        """`fd`, if it is a regular file that has no name but `name`; closed otherwise."""
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            raise bad_file(self.path_of(name), "it is no regular file")
        # 0: it was replaced since it was opened; what is read is the version before.
        if found.st_nlink > 1:
            os.close(fd)
            raise bad_file(self.path_of(name), "it has other hard links", hint="put a copy in its place")
        return fd


def _check_above(folder: Path) -> None:
    """Raise `WireError` (BAD_FILE) if another user could put a folder of theirs in the place of `folder`."""
    above = {*folder.parents, *folder.parent.resolve().parents, folder.parent.resolve()}
    for path in sorted(above):
        mode = path.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise bad_file(
                str(folder),
                f"everybody may replace what is in {path}",
                hint=f"chmod o-w {path}, or set TS_IPC_DIR to a folder elsewhere",
            )


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, however many writes it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
