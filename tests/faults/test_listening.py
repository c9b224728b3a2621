"""Listeners and daemons that are killed: no event is left out, and none is told twice."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.wait import until
from tsipc_client.client import Client
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import WireError
from tsipcd.stream import stream as streams
from tsipcd.stream.archive import Archive
from tsipcd.stream.stream import Stream

EVENT = "deploy.app"


def published(daemon: Daemon, data: list[str]) -> None:
    """All of them are durable on return, in this order."""
    with Client(daemon.directory, start=False) as client:
        for outcome in client.call_many([m.Publish(source="s", event=EVENT, data=each) for each in data]):
            assert isinstance(outcome, m.Published), outcome


def heard(daemon: Daemon, count: int, start: int = 0) -> list[m.EventView]:
    """The first `count` events from `start` on, or as many as there are."""
    with Client(daemon.directory, start=False) as client:
        first = client.call(m.Listen(start=start, wait=False))
        events: list[m.EventView] = []
        while isinstance(first, m.Heard) and len(events) < count:
            events += first.events
            if not first.events and first.next == start:
                break
            start = first.next
            first = client.call(m.Listen(start=start, wait=False))
        return events


LIVES = 300


def _events(client: Client, start: int) -> Generator[m.EventView, None, None]:
    yield from client.listen("deploy.*", start=start, timeout_s=5)


def test_a_listener_that_is_cut_off_again_and_again(daemon: Daemon) -> None:
    """Each life reads a little, from disk or memory, while others publish; the daemon is killed, too."""
    wanted = [str(number) for number in range(10 * LIVES)]
    chance = random.Random(6)  # noqa: S311 - any will do
    seen: list[str] = []
    lives, start, done = 0, 0, 0
    while len(seen) < len(wanted):
        if done < len(wanted) and lives % 5 == 0:
            published(daemon, wanted[done : done + 50])
            done += 50
        if lives % 60 == 59:
            daemon.kill()
            daemon.start()
        with Client(daemon.directory, start=False) as client:
            most = chance.randint(1, 12) if done < len(wanted) else 100
            with closing(_events(client, start)) as stream:
                for event in itertools.islice(stream, most):
                    seen.append(event.data)
                    start = event.seq + 1
                    if event.data == wanted[done - 1]:
                        break
        lives += 1
    assert seen == wanted
    assert lives > LIVES // 2


def test_listeners_and_daemon_die_while_events_come(daemon: Daemon, short_path: Path) -> None:
    """Processes, killed with SIGKILL, each at its own time; what was acknowledged is heard once, in order."""
    sure: list[str] = []
    over = threading.Event()

    def publish() -> None:
        # A key repeats safely what a killed daemon did not answer.
        for number in itertools.count():
            while not over.is_set():
                try:
                    with Client(daemon.directory, start=False) as client:
                        client.publish("s", EVENT, str(number), key=f"k{number}")
                except WireError:
                    continue
                sure.append(str(number))
                break
            if over.is_set():
                return

    publisher = threading.Thread(target=publish)
    publisher.start()
    files = [short_path / f"heard-{number}" for number in range(3)]
    command = [sys.executable, "-m", "tests.stream.listener", str(daemon.directory)]
    try:
        for _ in range(3):
            listeners = [subprocess.Popen([*command, str(file), "deploy.**"], cwd=ROOT) for file in files]
            for number, listener in enumerate(listeners):
                goal = len(sure) + 30 * (number + 1)
                until(lambda goal=goal: len(sure) >= goal, what="events are published")  # type: ignore[misc]
                if number == 1:
                    daemon.kill()
                    daemon.start()
                listener.kill()
                listener.wait(60)
    finally:
        over.set()
        publisher.join(60)
    last = [subprocess.Popen([*command, str(file), "deploy.**"], cwd=ROOT) for file in files]
    try:
        for file in files:
            until(lambda file=file: told(file)[-1:] == sure[-1:], what="all was heard")  # type: ignore[misc]
    finally:
        for listener in last:
            listener.kill()
            listener.wait(60)
    # One more may have been accepted whose answer nobody waited for.
    assert all(told(file)[: len(sure)] == sure for file in files)


def told(file: Path) -> list[str]:
    """The data of the events whose lines are whole."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [line.split()[1] for line in lines]


