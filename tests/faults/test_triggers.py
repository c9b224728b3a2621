"""Workflows that start by themselves, while the daemon is killed around their time and the clock is set.

Every run leaves a mark in the folder of the shell it is typed into: a time or an event that started two runs
left two, and one that was lost left none.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest

from tests.faults.clocked import WITHIN_S, Clocked
from tests.faults.dying import CALLS, DYING, FAULTS
from tests.faults.effort import chance, count
from tests.faults.stage import Seat, Stage
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd.core.triggers.starting import Triggers
from tsipcd.core.triggers.table import TriggerTable
from tsipcd.intake import Intake

MODULE = "tests.faults.test_triggers"
NIGHTS = min(count(4, 12), 28)
STEP = 25
"""One in so many calls is a moment of death."""

NIGHTLY = {"schedule": {"cron": "0 3 * * *"}}
PATIENT = {"schedule": {"cron": "0 3 * * *", "catchup": "6h"}}
PUSHED = {"event": {"type": "pushed", "if": "event.json.branch == 'main'"}}
MAIN = json.dumps({"branch": "main"})


def dies_when_due() -> None:
    """SIGKILL when a run is due, durably, and nothing was done for it yet."""
    Intake.on_due = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]


def forgets_what_is_due() -> None:
    """The safeguard switched off: a new life does not ask what an earlier one had to start."""
    Triggers.restore = lambda *_: None  # type: ignore[method-assign]


def forgets_what_started() -> None:
    """The safeguard switched off: a run that began leaves its time or event due."""
    TriggerTable.started = lambda *_: None  # type: ignore[method-assign]


class Night:
    """A workflow that marks `here`, and a daemon whose clock can be set."""

    def __init__(self, stage: Stage, tally: Tally) -> None:
        self.stage = stage
        self.tally = tally
        self.seat: Seat = stage.seat("one", "here")
        self.clocked = Clocked(stage)
        self.daemon = stage.daemon

    def save(self, on: dict[str, Any], mark: str = "ran") -> None:
        """Drop the workflow's file into the folder."""
        folder = self.daemon.directory / "workflows"
        folder.mkdir(mode=0o700, exist_ok=True)
        steps = [{"session": "here", "run": self.seat.mark(mark)}]
        text = json.dumps({"name": "nightly", "version": 2, "on": on, "steps": steps})
        new = folder / ".new"
        new.write_text(text)
        new.replace(folder / "nightly.json")

    def start(self, at: str, weakened: str = "", faults: str = "", calls: int = 0) -> None:
        """Another life, in which it is that time; do not wait for it."""
        self.daemon.weakened = weakened and (weakened if ":" in weakened else f"{MODULE}:{weakened}")
        self.daemon.environment |= {FAULTS: faults, CALLS: str(calls)}
        self.clocked.set_to(at)
        self.daemon.launch()

    def serve(self, at: str, weakened: str = "") -> None:
        """Another life, in which it is that time; wait until it has read its files."""
        self.start(at, weakened)
        until(self.daemon.serves, what="the daemon serves", within_s=WITHIN_S)
        self.listed()

    def listed(self) -> dict[str, Any]:
        """What starts by itself now."""
        answer: dict[str, Any] = self.daemon.call("schedule")
        return answer

    def goes_on(self) -> bool:
        return any(run["status"] == "running" for run in self.daemon.call("runs")["runs"])

    def settle(self) -> list[str]:
        """The marks, when no run is under way or due any more."""
        self.listed()
        until(lambda: not self.goes_on(), what=f"the runs end; {self.log()}", within_s=WITHIN_S)
        self.seat.fence()
        return self.seat.marked

    def marks(self, *expected: str) -> None:
        """Wait until these marks are there, then see that no other comes."""
        until(
            lambda: len(self.seat.marked) >= len(expected),
            what=f"{expected} instead of {self.seat.marked}; {self.log()}",
            within_s=WITHIN_S,
        )
        assert self.settle() == list(expected), self.log()

    def log(self) -> list[str]:
        """The event log's lines, straight from its file."""
        file = self.daemon.directory / "events.log"
        return file.read_text().splitlines() if file.exists() else []

    def logs(self, *words: str) -> None:
        """Wait until a line of the event log has all of these."""
        until(
            lambda: any(all(word in line for word in words) for line in self.log()),
            what=f"{words} in the event log",
            within_s=WITHIN_S,
        )

    def dies(self) -> None:
        process = self.daemon.process
        assert process is not None
        assert process.wait(WITHIN_S) == -signal.SIGKILL


