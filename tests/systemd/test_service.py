"""The daemon under a real `systemd --user`: started by a connection, and back after whatever ends it."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from tests.support.wait import until
from tests.systemd.conftest import SERVICE, SOCKET, UserManager

pytestmark = [pytest.mark.systemd, pytest.mark.slow, pytest.mark.xdist_group("systemd")]


def queue_one(manager: UserManager) -> str:
    """The id of a message that waits for a session which does not exist yet."""
    manager.call("subscribe", session="claude-tomorrow", event="wake", action="command")
    sent = manager.call("send", source="test", target="claude-tomorrow", message="echo morning")
    assert sent["status"] == "held"
    return str(sent["id"])


def status_of(manager: UserManager, message: str) -> str:
    return str(manager.call("show", id=message)["message"]["status"])


def test_the_first_connection_starts_it(installed: UserManager) -> None:
    """Until somebody connects only the socket is there; the answer comes from a daemon of systemd's."""
    assert installed.show(SOCKET, "ActiveState") == "active"
    assert installed.show(SERVICE, "ActiveState") == "inactive"
    report = installed.call("status")
    assert report["activation"] == "systemd"
    assert installed.show(SERVICE, "ActiveState") == "active"
    assert installed.show(SERVICE, "MainPID") == str(report["pid"])


def test_the_socket_is_for_its_user_only(installed: UserManager) -> None:
    """Nobody else can connect, nor see the folder."""
    assert (installed.directory / "ipc.sock").stat().st_mode & 0o777 == 0o600
    assert installed.directory.stat().st_mode & 0o777 == 0o700


def test_a_killed_daemon_comes_back_with_all_it_had_accepted(installed: UserManager) -> None:
    """SIGKILL costs nothing that was answered with ok."""
    message = queue_one(installed)
    first = installed.call("status")["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: installed.ended(first), what="the daemon died")
    assert status_of(installed, message) == "held"
    assert installed.call("status")["pid"] != first


def test_many_deaths_do_not_exhaust_it(installed: UserManager) -> None:
    """No start limit makes the units give up: after ten kills in a row it still answers."""
    for _ in range(10):
        pid = installed.call("status")["pid"]
        os.kill(pid, signal.SIGKILL)
        until(partial(installed.ended, pid), what="the daemon died")
    assert installed.call("status")["activation"] == "systemd"


def test_a_hanging_daemon_is_ended_by_the_watchdog(installed: UserManager) -> None:
    """One that stopped answering is replaced; whoever connected meanwhile is answered by the new one."""
    extra = installed.home / f".config/systemd/user/{SERVICE}.d/99-test.conf"
    extra.write_text("[Service]\nWatchdogSec=1\nTimeoutStopSec=1\nTimeoutAbortSec=1\n")
    installed.systemctl("daemon-reload")
    message = queue_one(installed)
    stopped = installed.call("status")["pid"]
    os.kill(stopped, signal.SIGSTOP)
    assert status_of(installed, message) == "held"
    assert installed.call("status")["pid"] != stopped
    assert installed.ended(stopped)
    assert installed.show(SERVICE, "NRestarts") != "0"
    extra.unlink()


def test_an_idle_daemon_outlives_its_watchdog(installed: UserManager) -> None:
    """It pings often enough: with a watchdog of one second it is still the same after five pings."""
    extra = installed.home / f".config/systemd/user/{SERVICE}.d/99-test.conf"
    extra.write_text("[Service]\nWatchdogSec=1\n")
    installed.systemctl("daemon-reload")
    pid = installed.call("status")["pid"]
    seen = {installed.show(SERVICE, "WatchdogTimestampMonotonic")}

    def pinged() -> bool:
        seen.add(installed.show(SERVICE, "WatchdogTimestampMonotonic"))
        return len(seen) > 5

    until(pinged, what="five pings of the watchdog")
    assert installed.call("status")["pid"] == pid
    extra.unlink()


def test_stopped_means_stopped_until_somebody_connects(installed: UserManager) -> None:
    """`ts-ipc daemon stop` is not undone by systemd, and the next command works all the same."""
    pid = installed.call("status")["pid"]
    installed.ts_ipc("daemon", "stop")
    until(lambda: installed.show(SERVICE, "ActiveState") == "inactive", what="the service is down")
    assert installed.show(SERVICE, "Result") == "success"
    assert installed.call("status")["pid"] != pid


def test_the_sandbox_lets_it_do_its_job(installed: UserManager) -> None:
    """Hardened as it is, it finds a tmux server in a folder of its own and types into its pane."""
    installed.tmux.session("claude-manager")
    sent = installed.call("send", source="test", target="claude-manager", message="echo $((6 * 7)) up")
    until(lambda: "42 up" in installed.tmux.screen("claude-manager"), what="the command ran")
    until(lambda: status_of(installed, sent["id"]) == "delivered", what="it is known to be delivered")
    installed.tmux.run("kill-server")