def test_what_a_kill_left_in_memory_comes_from_the_journal(daemon: Daemon) -> None:
    """Right after the acknowledgement, before the archive was written."""
    for number in range(3):
        published(daemon, [str(number)])
        daemon.kill()
        daemon.start()
    assert [event.data for event in heard(daemon, 3)] == ["0", "1", "2"]


def without_replay() -> None:
    """The archive does not look into the journal."""
    Archive.replay = lambda *_: None  # type: ignore[method-assign]
    # Nor is it written before the kill, however slow that is.
    defaults = Stream.__init__.__kwdefaults__
    assert defaults is not None
    defaults["delay_s"] = 600.0


def test_that_is_seen_without_the_journal(short_path: Path) -> None:
    """Negative control: an archive that trusts itself has a gap."""
    daemon = Daemon(short_path / "ipc", weakened="tests.faults.test_listening:without_replay")
    daemon.start()
    try:
        published(daemon, ["0"])
        daemon.kill()
        daemon.start()
        published(daemon, ["1"])
        assert [event.data for event in heard(daemon, 2)] == ["1"]
    finally:
        daemon.close()


def resident_bytes(daemon: Daemon) -> int:
    pages = Path(f"/proc/{daemon.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def on_disk(daemon: Daemon) -> int:
    return sum(file.stat().st_size for file in (daemon.directory / "stream").iterdir())


def flood_past_a_sleeper(daemon: Daemon) -> int:
    """Bytes that the daemon grew by while 40 MB of events passed three listeners, and one that stopped."""
    published(daemon, ["warm" * 2500] * 1000)
    before = resident_bytes(daemon)
    with Client(daemon.directory, start=False) as sleeper:
        # It asks, and never reads an answer: the thread that would is not there.
        stream = sleeper.listen(EVENT, start=0)
        next(stream)
        counts = [0] * 3

        def listen(place: int) -> None:
            with Client(daemon.directory, start=False) as client:
                for event in client.listen(EVENT, start=0):
                    counts[place] += 1
                    if event.data == "end":
                        return

        threads = [threading.Thread(target=listen, args=(place,)) for place in range(3)]
        for thread in threads:
            thread.start()
        for done in range(0, 4000, 400):
            published(daemon, ["data" * 2500] * 400)
            # A disk that is slow for others' sake is not what is measured.
            goal = 10_000 * (1400 + done)
            until(lambda goal=goal: on_disk(daemon) > goal, what="the archive has it")  # type: ignore[misc]
        published(daemon, ["end"])
        for thread in threads:
            thread.join(120)
        assert counts == [5001] * 3
        grown = resident_bytes(daemon) - before
        rest = sum(1 for _ in itertools.islice(stream, 5000))
        assert rest == 5000
    return grown


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to measure by")
def test_a_listener_that_stops_reading_takes_no_memory(daemon: Daemon) -> None:
    """The others get all; when it goes on, it gets all from disk."""
    assert flood_past_a_sleeper(daemon) < 50 << 20


def without_bound() -> None:
    """Every event stays in memory."""
    streams.KEPT = streams.KEPT_BYTES = 1 << 60  # type: ignore[misc]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to measure by")
def test_memory_is_seen_to_grow_without_the_bound(short_path: Path) -> None:
    """Negative control: events that are kept in memory for those who are behind."""
    daemon = Daemon(short_path / "ipc", weakened="tests.faults.test_listening:without_bound")
    daemon.start()
    try:
        assert flood_past_a_sleeper(daemon) > 80 << 20
    finally:
        daemon.close()
