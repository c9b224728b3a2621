"""A tmux server that dies around the very moment of typing: nothing is typed again but by a decision.

The server is stopped from inside of the daemon right before or right behind the guarded list, which so was
surely not, or surely was, carried out; then both are killed. The next life cannot tell the two apart.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.tally import Tally
from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipcd.tmux import keys
from tsipcd.tmux.commands import command

WITHIN_S = 60.0


def stopped_before_typing() -> None:
    """The server stops before it gets the list."""
    submit = keys._submit

    async def stop_and_submit(connection: Any, attempt: keys.Attempt, *rest: Any) -> Any:
        os.kill(attempt.pin.server.pid, signal.SIGSTOP)
        return await submit(connection, attempt, *rest)

    keys._submit = stop_and_submit  # type: ignore[assignment]  # the fault


def stopped_behind_typing() -> None:
    """The server stops when it has carried out the list; its answer is lost with the daemon."""
    submit = keys._submit

    async def submit_and_stop(connection: Any, attempt: keys.Attempt, *rest: Any) -> Any:
        await submit(connection, attempt, *rest)
        # tmux hands keys to the pane in a turn of their own: one question more, and they are there.
        await connection.run(command("display-message", "-p", "turned"))
        os.kill(attempt.pin.server.pid, signal.SIGSTOP)
        return await submit(connection, attempt, *rest)

    keys._submit = submit_and_stop  # type: ignore[assignment]  # the fault


BEFORE, BEHIND = (f"{__name__}:{patch.__name__}" for patch in (stopped_before_typing, stopped_behind_typing))
FAULTS = pytest.mark.parametrize(("fault", "ran"), [(BEFORE, 0), (BEHIND, 1)], ids=["before", "behind"])

DECIDED = {"redeliver": ("delivered", 1), "delivered": ("delivered", 0), "drop": ("cancelled", 0)}
"""Where each decision leads, and how often more the command runs."""


class Scene:
    """One session `w`, one daemon, and a file that gets a line each time the command runs."""

    def __init__(self, folder: Path, tmux: Tmux) -> None:
        self.tmux = tmux
        self.folder = folder / "ipc"
        self.ran = folder / "ran"
        self.command = f"echo ran >>{self.ran}"
        self.daemon = self._daemon()

    def _daemon(self, weakened: str = "") -> Daemon:
        return Daemon(self.folder, {"TMUX_TMPDIR": str(self.tmux.folder)}, weakened=weakened)

    @property
    def runs(self) -> int:
        return len(self.ran.read_text().splitlines()) if self.ran.exists() else 0

    def doubt(self, fault: str, ask: Callable[[Daemon], object], ran: int) -> None:
        """Let both die around the typing of msg-1, and both begin anew."""
        self.tmux.session("w")
        server = int(self.tmux.run("display-message", "-p", "#{pid}"))
        self.daemon = self._daemon(fault)
        self.daemon.start()
        ask(self.daemon)
        until(lambda: _state(server) == "T", what="the server stopped at the typing", within_s=WITHIN_S)
        until(lambda: self.runs == ran, what="the command ran, or did not", within_s=WITHIN_S)
        assert self.daemon.status_of("msg-1") == "intent"
        self.daemon.kill()
        os.kill(server, signal.SIGKILL)
        until(lambda: _state(server) in ("", "Z"), what="the server is gone", within_s=WITHIN_S)
        self.tmux.session("w")
        self.daemon = self._daemon()
        self.daemon.start()

    def send(self, daemon: Daemon) -> object:
        return daemon.call("send", source="a", target="w", message=self.command)

    def becomes(self, message: str, status: str) -> None:
        until(lambda: self.daemon.status_of(message) == status, what=f"{message} {status}", within_s=WITHIN_S)

    def resolve(self, decision: str, message: str = "msg-1") -> dict[str, Any]:
        return self.daemon.call("resolve", id=message, decision=decision)

    def settled(self) -> None:
        """What was to be typed into `w` by now has been: lanes are first in, first out."""
        last = self.daemon.call("send", source="a", target="w", message="true")["id"]
        self.becomes(last, "delivered")

    def log(self) -> list[str]:
        lines: list[str] = self.daemon.call("events", lines=100)["lines"]
        return [line.split(" ", 1)[1] for line in lines]


def _state(pid: int) -> str:
    """How the kernel calls the state of a process; empty: there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.fixture