@pytest.fixture
def night(short_path: Path, tally: Tally) -> Iterator[Night]:
    """Nothing runs yet but the shell."""
    stage = Stage(short_path)
    yield Night(stage, tally)
    stage.close()


def test_a_time_comes_while_the_daemon_runs(night: Night) -> None:
    """One run, however often the clock shows that time again."""
    night.save(NIGHTLY)
    night.serve("2026-06-02T02:59:30+00:00")
    for at in ("03:00:05", "02:59:40", "03:00:20"):
        night.clocked.set_to(f"2026-06-02T{at}+00:00")
        night.marks("ran")
    (listed,) = night.listed()["schedules"]
    assert (listed["workflow"], listed["last_run"]) == ("nightly", "run-1")
    night.logs(" FIRE nightly (0 3 * * * UTC, due 2026-06-02T03:00:00")
    night.tally.add("clocks set around a schedule's time", 3)


def test_killed_at_every_call_around_a_time(night: Night) -> None:
    """Each night's run is there once, wherever the daemon that began with it was killed."""
    night.save(NIGHTLY)
    expected: list[str] = []
    for day, calls in zip(
        range(1, NIGHTS + 1), numbers(1 + chance("nights").randrange(STEP), STEP), strict=False
    ):
        night.save(NIGHTLY, f"night-{day}")
        date = f"2026-07-{day:02}"
        night.serve(f"{date}T02:50:00+00:00")
        night.daemon.kill()
        night.start(f"{date}T03:00:02+00:00", DYING, "dies_at_call", calls)
        expected.append(f"night-{day}")
        process = night.daemon.process
        assert process is not None
        until(
            lambda: process.poll() is not None or len(night.seat.marked) == len(expected),  # noqa: B023
            what="the night's run, or its death",
            within_s=WITHIN_S,
        )
        if process.poll() is None:
            night.daemon.kill()
        night.serve(f"{date}T03:00:12+00:00")
        night.marks(*expected)
        night.daemon.kill()
        night.tally.add("kill points around a schedule's time")


def test_killed_when_the_time_has_come(night: Night) -> None:
    """The time was decided about, and its run not begun: the next life begins it."""
    night.save(NIGHTLY)
    night.serve("2026-06-02T02:50:00+00:00")
    night.daemon.kill()
    night.start("2026-06-02T03:00:02+00:00", "dies_when_due")
    night.dies()
    night.serve("2026-06-02T09:00:00+00:00")
    night.marks("ran")


def test_killed_between_an_event_and_its_run(night: Night) -> None:
    """Who published it had no answer, and asks again: there is one run."""
    night.save(PUSHED)
    night.serve("2026-06-02T02:50:00+00:00", "dies_when_due")
    with pytest.raises((OSError, AssertionError)):
        night.daemon.call("publish", source="git", event="pushed", data=MAIN, key="k")
    night.dies()
    night.serve("2026-06-02T02:51:00+00:00")
    for _ in range(2):
        night.daemon.call("publish", source="git", event="pushed", data=MAIN, key="k")
    night.daemon.call("publish", source="git", event="pushed", data="{}", key="other")
    night.marks("ran")
    night.tally.add("kill points between an event and its run")


