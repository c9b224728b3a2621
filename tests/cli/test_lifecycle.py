"""The daemon from the outside: its end is waited for, its log is shown safely."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli import samples
from tests.cli.conftest import CommandLine
from tsipc_client.cli import lifecycle
from tsipc_client.wire.errors import error_from
from tsipc_client.wire.messages import Stopping

UNREACHABLE = error_from("unreachable", "connection refused")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder."""
    monkeypatch.setenv("TS_IPC_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its stdin does."""
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    yield child
    child.communicate()


def test_stop_returns_when_the_process_has_ended(
    ts_ipc: CommandLine, process: subprocess.Popen[bytes]
) -> None:
    """Its answer alone does not free the lock."""
    assert process.stdin is not None
    process.stdin.close()
    outcome = ts_ipc("daemon", "stop", answer=Stopping(pid=process.pid))
    assert outcome.status == 0
    assert process.poll() is not None or process.wait(1) is not None


@pytest.mark.parametrize("ended_within", [lifecycle._ended_within, lifecycle._poll_end])
def test_a_process_that_goes_on_is_told_from_one_that_ended(
    ended_within: object, process: subprocess.Popen[bytes]
) -> None:
    """On systems with process descriptors and without."""
    assert callable(ended_within)
    assert ended_within(process.pid, 0.05) is False
    process.communicate()
    assert ended_within(process.pid, 5) is True


def test_a_daemon_that_goes_on_draining_times_out(
    ts_ipc: CommandLine, process: subprocess.Popen[bytes]
) -> None:
    """Status 4, and where to look."""
    outcome = ts_ipc("daemon", "stop", "--timeout", "0.05", answer=Stopping(pid=process.pid))
    assert outcome.status == 4
    assert "still drains" in outcome.err


def test_stopping_what_does_not_run_is_no_error(ts_ipc: CommandLine) -> None:
    """It is as it was wanted."""
    assert ts_ipc("daemon", "stop", answer=UNREACHABLE).status == 0
    outcome = ts_ipc("daemon", "stop", "--json", answer=UNREACHABLE)
    assert (outcome.status, json.loads(outcome.out)) == (0, {})


def test_logs_are_the_last_lines_of_the_file(ts_ipc: CommandLine, state: Path) -> None:
    """Of a daemon that systemd does not run; whatever is in it is shown, not obeyed."""
    (state / "daemon.log").write_bytes(b"one\ntwo\n\x1b[2Jthree\n\xff\n")
    report = replace(samples.STATUS, activation="process")
    outcome = ts_ipc("daemon", "logs", "-n", "3", answer=report)
    assert outcome.status == 0
    assert outcome.out == "two\n\\x1b[2Jthree\n\\xff\n"


def test_logs_as_json(ts_ipc: CommandLine, state: Path) -> None:
    """One document."""
    (state / "daemon.log").write_text("one\ntwo\n")
    outcome = ts_ipc("daemon", "logs", "--json", answer=UNREACHABLE)
    assert json.loads(outcome.out) == {"lines": ["one", "two"]}


def test_logs_of_a_daemon_that_never_ran(ts_ipc: CommandLine, state: Path) -> None:
    """Are an error that names the file, whoever asks."""
    outcome = ts_ipc("daemon", "logs", answer=UNREACHABLE)
    assert outcome.status == 7
    assert str(state / "daemon.log") in outcome.err


def test_logs_cannot_be_followed_as_one_document(ts_ipc: CommandLine, state: Path) -> None:
    """A document has an end."""
    (state / "daemon.log").write_text("one\n")
    assert ts_ipc("daemon", "logs", "-f", "--json", answer=UNREACHABLE).status == 7


def test_logs_come_from_the_journal_if_systemd_runs_it(
    ts_ipc: CommandLine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """journalctl is asked for our unit; here a stand-in that says what it was asked."""
    stand_in = state / "bin/journalctl"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=":")
    outcome = ts_ipc("daemon", "logs", "-n", "7", answer=samples.STATUS)
    assert outcome.out == "--user -u ts-ipc -n 7 --no-pager\n"
