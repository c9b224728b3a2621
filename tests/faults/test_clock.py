"""The wall clock is set while the daemon runs, and while it does not: what waits keeps the time it had left.

libfaketime stands between the daemon and the clock; the file that it reads says by how much the clock is off.
The monotonic clock goes on as it does in a machine whose clock is set.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.faults.clocked import HOUR, WITHIN_S, YEAR, Clocked
from tests.faults.effort import count
from tests.faults.stage import Stage
from tests.faults.tally import Tally
from tests.support.wait import until

MODULE = "tests.faults.test_clock"
JUMPS = [YEAR, -YEAR, HOUR * 2, -HOUR * 2][: count(2, 4)]
DATES = ["1969-06-01", "2231-12-31", "2038-01-20", "2106-02-08"][: count(2, 4)]


def unwatched() -> None:
    """The safeguard switched off: nobody notices that the clock was set."""
    mock.patch("tsipcd.clock.Clock.set_by_s", return_value=0.0).start()


def trusting() -> None:
    """The safeguard switched off: what the clock says at start is believed."""
    mock.patch("tsipcd.core.clock.set_back_s", return_value=0.0).start()


@pytest.fixture
def stage(short_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A place for a daemon, weakened as the test's parameter says."""
    weakened = getattr(request, "param", "")
    place = Stage(short_path, weakened=weakened and f"{MODULE}:{weakened}")
    yield place
    place.close()


@pytest.fixture
def clocked(stage: Stage) -> Clocked:
    """A daemon that serves, and whose clock can be set."""
    clocked = Clocked(stage)
    clocked.daemon.start()
    return clocked


@pytest.mark.parametrize("by_s", JUMPS)
def test_a_clock_that_is_set_expires_nothing_and_keeps_nothing(
    clocked: Clocked, tally: Tally, by_s: int
) -> None:
    """Who had an hour left has an hour left, who had seconds has those; after a restart it is still so."""
    long = clocked.hold(ttl_s=HOUR)
    short = clocked.hold(ttl_s=3)
    clocked.set(by_s)
    assert clocked.daemon.status_of(long) == "held"
    clocked.expires(short)
    assert HOUR - WITHIN_S < clocked.left_s(long) <= HOUR
    clocked.expires(clocked.hold(ttl_s=1))
    clocked.stage.restart()
    assert clocked.daemon.status_of(long) == "held"
    assert HOUR - 2 * WITHIN_S < clocked.left_s(long) <= HOUR
    assert f"the clock was set by {by_s:+}" in clocked.daemon.log.read_text()
    tally.add("clocks set under a running daemon")


@pytest.mark.parametrize("stage", ["unwatched"], indirect=True)
@pytest.mark.parametrize("by_s", [YEAR, -YEAR])
def test_unwatched_a_clock_that_is_set_decides(clocked: Clocked, by_s: int) -> None:
    """The same oracle fails without it: a year forward ends everything, a year back nothing ever."""
    long = clocked.hold(ttl_s=HOUR)
    clocked.set(by_s)
    if by_s > 0:
        clocked.stage.restart()
        clocked.expires(long)
    else:
        assert clocked.left_s(long) > YEAR


def test_a_clock_that_was_set_back_between_two_lives(clocked: Clocked, tally: Tally) -> None:
    """Time does not run backwards: nobody has longer than before, and timers run."""
    clocked.set(YEAR)
    long, short = clocked.hold(ttl_s=HOUR), clocked.hold(ttl_s=5)
    clocked.daemon.kill()
    clocked.set(0)
    clocked.daemon.start()
    assert HOUR - WITHIN_S < clocked.left_s(long) <= HOUR + 10
    clocked.expires(short)
    clocked.set(YEAR)
    assert clocked.daemon.status_of(long) == "held"
    assert clocked.left_s(long) <= HOUR + 10
    tally.add("clocks set between two lives", 2)


@pytest.mark.parametrize("stage", ["trusting"], indirect=True)
def test_believing_the_clock_at_start_makes_messages_immortal(clocked: Clocked) -> None:
    """The same oracle fails without the safeguard."""
    clocked.set(YEAR)
    long = clocked.hold(ttl_s=HOUR)
    clocked.daemon.kill()
    clocked.set(0)
    clocked.daemon.start()
    assert clocked.left_s(long) > YEAR - HOUR


