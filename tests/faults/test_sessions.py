"""Names of any shape, on any server, and sockets that are no tmux: a command reaches its session or waits.

Oracle: what a name means is compared byte for byte when it is asked for; nothing reaches a session that only
looks alike; what is there twice is refused with the candidates; what does not answer holds nobody else.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.effort import count
from tests.faults.stage import WITHIN_S, Seat, Stage, mark
from tests.faults.tally import Tally
from tests.support.daemon import call
from tests.support.wait import until
from tsipcd.core import names

pytestmark = pytest.mark.tmux

NewStage = Callable[..., Stage]


def ran(seat: Seat, *marks: str) -> None:
    """Exactly these commands ran there."""
    seat.fence()
    assert seat.marked == list(marks)


ODD = ["=x", "%0", "$1", "@1", "{last}", "*", "!", "+", "-t", "a b", "~", "x;y", "##(id)", "세션", "work-2"]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_tmux_would_take_for_something_else(stage: Stage, tally: Tally, name: str) -> None:
    """What tmux would resolve to another session reaches the one of that name, and no other."""
    others = [stage.seat("a", other) for other in ("x", "work")]
    stage.witness("a")
    tmux = stage.server("a")
    seat = stage.seat("a", "plain")
    tmux.run(
        "rename-session",
        "-t",
        "=plain",
        "--" if name.startswith("-") else name,
        *([name] * name.startswith("-")),
    )
    listed = [session["name"] for session in stage.daemon.call("sessions")["sessions"]]
    (shown,) = set(listed) - {"x", "work", "witness"}
    assert stage.settle([stage.send(shown, mark("c0")), stage.send(shown, mark("c1"))]) == ["delivered"] * 2
    ran(seat, "c0", "c1")
    for other in others:
        ran(other)
    assert stage.witnessed() == b""
    tally.add("odd names")


def by_its_beginning() -> None:
    """Names are matched as tmux does it: by their beginning."""
    kind: Any = names.World
    session = kind._session

    def prefix(self: Any, name: str, server: str = "") -> Any:
        for other in self._by_name:
            if other.startswith(name):
                return session(self, other, server)
        return None

    kind._session = prefix


def a_beginning_is_no_name(stage: Stage) -> None:
    """`work` is gone, `work-2` is there."""
    seat, other = stage.seat("a", "work"), stage.seat("a", "work-2")
    stage.daemon.start()
    stage.settle([stage.send("work", mark("c0"))])
    seat.fence()
    seat.server.run("kill-session", "-t", "=work")
    waits = stage.send("work", mark("c1"))
    stage.becomes(waits, "held", "no session work yet")
    assert call(stage.daemon.socket_path, "send", source="t", target="wor", message="x")["error"]
    again = stage.seat("a", "work")
    assert stage.settle([waits]) == ["delivered"]
    ran(again, "c1")
    ran(other)


def test_a_beginning_is_no_name(new_stage: NewStage, tally: Tally) -> None:
    """A session whose name begins alike gets nothing."""
    a_beginning_is_no_name(new_stage())
    tally.add("odd names")


def test_by_its_beginning_it_would_go_elsewhere(new_stage: NewStage, tally: Tally) -> None:
    """Negative control: matched as tmux matches, the command ends in the other session."""
    stage = new_stage(weakened=f"{__name__}:{by_its_beginning.__name__}")
    with pytest.raises(AssertionError):
        a_beginning_is_no_name(stage)
    tally.add("negative controls that failed as they must")


def busy(stage: Stage, seat: Seat) -> list[str]:
    """Two commands that wait because their pane is busy."""
    seat.server.keys(seat.pane, "sleep 1000", "Enter")
    sent = [stage.send(seat.name, mark("c0")), stage.send(seat.name, mark("c1"))]
    stage.becomes(sent[0], "held", "busy: sleep")
    return sent


def test_a_session_that_is_renamed(stage: Stage, tally: Tally) -> None:
    """Its commands wait for the name, not for the pane; the next session of that name gets them."""
    seat = stage.seat("a", "work")
    sent = busy(stage, seat)
    seat.server.run("rename-session", "-t", "=work", "done")
    seat.server.keys(seat.pane, "", "C-c")
    stage.becomes(sent[0], "held", "no session work yet")
    new = stage.seat("a", "work")
    assert stage.settle(sent) == ["delivered", "delivered"]
    ran(new, "c0", "c1")
    ran(seat)
    tally.add("sessions that changed")


@pytest.mark.parametrize("server", ["a", "b"])
def test_a_session_that_is_made_again(stage: Stage, tally: Tally, server: str) -> None:
    """Killed while its commands wait, and made again on its server or another: they run there, once."""
    seat = stage.seat("a", "work")
    stage.witness("a")
    sent = busy(stage, seat)
    seat.server.run("kill-session", "-t", "=work")
    stage.becomes(sent[0], "held", "no session work yet")
    new = stage.seat(server, "work")
    assert stage.settle(sent) == ["delivered", "delivered"]
    ran(new, "c0", "c1")
    assert (seat.marked, stage.witnessed()) == ([], b"")
    tally.add("sessions that changed")


def test_a_name_on_two_servers(stage: Stage, tally: Tally) -> None:
    """Refused with the candidates; each is reached by its server's name."""
    seats = [stage.seat(server, "work") for server in "ab"]
    error = call(stage.daemon.socket_path, "send", source="t", target="work", message="x")["error"]
    assert error["data"]["code"] == "ambiguous_session"
    assert len(error["data"]["data"]["candidates"]) == 2
    assert (
        stage.settle([stage.send("work@a", mark("c0")), stage.send("work@b", mark("c1"))])
        == ["delivered"] * 2
    )
    ran(seats[0], "c0")
    ran(seats[1], "c1")
    tally.add("sessions that changed")


