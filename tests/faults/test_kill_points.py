"""The daemon is killed at every k-th system call on files, wherever that is, and the oracle holds.

Each sweep goes through k = 1, 2, 3 ... until a life ends without being killed. The calls are counted in the
process itself; `strace` gives a second opinion with true system calls.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count as numbers
from pathlib import Path

import pytest

from tests.faults.dying import CALLS
from tests.faults.effort import EFFORT, Effort, chance, count
from tests.faults.orders import Orders
from tests.faults.tally import Tally
from tests.faults.traffic import Traffic, flood
from tests.faults.world import DEADLINE_S, World
from tests.support.daemon import ROOT
from tests.support.wait import until
from tsipcd.journal.fsck import Report, check

STEP = 10 if EFFORT is Effort.SHARE else 4
FIRST = (1 + chance("k").randrange(STEP),) if EFFORT is Effort.SHARE else tuple(range(1, STEP + 1))
"""Where sweeps begin. In CI there are several, side by side, which together meet every k."""

CHILD_KILLED = re.compile(f"compaction up to.*{-signal.SIGKILL}")
"""What the log says of a compaction that was killed."""

sweep = pytest.mark.parametrize("first", FIRST)


def points(tally: Tally, what: str, first: int) -> Iterator[int]:
    """Every k-th call to die at, counted."""
    for calls in numbers(first, STEP):
        yield calls
        tally.add(f"kill points in {what}")


def acknowledge(world: World, traffic: Traffic) -> None:
    world.start()
    world.expect_acknowledged(traffic.orders)
    world.kill()


@sweep
def test_in_a_first_start(world: World, first: int) -> None:
    """A folder that is half made is made."""
    for calls in points(world.tally, "a first start", first):
        world.launch("dies_at_call", calls=calls)
        killed = world.dies_before(lambda: world.answers() and world.subscribe())
        if killed:
            world.start()
            world.subscribe()
        world.kill()
        assert not check(world.daemon.directory / "journal").damage
        shutil.rmtree(world.daemon.directory)
        if not killed:
            return


@sweep
def test_in_a_recovery(world: World, orders: Orders, first: int, tmp_path: Path) -> None:
    """A start that finds a torn tail and an open intent: the next one finds the same."""
    world.start("small_segments")
    orders.traffic.do(world.daemon.socket_path, 20)
    world.settle()
    world.kill()
    world.start("tears_outcome")
    orders.send()
    world.expect_killed()
    torn = tmp_path / "torn"
    shutil.copytree(world.daemon.directory, torn, ignore=shutil.ignore_patterns("*.sock", "leash-*"))
    assert check(torn / "journal").torn_bytes
    for calls in points(world.tally, "a recovery", first):
        world.launch("dies_at_call", calls=calls)
        if not world.dies_before(world.answers):
            break
        if calls % 3:
            acknowledge(world, orders.traffic)
        shutil.rmtree(world.daemon.directory)
        shutil.copytree(torn, world.daemon.directory)
    world.kill()
    world.start()
    world.expect_acknowledged(orders.traffic.orders)
    world.expect_right(orders.traffic)


@sweep
def test_at_work(world: World, orders: Orders, first: int) -> None:
    """Sends, publishes, runs, subscriptions, with segments that fill up: the next life goes on."""
    for calls in points(world.tally, "ordinary work", first):
        world.start("small_segments", "dies_at_call_after_usr1", calls=calls)
        world.arm()
        orders.traffic.do(world.daemon.socket_path, 3)
        if not world.dies_before(world.is_settled):
            break
    world.kill()  # it still counts
    acknowledge(world, orders.traffic)
    world.start()
    world.expect_right(orders.traffic)


@sweep
def test_in_the_drain(world: World, orders: Orders, first: int) -> None:
    """A stop that does not come to its end: nothing is lost that was under way."""
    for calls in points(world.tally, "the drain at a stop", first):
        world.start("small_segments", "dies_at_call_after_usr1", calls=calls)
        orders.traffic.do(world.daemon.socket_path, 3)
        world.arm()
        os.kill(world.daemon.pid, signal.SIGTERM)
        assert world.daemon.process is not None
        if world.daemon.process.wait(DEADLINE_S) == 0:
            break
        world.expect_killed()
    acknowledge(world, orders.traffic)
    world.start()
    world.expect_right(orders.traffic)


@sweep
def test_in_a_compaction(world: World, first: int) -> None:
    """The child dies, then the daemon: the folder holds everything, and can be compacted again."""
    journal = world.daemon.directory / "journal"
    send = {"source": "here", "target": "one", "type": "notification", "message": "x" * 300}

    def compacted() -> bool:
        # It is looked into whenever something is recorded.
        world.daemon.call("send", **send)
        return any(journal.glob("*.snap"))

    for calls in points(world.tally, "a compaction", first):
        world.start("small_segments", "compacts_until_call", calls=calls)
        sent = flood(world.daemon.socket_path, 200, send)
        until(
            lambda: compacted() or CHILD_KILLED.search(world.daemon.log.read_text()),
            what="the child dies, or is done",
            within_s=DEADLINE_S,
        )
        killed = bool(CHILD_KILLED.search(world.daemon.log.read_text()))
        world.tally.add("SIGKILLs", killed)
        world.kill()
        world.start("small_segments")
        assert world.daemon.call("queue", limit=1)["waiting"] > sent
        until(compacted, what="it is compacted", within_s=DEADLINE_S)
        waiting = world.daemon.call("queue", limit=1)["waiting"]
        world.kill()
        assert not check(journal).damage
        world.start()
        assert world.daemon.call("queue", limit=1)["waiting"] == waiting
        world.kill()
        if not killed:
            return
        shutil.rmtree(world.daemon.directory)
        world.daemon.log.unlink()


@sweep
def test_in_a_salvage(world: World, orders: Orders, first: int, tmp_path: Path) -> None:
    """A salvage that dies and is made again keeps what a salvage keeps."""
    world.start("small_segments")
    orders.traffic.do(world.daemon.socket_path, 40)
    world.settle()
    world.stop()
    damaged = tmp_path / "damaged"
    shutil.copytree(world.daemon.directory, damaged)
    segments = sorted((damaged / "journal").glob("*.seg"))
    middle = segments[len(segments) // 2]
    with middle.open("r+b") as file:
        file.seek(middle.stat().st_size // 2)
        file.write(b"?????")
    kept = check(damaged / "journal")
    assert kept.damage
    for calls in points(world.tally, "a salvage", first):
        folder = tmp_path / str(calls)
        shutil.copytree(damaged, folder)
        killed = salvage(folder, calls)
        world.tally.add("SIGKILLs", killed)
        salvage(folder, 0)
        again: Report = check(folder / "journal")
        assert (again.damage, again.records, again.last_sequence) == ("", kept.records, kept.last_sequence)
        if not killed:
            return
        shutil.rmtree(folder)


def salvage(folder: Path, calls: int) -> bool:
    """Whether it was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.dying", "tsipcd.fsck", str(folder), "--salvage"],
        cwd=ROOT,
        env={**os.environ, CALLS: str(calls)},
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode in (0, 1, -signal.SIGKILL), done.stderr
    return done.returncode == -signal.SIGKILL