def test_a_year_without_a_daemon_leaves_a_record(clocked: Clocked, tally: Tally) -> None:
    """Of the time between two lives only the clock can tell: what expired in it says so, each on its line."""
    messages = [clocked.hold(ttl_s=HOUR) for _ in range(5)]
    clocked.daemon.kill()
    clocked.set(YEAR)
    clocked.daemon.start()
    for message in messages:
        clocked.expires(message)
    lines = clocked.daemon.call("events", lines=100)["lines"]
    assert sum(" EXPIRE tomorrow " in line for line in lines) == len(messages)
    tally.add("clocks set between two lives")


@pytest.mark.parametrize("date", DATES)
def test_any_date_will_do(clocked: Clocked, tally: Tally, date: str) -> None:
    """Before the epoch, after what 32 bits hold, as late as a system goes: it types, writes and recovers."""
    seat = clocked.stage.seat("one", "here")
    held = clocked.hold(ttl_s=HOUR)
    clocked.set_to(date)
    for number in range(2):
        sent = clocked.stage.send("here", seat.mark(number))
        clocked.stage.becomes(sent, "delivered")
        assert clocked.stage.daemon.status_of(held) == "held"
        lines = clocked.daemon.call("events", lines=100)["lines"]
        assert lines[-1].startswith(date[:4]), lines[-1]
        process = clocked.daemon.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
        assert (clocked.daemon.directory / f"queue/{sent}.json").exists()
        clocked.daemon.start()
    seat.fence()
    assert seat.marked == ["0", "1"]
    assert "Traceback" not in clocked.daemon.log.read_text()
    tally.add("odd dates")


def test_typing_and_steps_go_on_while_the_clock_jumps(clocked: Clocked, tally: Tally) -> None:
    """Each command is typed once, a step under way ends, the log has a line for each; times may go back."""
    seat = clocked.stage.seat("one", "here")
    clocked.daemon.call(
        "workflow",
        name="slow",
        steps=[{"session": "here", "command": f"sleep 2; {seat.mark('step')}"}],
    )
    clocked.daemon.call("run", name="slow", follow=False, key="slow")
    messages = []
    for number, by_s in enumerate((YEAR, -YEAR, 10 * YEAR, 0, -HOUR, HOUR)):
        clocked.set(by_s)
        messages.append(clocked.stage.send("here", seat.mark(number)))
    assert clocked.stage.settle(messages) == ["delivered"] * len(messages)
    assert clocked.daemon.call("run", name="slow", follow=True, key="slow")["status"] == "success"
    seat.fence()
    assert seat.marked == ["step", *map(str, range(len(messages)))]
    lines = clocked.daemon.call("events", lines=1000)["lines"]
    assert sum(" DELIVER here " in line for line in lines) == len(messages)
    assert [line[:4] for line in lines] != sorted(line[:4] for line in lines)
    tally.add("clocks set under a running daemon", len(messages))


def test_a_frame_under_way_has_its_time(clocked: Clocked, tally: Tally) -> None:
    """A client in the middle of a message is not overdue because the clock says so."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(str(clocked.daemon.socket_path))
        connection.sendall(b'{"jsonrpc": "2.0", "id": 1, ')
        clocked.set(YEAR)
        clocked.daemon.call("status")
        connection.sendall(b'"method": "hello", "params": {}}\n')
        assert b"result" in connection.recv(4096)
    tally.add("clocks set under a running daemon")


def test_a_daemon_that_stood_still(clocked: Clocked, tally: Tally) -> None:
    """After a pause, as of a suspended machine, what expired meanwhile has, and whoever asked is answered."""
    held, short = clocked.hold(ttl_s=HOUR), clocked.hold(ttl_s=1)
    os.kill(clocked.daemon.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(str(clocked.daemon.socket_path))
        connection.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": {}}\n')
        deadline = time.monotonic() + 3
        until(lambda: time.monotonic() > deadline, what="some seconds have passed")
        os.kill(clocked.daemon.pid, signal.SIGCONT)
        assert b"result" in connection.recv(4096)
    clocked.expires(short)
    assert clocked.daemon.status_of(held) == "held"
    tally.add("pauses of the daemon")
