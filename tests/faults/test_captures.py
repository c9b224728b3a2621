"""A captured command and a daemon that dies: it runs once, and whoever waits learns its status."""

from __future__ import annotations

import contextlib
import os
import signal
from itertools import count as numbers
from pathlib import Path

import pytest

from tests.faults.dying import CALLS, DYING, FAULTS
from tests.faults.effort import chance
from tests.faults.tally import Tally
from tests.support.daemon import Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

STEP = 9
DEADLINE_S = 60.0


class Scene:
    """A shell, a state folder, and a captured command that counts how often it ran."""

    def __init__(self, tmux: Tmux, folder: Path, number: int) -> None:
        self.count = folder / f"count-{number}"
        self.request = {
            "source": "a",
            "target": "b",
            "message": f"echo x >>{self.count}; (exit 5)",
            "capture": True,
            "key": f"key-{number}",
        }
        self.environment = {"TMUX_TMPDIR": str(tmux.folder)}
        self.directory = folder / "ipc"

    def life(self, *faults: str, calls: int = 0) -> Daemon:
        """A daemon that serves, with these faults."""
        more = {FAULTS: "+".join(faults), CALLS: str(calls)}
        daemon = Daemon(self.directory, {**self.environment, **more}, weakened=DYING if faults else "")
        daemon.start()
        return daemon

    def send(self, daemon: Daemon) -> str:
        """The message's id; empty if the daemon died over it."""
        with contextlib.suppress(OSError, ConnectionError, ValueError):
            return str(call(daemon.socket_path, "send", **self.request)["result"]["id"])
        return ""

    def ran(self) -> int:
        return self.count.read_text().count("x") if self.count.exists() else 0


def has_died(daemon: Daemon) -> bool:
    assert daemon.process is not None
    return daemon.process.poll() == -signal.SIGKILL


@pytest.fixture
def shell(tmux: Tmux) -> Tmux:
    tmux.session("b")
    return tmux


def test_at_every_step(shell: Tmux, short_path: Path, tally: Tally) -> None:
    """Killed at the k-th call on files, from the request on: the same key again, and the end is the same."""
    for calls in numbers(1 + chance("k").randrange(STEP), STEP):
        scene = Scene(shell, short_path, calls)
        dying = scene.life("dies_at_call_after_usr1", calls=calls)
        assert dying.process is not None
        os.kill(dying.pid, signal.SIGUSR1)
        message = scene.send(dying)
        if message:
            with contextlib.suppress(OSError, ConnectionError, ValueError):
                call(dying.socket_path, "wait", id=message)
        survived = not has_died(dying) and scene.ran() > 0
        dying.kill()
        tally.add("kill points in a captured command")
        daemon = scene.life()
        message = scene.send(daemon)
        answer = daemon.call("wait", id=message)
        daemon.close()
        assert (answer["status"], answer["exit_code"], scene.ran()) == ("done", 5, 1)
        if survived:
            return


def test_between_intent_and_outcome(shell: Tmux, short_path: Path, tally: Tally) -> None:
    """tmux has typed, and the daemon never heard of it."""
    scene = Scene(shell, short_path, 1)
    dying = scene.life("dies_before_outcome")
    message = scene.send(dying)
    until(lambda: has_died(dying), what="its death", within_s=DEADLINE_S)
    daemon = scene.life()
    answer = daemon.call("wait", id=message)
    daemon.close()
    tally.add("deaths between a captured command's intent and outcome")
    assert (answer["status"], answer["exit_code"], scene.ran()) == ("done", 5, 1)


def test_without_marker_and_claim_it_would_run_twice(shell: Tmux, short_path: Path) -> None:
    """The negative control of the one above."""
    scene = Scene(shell, short_path, 1)
    dying = scene.life("dies_before_outcome", "without_claim")
    scene.send(dying)
    until(lambda: has_died(dying), what="its death", within_s=DEADLINE_S)
    daemon = scene.life("intents_as_held", "without_marker", "without_claim")
    until(lambda: scene.ran() == 2, what="the second time", within_s=DEADLINE_S)
    daemon.close()
