"""The systemd user units: put in place and enabled, or taken away. Touches no unit but ours.

The units are copied as they ship; what only this machine knows (which Python, where tmux is, another state
folder) goes into a drop-in beside them, so `systemctl --user edit` and a later install do not meet.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tsipc_client
from tsipc_client.cli import deliver
from tsipc_client.cli.orders import Options
from tsipc_client.launch import LOCK_NAME, START_LOCK_NAME, open_plain
from tsipc_client.wire.address import make_private
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused, TimedOut, Unreachable
from tsipc_client.wire.messages import Stop

SOCKET, SERVICE = "ts-ipc.socket", "ts-ipc.service"
DROP_IN = "10-install.conf"
WRITTEN_BY = "# Written by `ts-ipc daemon install`; put your own changes into a file beside it.\n"

SYSTEMCTL_S = 60.0
"""Longer than a daemon may take to drain; systemctl waits for it."""

DRAIN_S = 30.0

SOCKET_PATH_BYTES = 107
"""What the kernel has room for in a Unix socket's address."""


def install(directory: Path) -> list[str]:
    """Let systemd listen for the daemon of `directory` and start it when needed. What was done, in lines.

    Installing again replaces what was there. Raises Refused where there is no user manager.
    """
    _require_manager()
    units = unit_texts()
    drop_ins = {SOCKET: _socket_drop_in(directory), SERVICE: _service_drop_in(directory)}
    folder = unit_folder()
    done = []
    # No client may start a daemon of its own between the end of the old one and systemd's listening.
    with _no_start_by_clients(directory):
        _systemctl("stop", SOCKET, SERVICE, may_fail=True)
        if _stopped(directory):
            done.append("stopped the running daemon")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            _replace(folder / name, text)
            _place_drop_in(folder / f"{name}.d", drop_ins[name])
            done.append(f"wrote {folder / name}")
        _systemctl("daemon-reload")
        _systemctl("enable", "--quiet", SERVICE, SOCKET)
        _systemctl("start", SOCKET)
    done.append(f"systemd listens on {directory / 'ipc.sock'}; the first connection starts the daemon")
    done.append("logs: journalctl --user -u ts-ipc")
    return done


def uninstall(directory: Path) -> list[str]:
    """Take the units away and end the daemon they ran; the state folder stays. What was done, in lines."""
    _require_manager()
    folder = unit_folder()
    if not any((folder / name).exists() for name in (SOCKET, SERVICE)):
        return ["nothing to do: the units are not installed"]
    done = []
    with _no_start_by_clients(directory):
        _systemctl("disable", "--now", "--quiet", SOCKET, SERVICE, may_fail=True)
        for name in (SOCKET, SERVICE):
            (folder / name).unlink(missing_ok=True)
            _place_drop_in(folder / f"{name}.d", "")
            done.append(f"removed {folder / name}")
        _systemctl("daemon-reload")
        _systemctl("reset-failed", SOCKET, SERVICE, may_fail=True)
    done.append(f"kept {directory}; from now on the first `ts-ipc` command starts the daemon")
    return done


def _stopped(directory: Path) -> bool:
    """Whether a daemon ran that systemd did not start; it has drained and let go of its lock."""
    try:
        with deliver.connect(Options(), start=False) as daemon:
            daemon.call(Stop())
    except Unreachable:
        return False
    deadline = time.monotonic() + DRAIN_S
    with os.fdopen(open_plain(str(directory / LOCK_NAME), os.O_RDWR | os.O_CREAT)) as lock:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return True
    raise TimedOut(
        ErrorCode.TIMED_OUT,
        "the running daemon still drains",
        hint="see `ts-ipc daemon logs`, then try again",
    )


def _require_manager() -> None:
    if sys.platform != "linux" or shutil.which("systemctl") is None:
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            "there is no systemd on this machine",
            hint="nothing needs installing: the first `ts-ipc` command starts the daemon",
        )
    answer = _run_systemctl("show", "--property=Version")
    if answer.returncode != 0:
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"your systemd user manager does not answer: {_first_line(answer.stderr)}",
            hint="log in directly, not through su or sudo, or let root run `loginctl enable-linger` for you;"
            " without a manager the first `ts-ipc` command starts the daemon",
        )


