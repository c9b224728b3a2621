"""`ts-ipc` as a process, with a real daemon and real tmux sessions."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def ts_ipc_process(daemon: Daemon) -> Run:
    """`ts-ipc WORDS...`, to its end."""

    def run(*words: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "tsipc_client", *words],
            cwd=ROOT,
            env={**daemon.environment, **variables},
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_command_is_sent_and_followed(ts_ipc_process: Run, tmux: Tmux) -> None:
    """From its id to its delivery, and to the pane."""
    tmux.session("claude-manager")
    sent = ts_ipc_process("send", "me", "manager", "echo 'he''llo'")
    assert (sent.returncode, sent.stderr) == (0, b"")
    message = sent.stdout.decode().strip()
    until(lambda: "\nhello" in tmux.screen("claude-manager"), what="the command ran")
    until(
        lambda: b"[delivered]" in ts_ipc_process("show", message).stdout,
        what="the delivery is known",
    )
    queue = ts_ipc_process("queue").stdout.decode()
    assert "  ● me → claude-manager [delivered]\n    Type: command\n    Message: echo 'he''llo'...\n" in queue


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1"])
def test_output_is_utf8_in_every_locale(ts_ipc_process: Run, tmux: Tmux, locale: str) -> None:
    """Words in, bytes out: a name is the same in all of them."""
    tmux.session("세션")
    sent = ts_ipc_process("send", "me", "세션", "가 나", "data", LC_ALL=locale)
    assert sent.returncode == 0, sent.stderr
    queue = ts_ipc_process("queue", LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").stdout.decode()
    assert "═" * 51 in queue
    assert "  ● me → 세션 [" in queue
    assert "    Message: 가 나..." in queue


def test_a_reader_that_goes_away_is_no_error(daemon: Daemon) -> None:
    """`ts-ipc events 1000 | head -1`, with more lines than a pipe holds."""
    daemon.call("subscribe", session="x", event="e", action="data")
    for _ in range(600):
        daemon.call("publish", source="s" * 200, event="e")
    command = f"{sys.executable} -m tsipc_client events 1000 | head -1"
    done = subprocess.run(
        ["bash", "-c", command + "; exit ${PIPESTATUS[0]}"],
        cwd=ROOT,
        env=daemon.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (141, b"", 1)


def test_a_full_disk_is_an_error(daemon: Daemon) -> None:
    """What could not be written is not passed over."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device, not a path)
        done = subprocess.run(
            [sys.executable, "-m", "tsipc_client", "queue"],
            cwd=ROOT,
            env=daemon.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 8
    assert b"No space left" in done.stderr


def test_stdin_is_the_message(ts_ipc_process: Run, daemon: Daemon, tmux: Tmux) -> None:
    """Byte for byte, for data."""
    tmux.session("claude-x")
    body = "line one\n가\n\n".encode()
    sent = ts_ipc_process("send", "me", "claude-x", "-", "data", stdin=body)
    assert sent.returncode == 0, sent.stderr
    data = daemon.directory / "claude-x.data"
    assert until(lambda: data.exists() and data.read_bytes(), what="the data is there") == body


@pytest.mark.parametrize(
    ("stdin", "status", "words"),
    [(b"\xff", 2, b"not UTF-8"), (b"x" * 1_000_001, 2, b"1,000,000 bytes")],
    ids=["not UTF-8", "too large"],
)
def test_stdin_that_cannot_be_sent(ts_ipc_process: Run, stdin: bytes, status: int, words: bytes) -> None:
    """Is refused before anything is asked of the daemon."""
    done = ts_ipc_process("send", "me", "nobody", "-", stdin=stdin)
    assert done.returncode == status
    assert words in done.stderr


def test_an_unknown_session_names_the_nearest(ts_ipc_process: Run, tmux: Tmux) -> None:
    """Status 6, for a person and for a program."""
    tmux.session("claude-manager")
    done = ts_ipc_process("send", "me", "claude-manger", "true")
    assert done.returncode == 6
    assert b"claude-manager" in done.stderr
    done = ts_ipc_process("send", "me", "claude-manger", "true", "--json")
    assert (done.returncode, done.stdout) == (6, b"")
    assert json.loads(done.stderr)["data"]["nearest"] == ["claude-manager"]


def test_a_run_exits_with_its_outcome_and_shows_the_failure(ts_ipc_process: Run, tmux: Tmux) -> None:
    """In a pipe: plain lines on stdout, the last words of the failed step on stderr."""
    tmux.session("claude-a")
    tmux.session("claude-b")
    saved = ts_ipc_process("workflow", "two", "claude-a:echo one", "claude-b:echo last words; false")
    assert json.loads(Path(saved.stdout.decode().strip()).read_text())["name"] == "two"
    done = ts_ipc_process("run", "two")
    assert done.returncode == 1, done.stderr
    out = done.stdout.decode()
    assert "[1/2] start claude-a: echo one\n" in out
    assert "[1/2] ✓ claude-a: echo one (" in out
    assert "[2/2] ✗ claude-b: echo last words; false: exit 1 (" in out
    assert "two: failure, 1 of 2 steps done" in out
    err = done.stderr.decode()
    assert "step 2 of 2 failed in claude-b: exit 1" in err
    assert "  | last words\n" in err
    log = Path(err.rpartition("all of its output: ")[2].strip())
    assert "last words" in log.read_text()


def test_a_run_is_shown_live_on_a_terminal(daemon: Daemon, tmux: Tmux, ts_ipc_process: Run) -> None:
    """The picture is redrawn in the pane of another session."""
    tmux.session("claude-a")
    ts_ipc_process("workflow", "one", "claude-a:echo begun; read line; echo $line")
    command = f"cd {ROOT}; TS_IPC_DIR={daemon.directory} {sys.executable} -m tsipc_client run one; exec cat"
    tmux.run("new-session", "-d", "-s", "watcher", "-x", "80", "-y", "24", command)
    until(lambda: "      begun" in tmux.screen("watcher"), what="the last line of output is shown")
    assert "● 1 claude-a" in tmux.screen("watcher")
    tmux.run("send-keys", "-t", "=claude-a:", "done", "Enter")
    until(lambda: "one: success, 1 of 1 step done" in tmux.screen("watcher"), what="the end is shown")
    assert tmux.screen("watcher").count("claude-a") == 1


def test_a_person_gets_a_word_and_a_script_does_not(daemon: Daemon, tmux: Tmux) -> None:
    """The note goes to a terminal's stderr; stdout has the id in both cases."""
    tmux.session("claude-a")
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tsipc_client", "send", "me", "claude-a", "true"],
            cwd=ROOT,
            env={**daemon.environment, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=60,
            check=True,
        )
        assert done.stdout.startswith(b"msg-")
        assert os.read(ours, 1000).decode().rstrip() == "accepted: me → claude-a [command]"
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_daemon_is_stopped_and_started(ts_ipc_process: Run, daemon: Daemon) -> None:
    """Stop returns when it is gone; start when a new one serves."""
    assert ts_ipc_process("daemon", "stop").returncode == 0
    assert daemon.process is not None
    assert daemon.process.wait(10) == 0
    assert ts_ipc_process("daemon", "status").returncode == 69
    started = json.loads(ts_ipc_process("daemon", "start", "--json").stdout)
    try:
        assert started["pid"] != daemon.pid
        assert f"pid {started['pid']}" in ts_ipc_process("daemon", "status").stdout.decode()
        assert ts_ipc_process("daemon", "logs").returncode == 0
        again = json.loads(ts_ipc_process("daemon", "restart", "--json").stdout)
        assert again["pid"] != started["pid"]
    finally:
        assert ts_ipc_process("daemon", "stop").returncode == 0
