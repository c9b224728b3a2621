"""`ts-ipc exec`, `wait` and `send --wait` as processes, with a real daemon and real shells."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

SHELLS = {"bash": "exec /bin/bash --norc --noprofile", "dash": "PS1='$ ' exec dash"}
DEADLINE_S = 60


class Line:
    """A command line, and the process it becomes."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._processes: list[subprocess.Popen[str]] = []

    def begin(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tsipc_client", *words],
            cwd=ROOT,
            env={**self._daemon.environment, "TS_IPC_NO_START": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Status, stdout and stderr."""
        return self.end(self.begin(*words))

    @staticmethod
    def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
        out, err = process.communicate(timeout=DEADLINE_S)
        return process.returncode, out, err

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture
def line(daemon: Daemon) -> Iterator[Line]:
    made = Line(daemon)
    yield made
    made.close()


@pytest.fixture(params=SHELLS)
def shell(tmux: Tmux, request: pytest.FixtureRequest) -> str:
    """A session with this shell at its prompt."""
    tmux.session("b", SHELLS[request.param])
    return str(request.param)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_comes_as_it_is_printed_and_the_status_in_the_end(
    line: Line, shell: str, short_path: Path
) -> None:
    """The first line is here while the command still runs; nothing of the prompt or the typed line is."""
    gate = short_path / "gate"
    assert shell in SHELLS
    running = line.begin("exec", "b", "--", f"echo one; until [ -e {gate} ]; do sleep 0.05; done; (exit 7)")
    assert first_line(running) == "one\n"
    assert running.poll() is None
    gate.touch()
    assert line.end(running) == (7, "", "")


def test_it_runs_in_the_session_s_own_shell(line: Line, shell: str, short_path: Path) -> None:
    """What one command sets the next one finds; several words are the words that the command gets."""
    assert line("exec", "b", "--", f"cd {short_path}; here=1") == (0, "", "")
    name = "bash" if shell == "bash" else ""
    told = line("exec", "b", "--", 'echo "$PWD $here ${BASH##*/}"')
    assert told == (0, f"{short_path} 1 {name}\n", "")
    words = ["it's", r"a\b\\", "$HOME *", "", "-n", "x\ty", "줄\n둘"]
    assert line("exec", "b", "--", "printf", "%s|", *words) == (0, "".join(f"{w}|" for w in words), "")


def test_ctrl_c_ends_the_command_and_not_its_shell(
    line: Line, shell: str, short_path: Path, tmux: Tmux
) -> None:
    """As if it were typed there; the shell takes the next command."""
    file = short_path / "pid"
    running = line.begin("exec", "b", "--", f"echo begun; sh -c 'echo $$ >{file}; exec sleep 1000'")
    assert first_line(running) == "begun\n"
    until(lambda: file.exists() and file.read_text().endswith("\n"), what="the command's pid")
    pid = int(file.read_text())
    before = tmux.run("display-message", "-p", "-t", "=b:", "#{pane_pid}")
    running.send_signal(signal.SIGINT)
    status, out, _ = line.end(running)
    assert (status, out.strip()) == (130, ""), shell
    assert not is_running(pid)
    assert line("exec", "b", "--", "echo alive") == (0, "alive\n", "")
    assert tmux.run("display-message", "-p", "-t", "=b:", "#{pane_pid}") == before


def test_a_wait_that_is_over_loses_nothing(line: Line, shell: str, short_path: Path) -> None:
    """Status 124; the command goes on, and is waited for once more, with all that it prints."""
    gate = short_path / "gate"
    command = f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two; (exit 3)"
    status, _, err = line("exec", "b", "--timeout", "1", "--", command)
    assert status == 124, shell
    assert "the time to wait is over; msg-1 is " in err
    assert "ts-ipc wait msg-1" in err
    gate.touch()
    assert line("wait", "msg-1") == (3, "one\ntwo\n", "")


def test_a_daemon_that_dies_meanwhile(line: Line, daemon: Daemon, shell: str, short_path: Path) -> None:
    """Who waits is told, and waits once more; the command ran once, and its status is known."""
    gate, count = short_path / "gate", short_path / "count"
    command = f"echo x >>{count}; echo one; until [ -e {gate} ]; do sleep 0.05; done; (exit 5)"
    running = line.begin("exec", "b", "--", command)
    assert first_line(running) == "one\n"
    daemon.kill()
    status, _, err = line.end(running)
    assert status == 125, shell
    assert "ts-ipc wait msg-1" in err
    gate.touch()
    daemon.start()
    assert line("wait", "1") == (5, "one\n", "")
    assert count.read_text() == "x\n"


def test_a_reader_that_goes_away_ends_the_command(line: Line, shell: str) -> None:
    """`| head -1` of what never ends; the shell there is free again."""
    running = line.begin("exec", "b", "--", "while :; do echo again; sleep 0.01; done")
    assert first_line(running) == "again\n"
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(DEADLINE_S) == 141, shell
    assert line("exec", "b", "--", "echo alive") == (0, "alive\n", "")


def test_what_has_no_status_is_125(line: Line, tmux: Tmux, daemon: Daemon) -> None:
    """Not accepted, cancelled, or its pane died; stderr says which."""
    tmux.session("b")
    assert line("exec", "nobody", "--", "true")[0] == 125
    running = line.begin("exec", "b", "--", "echo begun; sleep 1000")
    assert first_line(running) == "begun\n"
    behind = line.begin("exec", "b", "--", "true")
    assert behind.stderr is not None
    assert behind.stderr.readline() == "held: msg-2 → b: others come before it in this pane\n"
    daemon.call("cancel", id="msg-2")
    status, _, err = line.end(behind)
    assert (status, err.partition("\n")[0]) == (125, "ts-ipc: msg-2 is cancelled")
    tmux.run("kill-session", "-t", "=b:")
    status, _, err = line.end(running)
    assert (status, err.partition("\n")[0]) == (125, "ts-ipc: msg-1 is failed: pane died")


def test_sending_and_waiting(line: Line, tmux: Tmux, daemon: Daemon) -> None:
    """`delivered` prints the id; `done` of a command its output, with its status; of the rest the id."""
    tmux.session("b")
    assert line("send", "a", "b", "true", "--wait", "delivered") == (0, "msg-1\n", "")
    assert line("send", "a", "b", "echo out; (exit 4)", "--wait", "done") == (4, "out\n", "")
    assert line("send", "a", "b", "text", "data", "--wait", "done") == (0, "msg-3\n", "")
    status, out, err = line("send", "a", "b", "text", "notification", "--wait", "delivered", "--timeout", "1")
    assert (status, out) == (124, "")
    assert "msg-4 is held: nobody is attached to b, and goes on" in err
    assert daemon.status_of("msg-4") == "held"
    waiting = line.begin("wait", "msg-4")
    assert waiting.stderr is not None
    assert "nobody is attached" in waiting.stderr.readline()
    daemon.call("cancel", id="msg-4")
    assert line.end(waiting)[0] == 3


def test_the_pane_it_runs_in_is_refused(tmux: Tmux, daemon: Daemon, short_path: Path) -> None:
    """Each would wait for the other, for ever."""
    tmux.session("b")
    told = short_path / "told"
    words = f"{sys.executable} -m tsipc_client exec . -- true"
    daemon.call("send", source="a", target="b", message=f"cd {ROOT}; export TS_IPC_DIR={daemon.directory}")
    daemon.call("send", source="a", target="b", message=f"{words} 2>{told}; echo $? >>{told}")
    until(lambda: told.exists() and told.read_text().endswith("125\n"), what="the refusal", within_s=60)
    assert "the pane this runs in" in told.read_text()
    assert len(daemon.call("queue")["messages"]) == 2