def test_the_last_session_of_the_user(stage: Stage, tally: Tally) -> None:
    """Its server exits as it would without us, although commands wait; a new one gets them."""
    seat = stage.seat("a", "work")
    sent = busy(stage, seat)
    seat.server.run("kill-session", "-t", "=work")
    until(
        lambda: not Path(f"/proc/{seat.server_pid}/fd/0").exists(), what="the server exits", within_s=WITHIN_S
    )
    stage.becomes(sent[0], "held", "no session work yet")
    new = stage.seat("a", "work")
    assert stage.settle(sent) == ["delivered", "delivered"]
    ran(new, "c0", "c1")
    tally.add("sessions that changed")


def test_a_socket_that_was_deleted(stage: Stage, tally: Tally) -> None:
    """The open connection goes on; after a restart commands wait until the server makes its socket again."""
    seat = stage.seat("a", "work")
    stage.settle([stage.send("work", mark("c0"))])
    seat.server.socket.unlink()
    assert stage.settle([stage.send("work", mark("c1"))]) == ["delivered"]
    stage.restart()
    waits = stage.send("work", mark("c2"))
    stage.becomes(waits, "held", "no session work yet")
    os.kill(seat.server_pid, signal.SIGUSR1)
    assert stage.settle([waits]) == ["delivered"]
    ran(seat, "c0", "c1", "c2")
    tally.add("sockets that were odd")


@contextmanager
def imposters(folder: Path) -> Iterator[None]:
    """What can be in the sockets folder and is no tmux: silent, talking nonsense, stale, no socket at all."""
    (folder / "plain").write_text("no socket")
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "nowhere").symlink_to("gone")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(folder / "stale"))
    stale.close()
    listening = []
    for name in ("silent", "nonsense"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(folder / name))
        one.listen(8)
        listening.append(one)
    silent, nonsense = listening

    def talk() -> None:
        while True:
            try:
                with nonsense.accept()[0] as connection:
                    connection.sendall(b"\x00\xff nonsense %begin 1 2 3\n" * 100)
            except OSError:
                return

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        nonsense.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in (silent, nonsense):
            one.close()


def test_what_is_no_tmux_server(new_stage: NewStage, tally: Tally) -> None:
    """Sockets that never answer or answer nonsense, and what is no socket, hold nobody; it is said who."""
    stage = new_stage()
    seat = stage.seat("a", "work")
    with imposters(seat.server.socket.parent):
        stage.daemon.start()
        sent = [stage.send("work", mark(f"c{number}")) for number in range(count(10, 50))]
        assert set(stage.settle(sent)) == {"delivered"}
        until(
            lambda: any("/silent" in line for line in stage.daemon.call("sessions")["unreachable"]),
            what="the silent one is named",
            within_s=WITHIN_S,
        )
        ran(seat, *(f"c{number}" for number in range(len(sent))))
        stage.daemon.close()
    tally.add("sockets that were odd", 7)