SYSTEM_CALLS = {
    "openat": 900,
    "pwrite64": 40,
    "fdatasync": 12,
    "fsync": 12,
    "rename": 12,
    "unlink": 4,
    "ftruncate": 4,
    "fallocate": 4,
}
"""What the daemon calls, and about how often in this test."""


@pytest.mark.parametrize("call", SYSTEM_CALLS)
def test_at_true_system_calls(world: World, orders: Orders, call: str) -> None:
    """The second opinion: `strace` sends the signal as the k-th call of a kind begins."""
    strace = shutil.which("strace") or ""
    options = ("-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", f"trace={call}")
    if not strace or subprocess.run([strace, *options, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs an strace that may trace")
    draw = chance("strace", call)
    for _ in range(count(1, 8)):
        when = draw.randint(1, SYSTEM_CALLS[call])
        inject = f"inject={call}:signal=SIGKILL:when={when}"
        world.daemon.wrapper = (strace, "-D", *options, "-e", inject)
        world.launch("small_segments")
        if not world.dies_before(world.answers):
            orders.traffic.do(world.daemon.socket_path, 3)
            if not world.dies_before(world.is_settled):
                world.kill()
        world.tally.add(f"kills at {call}")
        world.daemon.wrapper = ()
        acknowledge(world, orders.traffic)
    world.start()
    world.expect_right(orders.traffic)
