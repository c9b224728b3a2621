"""A pane that changes while a command is on its way: its life, its place, its mode, what is beside it.

Oracle: the command runs once, in the pane that its target means when it is typed; one that names a pane's
life fails with that life; none is lost.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.effort import count, parts
from tests.faults.stage import SHELLS, WITHIN_S, Seat, Stage, descendants, mark
from tests.faults.tally import Tally
from tests.support.wait import until

pytestmark = pytest.mark.tmux

BASH = SHELLS["bash"]


@pytest.fixture
def seat(stage: Stage) -> Iterator[Seat]:
    """A session `work` with a bash at its prompt, known to the daemon, and a witness; it must see no key."""
    seat = stage.seat("a", "work")
    stage.witness("a")
    stage.settle([stage.send("work", "true")])
    yield seat
    assert stage.witnessed() == b""


def busy(stage: Stage, seat: Seat, target: str = "work") -> list[str]:
    """Two commands that wait because their pane is busy."""
    seat.server.keys(seat.pane, "sleep 1000", "Enter")
    sent = [stage.send(target, mark("c0")), stage.send(target, mark("c1"))]
    stage.becomes(sent[0], "held", "busy: sleep")
    return sent


def test_a_dead_pane_is_waited_for(stage: Stage, seat: Seat, tally: Tally) -> None:
    """What remains of a pane gets nothing; the shell that is respawned in it gets all, once."""
    seat.server.run("set-option", "-w", "-t", seat.pane, "remain-on-exit", "on")
    seat.server.keys(seat.pane, "exit", "Enter")
    sent = [stage.send("work", mark("c0")), stage.send("work", mark("c1"))]
    stage.becomes(sent[0], "held", "pane is dead")
    seat.server.run("respawn-pane", "-t", seat.pane, "-c", str(seat.folder), BASH)
    assert stage.settle(sent) == ["delivered", "delivered"]
    seat.fence()
    assert seat.marked == ["c0", "c1"]
    tally.add("panes that changed")


def test_a_respawned_pane(stage: Stage, seat: Seat, tally: Tally) -> None:
    """The session's commands go to its new life; those for the pane itself fail with the old one."""
    pinned = stage.send(seat.pane, "sleep 1000")
    stage.becomes(pinned, "delivered")
    late = stage.send(seat.pane, mark("never"))
    stage.becomes(late, "held", "busy: sleep")
    sent = [stage.send("work", mark("c0")), stage.send("work", mark("c1"))]
    seat.server.run("respawn-pane", "-k", "-t", seat.pane, "-c", str(seat.folder), BASH)
    stage.becomes(late, "failed", "the pane is gone")
    assert stage.settle(sent) == ["delivered", "delivered"]
    seat.fence()
    assert seat.marked == ["c0", "c1"]
    tally.add("panes that changed")


def test_a_split_makes_another_pane_active(stage: Stage, seat: Seat, tally: Tally) -> None:
    """A session means its active pane when the time comes, zoomed or not."""
    sent = busy(stage, seat)
    seat.server.run("split-window", "-t", seat.pane, "-c", str(seat.folder), BASH)
    seat.server.run("resize-pane", "-Z", "-t", "=work:")
    assert stage.settle(sent) == ["delivered", "delivered"]
    until(lambda: seat.marked == ["c0", "c1"], what="both ran in the other pane", within_s=WITHIN_S)
    assert seat.server.ask(seat.pane, "#{pane_current_command}") == "sleep"
    tally.add("panes that changed")


def swap(seat: Seat) -> None:
    """Its place is another pane's now."""
    other = seat.server.run("split-window", "-P", "-F", "#{pane_id}", "-t", seat.pane, "cat").strip()
    seat.server.run("swap-pane", "-s", seat.pane, "-t", other)


def break_out(seat: Seat) -> None:
    """It has a window of its own now."""
    seat.server.run("split-window", "-t", seat.pane, "cat")
    seat.server.run("break-pane", "-d", "-s", seat.pane, "-t", "=work:")


def join(seat: Seat) -> None:
    """It is in another session now."""
    seat.server.run("new-session", "-d", "-s", "other", "cat")
    seat.server.run("split-window", "-t", seat.pane, "cat")
    seat.server.run("join-pane", "-s", seat.pane, "-t", "=other:")


def link(seat: Seat) -> None:
    """Its window is in two sessions now."""
    seat.server.run("new-session", "-d", "-s", "other", "cat")
    seat.server.run("link-window", "-s", "=work:", "-t", "=other:")


@pytest.mark.parametrize("move", [swap, break_out, join, link])
def test_a_pane_that_is_named_is_found_where_it_went(
    stage: Stage, seat: Seat, tally: Tally, move: Callable[[Seat], None]
) -> None:
    """`%N` is that pane, wherever it is."""
    sent = busy(stage, seat, seat.pane)
    move(seat)
    seat.server.keys(seat.pane, "", "C-c")
    assert stage.settle(sent) == ["delivered", "delivered"]
    seat.fence()
    assert seat.marked == ["c0", "c1"]
    tally.add("panes that changed")


