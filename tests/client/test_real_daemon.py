"""The clients and the real daemon, which they start themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import until
from tsipc_client import Client
from tsipc_client.wire.errors import WireError

ROOT = Path(__file__).resolve().parents[2]
ASK = "import sys; from tsipc_client import Client; print(Client(sys.argv[1]).status().pid)"


@pytest.fixture
def folder(short_path: Path) -> Iterator[Path]:
    """A state folder without a daemon; the one that runs in the end is stopped."""
    folder = short_path / "ipc"
    yield folder
    with Client(folder, start=False) as client:
        try:
            pid = client.stop().pid
        except WireError:
            return
    until(lambda: not is_alive(pid), what="the daemon ended")


def is_alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_fifty_commands_at_once_start_one_daemon(folder: Path) -> None:
    """Each of fifty processes gets its answer, all from the same daemon, and no other was left over."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, folder],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(50)
    ]
    said = [process.communicate(timeout=120) for process in started]
    assert [error for _, error in said if error] == []
    (pid,) = {int(answer) for answer, _ in said}
    assert int((folder / "lock").read_text()) == pid
    assert "already" not in (folder / "daemon.log").read_text()


def test_a_stop_in_between_is_not_noticed(folder: Path) -> None:
    """The next request, on an old connection or a new one, waits for the drain and starts a new daemon."""
    with Client(folder) as client, Client(folder) as other:
        first = other.status().pid
        assert client.stop().pid == first
        second = other.status().pid
        assert second != first
        assert client.status().pid == second
    assert not is_alive(first)


def test_a_killed_daemon_is_replaced_and_the_answer_is_the_first_one(folder: Path) -> None:
    """A key that was used before the kill is known after it: nothing is accepted twice."""
    with Client(folder) as client:
        client.subscribe("nobody", "e", "data")
        published = client.publish("a", "e", "x", key="once")
        os.kill(client.status().pid, 9)
        assert client.publish("a", "e", "x", key="once") == published
        assert client.queue().waiting <= 1