def unit_texts() -> dict[str, str]:
    """The shipped units: inside the installed package, or in the checkout it runs from."""
    package = Path(tsipc_client.__file__).parent
    for folder in (package / "units", package.parent / "systemd"):
        if (folder / SOCKET).is_file():
            return {name: (folder / name).read_text() for name in (SOCKET, SERVICE)}
    raise Broken(
        ErrorCode.INTERNAL,
        f"the unit files are missing from {package}",
        hint="install the ts-ipc package again",
    )


def unit_folder() -> Path:
    """Where the user's own units are."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd/user"


def _is_default(directory: Path) -> bool:
    return directory == Path.home() / ".config/ts/ipc"


def _socket_drop_in(directory: Path) -> str:
    """Empty for the default folder, which the unit itself names."""
    path = directory / "ipc.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise BadInput(
            ErrorCode.BAD_PARAMS,
            f"systemd cannot listen on {path}: a socket's path has at most {SOCKET_PATH_BYTES} bytes",
            hint="set TS_IPC_DIR to a shorter path",
        )
    if _is_default(directory):
        return ""
    return f"{WRITTEN_BY}[Socket]\nListenStream=\nListenStream={_specifiers_off(path)}\n"


def _service_drop_in(directory: Path) -> str:
    # -P: the working folder, a user's home there, is no place to import from.
    lines = [
        "[Service]",
        f"Environment={_quoted('PATH=' + os.environ.get('PATH', os.defpath))}",
        "ExecStart=",
        f"ExecStart={_quoted(sys.executable)} -P -m tsipcd",
    ]
    if not _is_default(directory):
        lines.append(f"Environment={_quoted(f'TS_IPC_DIR={directory}')}")
    return WRITTEN_BY + "\n".join(lines) + "\n"


def _specifiers_off(value: object) -> str:
    """As systemd reads it back unchanged; a line end, which no quoting carries, is refused."""
    text = str(value)
    if not text.isprintable():
        raise BadInput(
            ErrorCode.BAD_PARAMS, f"a unit file cannot carry the path {text!r}", hint="use another path"
        )
    return text.replace("%", "%%")


def _quoted(value: str) -> str:
    escaped = _specifiers_off(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _place_drop_in(folder: Path, text: str) -> None:
    """`text` in our file of a unit's drop-in folder; with no text that file goes, and the folder if empty."""
    if text:
        folder.mkdir(exist_ok=True)
        _replace(folder / DROP_IN, text)
        return
    (folder / DROP_IN).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)


@contextmanager
def _no_start_by_clients(directory: Path) -> Iterator[None]:
    """Hold the lock under which clients start a daemon on demand; they then find the one that listens."""
    make_private(directory)
    with os.fdopen(open_plain(str(directory / START_LOCK_NAME), os.O_RDWR | os.O_CREAT)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _systemctl(*arguments: str, may_fail: bool = False) -> None:
    answer = _run_systemctl(*arguments)
    if answer.returncode != 0 and not may_fail:
        raise Broken(
            ErrorCode.INTERNAL,
            f"systemctl --user {' '.join(arguments)} failed: {_first_line(answer.stderr)}",
            hint="see `systemctl --user status ts-ipc.socket ts-ipc.service`",
        )


def _run_systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    # Missing after `su` and in cron jobs, although the manager runs.
    environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    try:
        return subprocess.run(
            ["systemctl", "--user", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SYSTEMCTL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise TimedOut(
            ErrorCode.TIMED_OUT,
            f"systemctl --user {' '.join(arguments)} did not end within {SYSTEMCTL_S:.0f} s",
            hint="see `systemctl --user list-jobs`, then try again",
        ) from expired


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0] or "no reason given"