def test_a_window_in_two_sessions_has_one_lane(stage: Stage, seat: Seat, tally: Tally) -> None:
    """Commands for both sessions go to the one pane, one at a time, in order."""
    seat.server.run("new-session", "-d", "-t", "work", "-s", "twin")
    sent = [stage.send(("work", "twin")[number % 2], mark(f"c{number}")) for number in range(20)]
    assert set(stage.settle(sent)) == {"delivered"}
    seat.fence()
    assert seat.marked == [f"c{number}" for number in range(20)]
    tally.add("panes that changed")


def test_a_terminal_of_one_column(stage: Stage, seat: Seat, tally: Tally) -> None:
    """Where no prompt can be read, commands run once or wait, and run once there is room again."""
    seat.server.run("set-option", "-g", "window-size", "manual")
    seat.server.run("resize-window", "-t", "=work:", "-x", "1", "-y", "2")
    sent = [stage.send("work", mark(f"c{number}")) for number in range(3)]
    until(
        lambda: all(
            stage.messages()[message]["status"] in {"held", "delivered", "accepted"} for message in sent
        ),
        what="typed or held",
    )
    seat.server.run("resize-window", "-t", "=work:", "-x", "100", "-y", "30")
    seat.server.keys(seat.pane, "", "C-l")
    assert set(stage.settle(sent)) == {"delivered"}
    seat.fence()
    assert seat.marked == ["c0", "c1", "c2"]
    tally.add("panes that changed")


def test_a_shell_that_is_deaf(stage: Stage, tally: Tally) -> None:
    """A stopped shell reads nothing: one command lies before it, the others wait, all run in order."""
    # Not the pane's own process: tmux wakes that. Nor a job of a shell: that takes the terminal back.
    outer = f"sh -c '{BASH.removeprefix('exec ')}; true'"
    seat = stage.seat("a", "work", command=outer)
    stage.settle([stage.send("work", "true")])
    seat.fence()
    *_, bash = descendants(seat.pid)
    os.kill(bash, signal.SIGSTOP)
    sent = [stage.send("work", mark(f"c{number}")) for number in range(3)]
    stage.becomes(sent[0], "delivered")
    stage.becomes(sent[1], "held", "busy")
    os.kill(bash, signal.SIGCONT)
    assert set(stage.settle(sent)) == {"delivered"}
    seat.fence()
    assert seat.marked == ["c0", "c1", "c2"]
    tally.add("panes that changed")


def test_a_stopped_job_leaves_a_prompt(stage: Stage, seat: Seat, tally: Tally) -> None:
    """`vim` in the background by Ctrl-Z gets nothing; the shell before it does."""
    seat.server.keys(seat.pane, "vim -u NONE -N text", "Enter")
    first = stage.send("work", mark("c0"))
    stage.becomes(first, "held", "vim")
    seat.server.keys(seat.pane, "", "C-z")
    assert stage.settle([first]) == ["delivered"]
    seat.fence()
    assert seat.marked == ["c0"]
    tally.add("panes that changed")


@contextmanager
def meanwhile(seat: Seat, *commands: tuple[str, ...]) -> Iterator[None]:
    """tmux is told these, over and over, beside everything else."""
    over = threading.Event()

    def tell() -> None:
        while not over.is_set():
            for words in commands:
                seat.server.run(*words, check=False)

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("many", parts(20, 200, each=20))
def test_copy_mode_comes_and_goes_while_typing(stage: Stage, seat: Seat, tally: Tally, many: int) -> None:
    """Entered between the look and the keys, it makes the guard refuse; every command runs once, in order."""
    leave = ("send-keys", "-t", seat.pane, "-X", "cancel")
    with meanwhile(seat, ("copy-mode", "-t", seat.pane), leave, leave):
        sent = [stage.send("work", mark(f"c{number}")) for number in range(many)]
        time.sleep(count(1, 2))
    seat.server.run(*leave, check=False)
    assert set(stage.settle(sent)) == {"delivered"}
    seat.fence()
    assert seat.marked == [f"c{number}" for number in range(many)]
    tally.add("commands through changing modes", many)


@pytest.mark.parametrize("many", parts(20, 200, each=20))
def test_the_active_pane_changes_while_typing(stage: Stage, seat: Seat, tally: Tally, many: int) -> None:
    """Each command runs once, in one of the two."""
    made = ("split-window", "-P", "-F", "#{pane_id}", "-t", seat.pane, "-c", str(seat.folder), BASH)
    other = seat.server.run(*made).strip()
    with meanwhile(seat, ("select-pane", "-t", seat.pane), ("select-pane", "-t", other)):
        sent = [stage.send("work", mark(f"c{number}")) for number in range(many)]
        assert set(stage.settle(sent)) == {"delivered"}
    seat.server.keys(other, mark("other"), "Enter")
    seat.fence()
    until(lambda: "other" in seat.marked, what="both ran all", within_s=WITHIN_S)
    assert sorted(seat.marked) == sorted(["other", *(f"c{number}" for number in range(many))])
    tally.add("commands through changing panes", many)
