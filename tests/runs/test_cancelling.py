"""Cancelling with everything real: the daemon, tmux, the shell, and the command that runs in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

SESSION = "claude-build"


@pytest.fixture(autouse=True)
def shell(tmux: Tmux) -> Tmux:
    """A bash at its prompt."""
    tmux.session(SESSION)
    return tmux


def begin(daemon: Daemon, *commands: str) -> str:
    """The id of a run of these steps."""
    steps = [{"session": SESSION, "command": command} for command in commands]
    daemon.call("workflow", name="build", steps=steps)
    return str(daemon.call("run", name="build", follow=False)["run"])


def ended(daemon: Daemon, run: str) -> str:
    """The line of its end, once it is there."""
    log = daemon.directory / "events.log"
    found: list[str] = []

    def is_there() -> bool:
        found[:] = [line for line in log.read_text().splitlines() if f" END build {run} " in line]
        return bool(found)

    until(is_there, what=f"the end of {run}", within_s=60)
    (line,) = found
    return line


def pid_in(file: Path) -> int:
    """The process id that a command left there."""
    until(lambda: file.exists() and file.read_text().endswith("\n"), what=str(file), within_s=60)
    return int(file.read_text())


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_running_step_ends_its_shell_does_not(daemon: Daemon, shell: Tmux, short_path: Path) -> None:
    """The command is gone, the next step is not begun, and the shell takes another run."""
    file = short_path / "pid"
    run = begin(daemon, f"sh -c 'echo $$ >{file}; exec sleep 1000'", f"touch {short_path}/next")
    pid = pid_in(file)
    before = shell.run("display-message", "-p", "-t", f"={SESSION}:", "#{pane_pid}")
    assert daemon.call("cancel", id=run) == {"id": run, "status": "cancelling"}
    assert ended(daemon, run).endswith("cancelled")
    assert not is_running(pid)
    again = begin(daemon, f"touch {short_path}/again")
    assert ended(daemon, again).endswith("success")
    assert not (short_path / "next").exists()
    assert shell.run("display-message", "-p", "-t", f"={SESSION}:", "#{pane_pid}") == before
    assert daemon.call("cancel", id=run) == {"id": run, "status": "cancelled"}


@pytest.mark.parametrize("command", ["finishes while down", "still runs", "loses its pane"])
def test_rule_a3_a_killed_daemon_goes_on_with_cancelling(
    daemon: Daemon, shell: Tmux, short_path: Path, command: str
) -> None:
    """SIGKILL right after it was asked to: the next life ends the run as cancelled and begins nothing."""
    shell.session("claude-other")
    file, go = short_path / "pid", short_path / "go"
    deaf = f"trap '' INT; echo \\$\\$ >{file}; until [ -e {go} ]; do sleep 0.05; done"
    run = begin(daemon, f'sh -c "{deaf}"', f"touch {short_path}/next")
    pid = pid_in(file)
    assert daemon.call("cancel", id=run)["status"] == "cancelling"
    daemon.kill()
    if command == "finishes while down":
        go.touch()
        until(lambda: not is_running(pid), what="the command's end")
    elif command == "loses its pane":
        shell.run("kill-session", "-t", f"={SESSION}")
    daemon.start()
    if command == "still runs":
        assert is_running(pid)
        go.touch()
    assert ended(daemon, run).endswith("cancelled")
    assert not (short_path / "next").exists()
    assert daemon.call("cancel", id=run) == {"id": run, "status": "cancelled"}


def test_a_step_that_waits_is_never_typed(daemon: Daemon, short_path: Path) -> None:
    """Behind a busy pane nothing has happened yet, and nothing does."""
    file = short_path / "pid"
    first = begin(daemon, f"sh -c 'echo $$ >{file}; exec sleep 1000'")
    pid_in(file)
    second = begin(daemon, f"touch {short_path}/second")
    assert daemon.call("cancel", id=second) == {"id": second, "status": "cancelled"}
    assert daemon.call("cancel", id=first)["status"] == "cancelling"
    assert ended(daemon, first).endswith("cancelled")
    third = begin(daemon, "true")
    assert ended(daemon, third).endswith("success")
    assert not (short_path / "second").exists()
