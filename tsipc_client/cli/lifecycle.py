"""The daemon from the outside: start it, end it, ask how it is, show its log, hand it to systemd."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsipc_client.asking import expect
from tsipc_client.cli import deliver, screen
from tsipc_client.cli.orders import DEFAULT_TIMEOUT_S, Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.render.style import line
from tsipc_client.wire.address import state_directory
from tsipc_client.wire.errors import ErrorCode, Refused, TimedOut, Unreachable
from tsipc_client.wire.messages import DaemonStatus, StatusReport, Stop, Stopping

UNIT = "ts-ipc"
LOG_NAME = "daemon.log"


def start(options: Options) -> int:
    """A daemon runs when this returns, an old one or a new one."""
    # Connecting starts it; the report may come from one that ran before.
    with deliver.connect(options) as daemon:
        report = expect(StatusReport, daemon.call(DaemonStatus()))
    if options.json:
        screen.put([deliver.json_of(report)])
    else:
        _say(f"running (pid {report.pid}) in {report.directory}")
    return ExitStatus.OK


def stop(options: Options) -> int:
    """No daemon runs when this returns; that none did is no error."""
    try:
        stopping = _stop(options)
    except Unreachable:
        if options.json:
            screen.put(["{}"])
        else:
            _say(f"not running in {state_directory()}")
        return ExitStatus.OK
    deliver.show(Stop(), stopping, options)
    return ExitStatus.OK


def restart(options: Options) -> int:
    """A new daemon runs when this returns."""
    try:
        stopping = _stop(options)
        if not options.json:
            deliver.show(Stop(), stopping, options)
    except Unreachable:
        pass  # nothing ran; it is to run now
    return start(options)


def status(options: Options) -> int:
    """The daemon's report; starting it only to ask would change the answer."""
    report = _report(options)
    deliver.show(DaemonStatus(), report, options)
    return ExitStatus.OK


def logs(options: Options, *, lines: int, follow: bool) -> int:
    """The log's last lines, made safe to look at."""
    if options.json and follow:
        raise Refused(ErrorCode.NOT_ALLOWED, "--json and --follow do not go together", hint="leave one out")
    command = _log_command(lines, follow=follow)
    with _reading(command) as log:
        if options.json:
            from tsipc_client.render.json_text import encode  # noqa: PLC0415 (only for JSON)

            screen.put([encode({"lines": list(log)})])
        else:
            style = screen.style_of(sys.stdout).uncut
            for text in log:
                screen.put([line(style, text)])
    return ExitStatus.OK


def install(options: Options) -> int:
    """From now on, at every login, systemd listens for the daemon."""
    from tsipc_client.cli.install import install as enable  # noqa: PLC0415 (only needed here)

    return _done(enable(state_directory()), options)


def uninstall(options: Options) -> int:
    """From now on systemd knows nothing of the daemon."""
    from tsipc_client.cli.install import uninstall as disable  # noqa: PLC0415 (only needed here)

    return _done(disable(state_directory()), options)


def _done(lines: list[str], options: Options) -> int:
    if options.json:
        from tsipc_client.render.json_text import encode  # noqa: PLC0415 (only for JSON)

        screen.put([encode({"lines": lines})])
    else:
        style = screen.style_of(sys.stdout).uncut
        screen.put(line(style, text) for text in lines)
    return ExitStatus.OK


def _say(text: str) -> None:
    if screen.is_terminal(sys.stderr):
        screen.tell([line(screen.style_of(sys.stderr), text)])


def _deadline_s(options: Options) -> float:
    return DEFAULT_TIMEOUT_S if options.timeout_s is None else options.timeout_s


def _report(options: Options) -> StatusReport:
    with deliver.connect(options, start=False) as daemon:
        return expect(StatusReport, daemon.call(DaemonStatus()))


def _stop(options: Options) -> Stopping:
    """Ask it to drain, and wait until its process has ended: only then are its lock and socket free."""
    with deliver.connect(options, start=False) as daemon:
        stopping = expect(Stopping, daemon.call(Stop()))
    if not _ended_within(stopping.pid, _deadline_s(options)):
        raise TimedOut(
            ErrorCode.TIMED_OUT,
            f"the daemon (pid {stopping.pid}) still drains",
            hint="see: ts-ipc daemon logs",
        )
    return stopping


def _ended_within(pid: int, seconds: float) -> bool:
    if hasattr(os, "pidfd_open"):
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            ready, _, _ = select.select([process], [], [], seconds)
        finally:
            os.close(process)
        return bool(ready)
    return _poll_end(pid, seconds)


def _poll_end(pid: int, seconds: float) -> bool:
    """Where the system tells nobody but the parent that a process has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def _log_command(lines: int, *, follow: bool) -> list[str]:
    path = state_directory() / LOG_NAME
    if _runs_under_systemd(path):
        return ["journalctl", "--user", "-u", UNIT, "-n", str(lines), *(["-f"] if follow else ["--no-pager"])]
    if path.is_symlink() or not path.is_file():
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"there is no log at {path}, or no plain file",
            hint="the daemon has not run yet, or writes to the terminal it was started in",
        )
    return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)]


def _runs_under_systemd(log: Path) -> bool:
    """What the running daemon says; without one, whether there is no log file but units are installed."""
    try:
        return _report(Options()).activation == "systemd"
    except Unreachable:
        unit = (
            Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user/ts-ipc.service"
        )
        return not log.exists() and unit.exists()


@contextmanager
def _reading(command: list[str]) -> Iterator[Iterator[str]]:
    """The lines that `command` prints; its process ends with the block."""
    read_end, write_end = os.pipe()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write_end)
    finally:
        os.close(write_end)
    try:
        with os.fdopen(read_end, encoding="utf-8", errors="backslashreplace") as output:
            yield (text.rstrip("\n") for text in output)
    finally:
        process.terminate()
        process.wait()