@pytest.mark.parametrize(("weakened", "expected"), [("forgets_what_is_due", 0), ("forgets_what_started", 2)])
def test_without_the_safeguard_the_oracle_fails(night: Night, weakened: str, expected: int) -> None:
    """The same marks show what was lost, and what ran twice."""
    night.save(PUSHED)
    night.serve("2026-06-02T02:50:00+00:00", "dies_when_due")
    with pytest.raises((OSError, AssertionError)):
        night.daemon.call("publish", source="git", event="pushed", data=MAIN, key="k")
    night.dies()
    for _ in range(2):
        night.serve("2026-06-02T02:51:00+00:00", weakened)
        if expected:
            until(lambda: bool(night.seat.marked), what="a mark", within_s=WITHIN_S)
        night.settle()
        night.daemon.kill()
    night.serve("2026-06-02T02:52:00+00:00", weakened)
    if expected:
        until(lambda: len(night.seat.marked) >= expected, what="another mark", within_s=WITHIN_S)
    else:
        assert night.settle() == []


def test_a_time_without_a_daemon_is_made_up_for(night: Night) -> None:
    """Within its catch-up; the nights before it are said to be skipped."""
    night.save(PATIENT)
    night.serve("2026-06-02T02:50:00+00:00")
    night.daemon.kill()
    night.serve("2026-06-05T08:00:00+00:00")
    night.marks("ran")
    night.logs(" SKIP nightly ", "3 from 2026-06-02T03:00:00+00:00 to 2026-06-04T03:00:00+00:00")
    night.logs(" FIRE nightly ", "due 2026-06-05T03:00:00+00:00")


def test_a_time_without_a_daemon_and_catchup_is_skipped(night: Night) -> None:
    """And the event log says so."""
    night.save(NIGHTLY)
    night.serve("2026-06-02T02:50:00+00:00")
    night.daemon.kill()
    night.serve("2026-06-02T08:00:00+00:00")
    assert night.settle() == []
    night.logs(" SKIP nightly ", "it has no catchup")


def test_an_edit_is_noticed_although_nobody_asks(night: Night) -> None:
    """A file that is replaced, written over in its place, broken, and deleted."""
    night.daemon.environment.pop("LD_PRELOAD")
    night.start("2026-06-02T02:50:00+00:00")
    until(night.daemon.serves, what="the daemon serves", within_s=WITHIN_S)
    night.save(NIGHTLY)
    night.logs(" ARM nightly (0 3 * * * UTC)")
    file = night.daemon.directory / "workflows/nightly.json"
    good = file.read_text().replace("0 3 * * *", "0 4 * * *")
    file.write_text(good)
    night.logs(" DISARM nightly (0 3 * * * UTC)")
    night.logs(" ARM nightly (0 4 * * * UTC)")
    file.write_text("{")
    assert [view["cron"] for view in night.listed()["schedules"]] == ["0 4 * * *"]
    file.write_text(good)
    file.unlink()
    night.logs(" DISARM nightly (0 4 * * * UTC)")
    yaml = file.with_suffix(".yaml")
    yaml.write_text("on: {schedule: '0 5 * * *'}\nsteps: [{session: here, run: ls}]\n")
    night.logs(" ARM nightly (0 5 * * * UTC)")
    yaml.write_text(yaml.read_text().replace("0 5", "0 6"))
    night.logs(" ARM nightly (0 6 * * * UTC)")


def test_a_schedule_costs_no_wake_up_before_its_time(night: Night) -> None:
    """Seconds pass in which no thread of the daemon runs."""
    night.daemon.environment.pop("LD_PRELOAD")
    night.save({"schedule": {"cron": "0 3 1 1 *"}})
    night.start("2026-06-02T02:50:00+00:00")
    until(night.daemon.serves, what="the daemon serves", within_s=WITHIN_S)
    night.listed()
    since, known = time.monotonic(), -1

    def is_quiet() -> bool:
        nonlocal since, known
        found = _wakeups(night.daemon.pid)
        if found != known:
            since, known = time.monotonic(), found
        return time.monotonic() - since > 2

    until(is_quiet, what="two seconds without a wake-up", within_s=WITHIN_S)


def _wakeups(pid: int) -> int:
    """How often its threads went to sleep."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        fields = dict(line.split(":\t") for line in status.read_text().splitlines() if ":\t" in line)
        total += int(fields["voluntary_ctxt_switches"])
    return total
