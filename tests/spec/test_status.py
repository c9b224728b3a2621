"""What `ts-ipc daemon status` says when something is wrong, on a real terminal of 80 columns and as JSON."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.spec.conftest import Shell
from tests.support.wait import until

COLUMNS = 80
WITHIN_S = 60.0


class Stopped(NamedTuple):
    """A tmux server that does not answer."""

    socket: str
    pid: int


@pytest.fixture
def stopped(shell: Shell) -> Iterator[Stopped]:
    """A second server, which the daemon knows and which was stopped; `w` is on the first."""
    shell.tmux.session("w")
    shell.tmux.run("-L", "other", "new-session", "-d", "-s", "far", "exec bash --norc --noprofile")
    socket, pid = shell.tmux.run("-L", "other", "display-message", "-p", "#{socket_path} #{pid}").split()
    shell.ok("ts-ipc subscribe gone e notify")
    (shell.ipc / "config.toml").write_text("[queue]\nmax_waiting = 1000\n")
    shell.ok("ts-ipc daemon restart; ts-ipc send a far true")
    shell.delivered("msg-1")
    os.kill(int(pid), signal.SIGSTOP)
    yield Stopped(socket, int(pid))
    os.kill(int(pid), signal.SIGCONT)
    shell.tmux.run("-L", "other", "kill-server", check=False)


def report(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell.ok("ts-ipc daemon status --json"))
    return found


def test_the_status_says_what_waits_for_what(shell: Shell, stopped: Stopped) -> None:
    """Held messages by reason, the cap, the disk, and the server that is stopped, until it goes on."""
    shell.ok("ts-ipc send a gone x; ts-ipc send a gone y; ts-ipc send a w hello notification")
    # Nothing tells that a server was stopped: it is found out when it is needed.
    assert stopped.socket in shell.run("ts-ipc sessions").err
    until(lambda: report(shell)["unreachable"], what="no answer", within_s=WITHIN_S)
    found = report(shell)
    (problem,) = found["unreachable"]
    assert stopped.socket in problem
    assert found["held"]["no session gone yet"] == 2
    assert found["waiting"] == 3
    assert (found["in_doubt"], found["max_waiting"], found["memory_low"]) == (0, 1000, False)
    assert found["free_bytes"] > 0
    assert found["last_sync_s"] > 0
    shell.tmux.run("new-session", "-d", "-s", "person", "-x", str(COLUMNS), "-y", "40",
                   "env -u TMUX bash --norc --noprofile")  # fmt: skip
    until(lambda: shell.tmux.screen("person"), what="a prompt")
    shell.tmux.run("send-keys", "-t", "=person:", "ts-ipc daemon status; echo end-$?", "Enter")
    until(lambda: "\nend-0" in shell.tmux.screen("person"), what="the status", within_s=WITHIN_S)
    screen = shell.tmux.screen("person")
    assert "  Waiting:      3 messages (at most 1,000)\n" in screen
    assert "                2 of them: no session gone yet\n" in screen
    assert "  Disk:         " in screen
    assert "  No answer:    " in screen
    assert "  In doubt:" not in screen


def test_a_server_that_goes_on_is_no_problem_any_more(shell: Shell, stopped: Stopped) -> None:
    """Without anybody doing anything but asking for its sessions."""
    assert stopped.socket in shell.run("ts-ipc sessions").err
    assert stopped.socket in " ".join(report(shell)["unreachable"])
    os.kill(stopped.pid, signal.SIGCONT)

    def goes_on() -> bool:
        ran = shell.run("ts-ipc sessions")
        return "far" in ran.out and not ran.err

    until(goes_on, what="the server answers", within_s=WITHIN_S)
    assert report(shell)["unreachable"] == []