def scene(short_path: Path, tmux: Tmux) -> Iterator[Scene]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc: whether a server is stopped cannot be seen")
    scene = Scene(short_path, tmux)
    yield scene
    scene.daemon.close()


@FAULTS
def test_what_is_in_doubt_is_not_typed_again_by_itself(
    scene: Scene, tally: Tally, fault: str, ran: int
) -> None:
    """Not into a new session of the same name; it says what to decide, and a second life changes nothing."""
    scene.doubt(fault, scene.send, ran)
    scene.becomes("msg-1", "in-doubt")
    report = scene.daemon.call("status")
    assert (report["in_doubt"], report["held"]) == (1, {})
    scene.settled()
    scene.daemon.kill()
    scene.daemon.start()
    scene.settled()
    assert scene.daemon.status_of("msg-1") == "in-doubt"
    assert scene.runs == ran
    tally.add("doubts")


@FAULTS
def test_without_the_doubt_it_would_be_typed_again(scene: Scene, tally: Tally, fault: str, ran: int) -> None:
    """The control: where the settings say so, the same fault types it anew, twice if it had been typed."""
    scene.folder.mkdir(mode=0o700)
    (scene.folder / "config.toml").write_text('[delivery]\non_doubt = "redeliver"\n')
    scene.doubt(fault, scene.send, ran)
    scene.becomes("msg-1", "delivered")
    scene.settled()
    until(lambda: scene.runs == ran + 1, what="typed again", within_s=WITHIN_S)
    assert "RESOLVE w [command] msg-1 redeliver (as on_doubt in config.toml says)" in scene.log()
    tally.add("controls")


@FAULTS
@pytest.mark.parametrize("decision", list(DECIDED))
def test_a_decision_is_carried_out_once(
    scene: Scene, tally: Tally, fault: str, ran: int, decision: str
) -> None:
    """However often it is given; the log says who decided."""
    status, more = DECIDED[decision]
    scene.doubt(fault, scene.send, ran)
    scene.becomes("msg-1", "in-doubt")
    first = scene.resolve(decision)
    assert (first["id"], first["decision"]) == ("msg-1", decision)
    scene.becomes("msg-1", status)
    scene.daemon.kill()
    scene.daemon.start()
    assert scene.resolve(decision)["status"] == status
    scene.settled()
    until(lambda: scene.runs == ran + more, what="ran as decided", within_s=WITHIN_S)
    assert scene.log().count(f"RESOLVE w [command] msg-1 {decision} (by hand)") == 1
    tally.add("decisions")


def test_redelivering_to_a_pane_that_is_gone_fails(scene: Scene, tally: Tally) -> None:
    """A new server has a pane of the same id; it is not the one that was meant."""
    scene.doubt(BEFORE, lambda daemon: daemon.call("send", source="a", target="%0", message=scene.command), 0)
    scene.becomes("msg-1", "in-doubt")
    answer = scene.resolve("redeliver")
    assert (answer["status"], answer["reason"]) == ("failed", "the pane is gone")
    scene.settled()
    assert scene.runs == 0
    tally.add("decisions")


@FAULTS
def test_a_redelivered_step_runs_again_and_its_run_goes_on(
    scene: Scene, tally: Tally, fault: str, ran: int
) -> None:
    """Also where the first try ran, and left its claim and its status behind."""

    def run(daemon: Daemon) -> None:
        steps = [{"session": "w", "command": scene.command}, {"session": "w", "command": "(exit 3)"}]
        daemon.call("workflow", name="twice", steps=steps)
        daemon.call("run", name="twice", follow=False)

    scene.doubt(fault, run, ran)
    scene.becomes("msg-1", "in-doubt")
    assert "END twice run-1 interrupted" in scene.log()
    scene.resolve("redeliver")
    scene.becomes("msg-1", "done")
    scene.becomes("msg-2", "done")
    assert scene.daemon.call("show", id="msg-1")["message"]["exit_code"] == 0
    assert scene.daemon.call("show", id="msg-2")["message"]["exit_code"] == 3
    assert scene.runs == ran + 1
    until(lambda: "END twice run-1 failure" in scene.log(), what="the run's end", within_s=WITHIN_S)
    tally.add("decisions")
