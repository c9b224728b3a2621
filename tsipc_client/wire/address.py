"""Where the daemon is found: the state folder, and the socket in it. Opens no connection.

Every command loads this file before anything else: it imports nothing that costs time (`pathlib` alone is
half the start of a Python), and takes what it needs for a failure when there is one.
"""
# os.path, for that reason:
# ruff: noqa: PTH100, PTH101, PTH103, PTH111, PTH118

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from pathlib import Path
    from types import TracebackType

DIRECTORY_VARIABLE = "TS_IPC_DIR"
SOCKET_NAME = "ipc.sock"

MAX_ADDRESS_BYTES = 107 if sys.platform == "linux" else 103
"""What fits into a `sockaddr_un` beside its final zero."""

PRIVATE = 0o700


def state_path() -> str:
    """The state folder, absolute: `$TS_IPC_DIR`, or `~/.config/ts/ipc`. Raises `BadInput`."""
    chosen = os.environ.get(DIRECTORY_VARIABLE) or "~/.config/ts/ipc"
    path = os.path.expanduser(chosen)
    if path.startswith("~"):
        from tsipc_client.wire.errors import BadInput, ErrorCode  # noqa: PLC0415

        raise BadInput(
            ErrorCode.BAD_PARAMS, f"no home folder is known for {chosen}", hint=f"set {DIRECTORY_VARIABLE}"
        )
    return os.path.abspath(path)


def state_directory() -> Path:
    """`state_path` as a `Path`."""
    from pathlib import Path  # noqa: PLC0415

    return Path(state_path())


def socket_path(directory: str | os.PathLike[str]) -> str:
    """The daemon's socket in its state folder."""
    return os.path.join(os.fspath(directory), SOCKET_NAME)


def make_private(directory: str | os.PathLike[str]) -> None:
    """Create the state folder, or take it from others' reach; nobody but its owner may enter it.

    Raises `Refused` if it is not ours, `OSError` if it cannot be made.
    """
    os.makedirs(directory, mode=PRIVATE, exist_ok=True)
    found = os.lstat(directory)
    if stat.S_ISLNK(found.st_mode):
        from tsipc_client.wire.errors import ErrorCode, Refused  # noqa: PLC0415

        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"{os.fspath(directory)} is a symbolic link",
            hint=f"set {DIRECTORY_VARIABLE} to the folder itself",
        )
    if found.st_uid != os.geteuid():
        from tsipc_client.wire.errors import ErrorCode, Refused  # noqa: PLC0415

        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"{os.fspath(directory)} belongs to user {found.st_uid}, not to you",
            hint=f"set {DIRECTORY_VARIABLE} to a folder of your own",
        )
    if found.st_mode & 0o077:
        os.chmod(directory, PRIVATE)


def is_ours(connection: _socket.socket) -> bool:
    """Whether a process of our user listens at the other end, as the kernel has it. Raises `OSError`."""
    import _socket  # noqa: PLC0415 (loaded by whoever has a connection)

    if sys.platform == "linux":
        uid = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)[4:8]
    else:
        # LOCAL_PEERCRED, an xucred: its version, the user, the groups.
        uid = connection.getsockopt(0, 1, 76)[4:8]
    return int.from_bytes(uid, sys.byteorder) == os.geteuid()


class Address:
    """A socket's path in a form the kernel takes: `with Address(path) as name: sock.connect(name)`.

    A path that is too long for it is reached through a descriptor of its folder, where there is `/proc`;
    elsewhere entering raises `BadInput`. `OSError` if that folder cannot be opened.
    """

    __slots__ = ("_folder", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder = -1

    def __enter__(self) -> str:
        size = len(os.fsencode(self._path))
        if size <= MAX_ADDRESS_BYTES:
            return self._path
        if sys.platform != "linux":
            from tsipc_client.wire.errors import BadInput, ErrorCode  # noqa: PLC0415

            raise BadInput(
                ErrorCode.TOO_LARGE,
                f"the socket's path has {size} bytes, the system takes {MAX_ADDRESS_BYTES}: {self._path}",
                hint=f"set {DIRECTORY_VARIABLE} to a shorter path",
            )
        folder, name = os.path.split(self._path)
        self._folder = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{name}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1
