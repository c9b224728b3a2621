"""A connection to the daemon, started first if need be: however many clients ask at once, one daemon comes.

The clients that find none line up at `start.lock`. The first starts a daemon; each of the others looks again
when its turn comes, and finds it. The daemon's own lock in the folder stays the last word.
"""
# The folder is text here, for the reason in `wire.address`:
# ruff: noqa: PTH118, PTH119, PTH123

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import time

from tsipc_client.wire.address import DIRECTORY_VARIABLE, Address, is_ours, make_private, socket_path
from tsipc_client.wire.errors import ErrorCode, Refused, Unreachable

NO_START_VARIABLE = "TS_IPC_NO_START"
LOG_NAME = "daemon.log"
START_LOCK_NAME = "start.lock"
LOCK_NAME = "lock"

START_S = 10.0
"""How long a daemon may take until it accepts connections, an older one's last work included."""

_FIRST_LOOK_S, _LAST_LOOK_S = 0.002, 0.05
_MAX_LOG_BYTES = 1 << 20
_LOG_TAIL_BYTES, _LOG_TAIL_LINES = 4096, 5

# What a terminal, a service manager or tmux told us about ourselves, and not about the daemon.
_NOT_INHERITED = frozenset(
    {"TMUX", "TMUX_PANE", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID"}
    | {"WATCHDOG_USEC", "JOURNAL_STREAM"}
)

# The shell ends at once: the daemon is nobody's child, so no client ever has to wait for it.
_SPAWN = '"$@" >&2 & echo "$!"'


def connect(
    directory: str | os.PathLike[str], *, start: bool = True, timeout_s: float = START_S
) -> socket.socket:
    """A blocking socket that is connected to the daemon of `directory`. Raises `Unreachable`, `Refused`."""
    folder = os.fspath(directory)
    deadline = time.monotonic() + timeout_s
    connection = _knock(folder, deadline)
    if connection is not None:
        return connection
    if not start or os.environ.get(NO_START_VARIABLE):
        raise Unreachable(
            ErrorCode.UNREACHABLE, f"no daemon runs in {folder}", hint="start it: ts-ipc daemon start"
        )
    try:
        make_private(folder)
        return _Start(folder, deadline).connection()
    except OSError as exc:
        raise Unreachable(
            ErrorCode.UNREACHABLE,
            f"no daemon can be started in {folder}: {exc.strerror}",
            hint=f"see to the folder, or set {DIRECTORY_VARIABLE} to another one",
        ) from exc


def ensure(directory: str | os.PathLike[str], timeout_s: float = START_S) -> None:
    """A daemon serves `directory` when this returns. Raises `Unreachable`, `Refused`."""
    connect(directory, timeout_s=timeout_s).close()


class _Start:
    """One client's attempt to get a daemon going, alone or in line."""

    def __init__(self, folder: str, deadline: float) -> None:
        self._folder = folder
        self._deadline = deadline
        self._log = os.path.join(folder, LOG_NAME)
        self._child = 0

    def connection(self) -> socket.socket:
        lock = open_plain(os.path.join(self._folder, START_LOCK_NAME), os.O_RDWR | os.O_CREAT)
        try:
            return self._wait(lock)
        finally:
            os.close(lock)

    def _wait(self, lock: int) -> socket.socket:
        """Look again and again: for the daemon, for our turn to start one, for how that went."""
        pause_s = _FIRST_LOOK_S
        is_our_turn = False
        while True:
            is_our_turn = is_our_turn or _locked(lock)
            # After the lock was had: whoever had it before us may have started one.
            if (connection := _knock(self._folder, self._deadline)) is not None:
                return connection
            if is_our_turn:
                self._see_to_child()
            if time.monotonic() >= self._deadline:
                raise Unreachable(
                    ErrorCode.UNREACHABLE,
                    f"the daemon in {self._folder} did not come up in time",
                    hint=_tail(self._log) or "see: ts-ipc daemon logs",
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LAST_LOOK_S)

    def _see_to_child(self) -> None:
        if self._child == 0:
            self._child = _spawn(self._folder, self._log)
        elif not _is_alive(self._child):
            holder = _holder(self._folder)
            if holder in (0, self._child):
                raise Unreachable(
                    ErrorCode.UNREACHABLE,
                    f"the daemon in {self._folder} ended as soon as it was started",
                    hint=_tail(self._log) or "see: ts-ipc daemon logs",
                )
            if not _is_alive(holder):
                self._child = 0  # an older daemon had to finish first; now it is our turn


def _knock(folder: str, deadline: float) -> socket.socket | None:
    """A connection, if a daemon listens; waits while more clients line up than the system has room for."""
    while True:
        try:
            return _connected(folder, deadline)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except (BlockingIOError, TimeoutError) as exc:
            if time.monotonic() >= deadline:
                raise Unreachable(
                    ErrorCode.UNREACHABLE,
                    f"the daemon in {folder} takes no connections",
                    hint="it may hang: ts-ipc daemon restart",
                ) from exc
            time.sleep(_LAST_LOOK_S)
        except OSError as exc:
            raise Unreachable(
                ErrorCode.UNREACHABLE,
                f"the daemon's socket in {folder} cannot be reached: {exc.strerror}",
                hint="the folder must be yours, mode 0700, and its socket 0600",
            ) from exc


def _connected(folder: str, deadline: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(max(deadline - time.monotonic(), _FIRST_LOOK_S))
        with Address(socket_path(folder)) as address:
            connection.connect(address)
        _check_listener(connection, folder)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_listener(connection: socket.socket, folder: str) -> None:
    if not is_ours(connection):
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"another user listens on the socket in {folder}; nothing was sent",
            hint=f"set {DIRECTORY_VARIABLE} to a folder that only you can write to",
        )


def open_plain(path: str, flags: int) -> int:
    """A descriptor of the plain file `path`; with `O_CREAT` one is made if missing, for us alone.

    Whatever else may lie there (links, pipes, devices) is not followed, waited for or written to. Raises
    `OSError`.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        if exc.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise
        raise _no_plain_file(path) from exc
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return fd
    os.close(fd)
    raise _no_plain_file(path)


def _no_plain_file(path: str) -> OSError:
    return OSError(errno.EINVAL, f"{os.path.basename(path)} is no plain file with one name", path)


def _locked(lock: int) -> bool:
    import fcntl  # noqa: PLC0415 - only to start a daemon

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _spawn(folder: str, log_path: str) -> int:
    """Start a daemon that outlives us, in a session of its own; its process id."""
    import subprocess  # noqa: PLC0415 - only to start a daemon

    environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    environment[DIRECTORY_VARIABLE] = folder
    with open(_opened_log(log_path), "ab") as log:
        done = subprocess.run(
            ["/bin/sh", "-c", _SPAWN, "sh", sys.executable, "-m", "tsipcd"],
            # Beside this package lies the daemon that belongs to it, installed or not.
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),  # noqa: PTH100, PTH120
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            timeout=START_S,
            check=True,
        )
    return int(done.stdout)


def _opened_log(path: str) -> int:
    """The log, for appending; a long one is put aside first."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    log = open_plain(path, flags)
    if os.fstat(log).st_size <= _MAX_LOG_BYTES:
        return log
    os.close(log)
    os.replace(path, f"{path}.1")  # noqa: PTH105
    return open_plain(path, flags)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as file:
            # Its parent may never ask how a process ended, as in containers; it has ended all the same.
            return not file.read().rpartition(b")")[2].lstrip().startswith(b"Z")
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's, or no /proc


def _holder(folder: str) -> int:
    """The process that last took the daemon's lock; 0: none."""
    try:
        with open(open_plain(os.path.join(folder, LOCK_NAME), os.O_RDONLY), "rb") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return 0


def _tail(log_path: str) -> str:
    """The last lines of the daemon's log."""
    from tsipc_client.wire.text import visible  # noqa: PLC0415 - only for an error

    try:
        with open(open_plain(log_path, os.O_RDONLY), "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
    except OSError:
        return ""
    return " | ".join(visible(line) for line in lines)
