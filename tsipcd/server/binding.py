"""Where the listening socket comes from: our own path in the state folder, or systemd."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Final

from tsipc_client.wire.address import Address, make_private, socket_path
from tsipc_client.wire.errors import Broken, ErrorCode, Refused

BACKLOG: Final = 1024
"""Clients that may wait while the daemon recovers its journal. The system may allow fewer."""

_FIRST_PASSED: Final = 3
_PROBE_S: Final = 1.0
_ACTIVATION: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def bind(directory: Path) -> socket.socket:
    """A socket that listens in `directory`, for its owner only. The caller holds the folder's lock.

    A socket that an earlier daemon left is replaced. Raises `Refused` if something else is there or listens
    there, `OSError` if the file system does not do it.
    """
    make_private(directory)
    path = socket_path(directory)
    _clear(Path(path))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Set before, since between `bind` and a `chmod` anybody could connect.
        before = os.umask(0o177)
        try:
            with Address(path) as address:
                listener.bind(address)
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def activated() -> socket.socket | None:
    """The listening socket that systemd passed; None if it passed none. Its variables are used up.

    Raises `Broken` if what was passed is not one listening Unix socket.
    """
    pid, count, _ = (os.environ.pop(name, "") for name in _ACTIVATION)
    if pid != str(os.getpid()) or not count:
        return None
    if count != "1":
        raise Broken(ErrorCode.INTERNAL, f"systemd passed {count} sockets, not one", hint="see ts-ipc.socket")
    try:
        passed = socket.socket(fileno=_FIRST_PASSED)
    except OSError as exc:
        raise Broken(
            ErrorCode.INTERNAL, f"systemd passed no socket: {exc.strerror}", hint="see ts-ipc.socket"
        ) from exc
    passed.set_inheritable(False)
    is_right = passed.family == socket.AF_UNIX and passed.type == socket.SOCK_STREAM
    if not is_right or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        passed.close()
        raise Broken(
            ErrorCode.INTERNAL,
            "systemd passed something else than a listening Unix socket",
            hint="see ts-ipc.socket",
        )
    return passed


def _clear(path: Path) -> None:
    """Take away a socket that nobody listens on any more."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Refused(
            ErrorCode.NOT_ALLOWED, f"{path} is there and is no socket", hint="move it away and start again"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, Address(str(path)) as address:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass  # a backlog that is full, or a listener that hangs: somebody is there
    raise Refused(
        ErrorCode.NOT_ALLOWED,
        f"something listens on {path} already",
        hint="systemd may: then `systemctl --user start ts-ipc`, or stop ts-ipc.socket first",
    )
