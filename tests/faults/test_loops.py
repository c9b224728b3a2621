"""Events through subscriptions that answer each other, in real shells: they end, and nobody else suffers.

A session answers an event by what the event has typed there: a script that publishes the next event, in the
name of whoever it likes. The oracle: few events are accepted, then each publisher is paused with one record
and one notice, what it tries after that leaves no trace, and other sessions are served all along.
"""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.effort import count
from tests.faults.tally import Tally
from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipc_client.wire.messages import Publish
from tsipcd.core import inputs as i
from tsipcd.core.chains import Pause
from tsipcd.core.loops import SHARED, Buckets, Loops
from tsipcd.core.turn import Turn

WITHIN_S = 300.0
DEPTH = 8
PAUSE_S = 3600
BURST = min(count(10, 100), 100)
"""What each bucket of a storm holds."""
TRIES = 25
"""Events that each answer of a storm publishes."""

GROWTH_KIB = 32 << 10
"""More than this the daemon must not grow by a storm; its messages alone are bounded far below."""


@dataclass(frozen=True)
class Pattern:
    """Who is subscribed to what, and which event each event is answered with. The first event begins it."""

    name: str
    subscribed: Sequence[tuple[str, str]]
    answers: Sequence[tuple[str, str]]
    chain: bool = True
    """Each event has one answer."""

    @property
    def sessions(self) -> list[str]:
        return sorted({session for session, _ in self.subscribed})


ITSELF = Pattern("itself", [("a", "e")], [("e", "e")])
EACH_OTHER = Pattern("each other", [("a", "ping"), ("b", "pong")], [("ping", "pong"), ("pong", "ping")])
RING = Pattern("a ring of three", [("a", "x"), ("b", "y"), ("c", "z")], [("x", "y"), ("y", "z"), ("z", "x")])
TREE = Pattern("a tree that doubles", [("a", "e"), ("b", "e")], [("e", "e")], chain=False)
PATTERNS = [ITSELF, EACH_OTHER, RING, TREE]


def without_guard() -> None:
    """Every event is admitted."""

    def admit(
        self: Loops,
        turn: Turn,
        caller: i.Caller,
        request: Publish,
        subscribers: Sequence[object],
        *,
        starts: int = 0,
    ) -> int:
        del request, subscribers, starts
        return self.depth_of(turn.now, caller) + 1

    Loops.admit = admit  # type: ignore[method-assign]


def without_buckets() -> None:
    """There is always a token left."""
    Buckets.take = lambda self, pair, now, cost: True  # type: ignore[method-assign]  # noqa: ARG005


def without_memory() -> None:
    """No pause is in force after the refusal that began it."""
    Pause.is_on = lambda self, now: False  # type: ignore[method-assign]  # noqa: ARG005


class Room:
    """A daemon, its sessions, and the scripts that answer events."""

    def __init__(self, folder: Path, tmux: Tmux) -> None:
        self.folder = folder
        self.tmux = tmux
        self.report = folder / "report"
        self.report.touch()
        self.began = 0.0
        (folder / "ipc").mkdir(mode=0o700)
        self.daemon = self.another()
        self.limit(BURST)

    def limit(self, burst: int) -> None:
        """What each bucket holds. It hardly fills, and a pause outlasts the test: the bounds are exact."""
        text = f"[events]\nburst = {burst}\nrate = 0.01\npause = {PAUSE_S}\n"
        (self.folder / "ipc/config.toml").write_text(text)

    def another(self, without: Callable[[], None] | None = None) -> Daemon:
        """A daemon for this room, perhaps with a safeguard off; it is not started."""
        weakened = f"{__name__}:{without.__name__}" if without is not None else ""
        environment = {"TMUX_TMPDIR": str(self.tmux.folder), "HOME": str(self.folder)}
        self.daemon = Daemon(self.folder / "ipc", environment, weakened=weakened)
        return self.daemon

    def play(self, pattern: Pattern, *, tries: int = 1, how: str = "") -> None:
        """Start the daemon and the sessions, subscribe, and publish the first event from no session."""
        self.daemon.start()
        for session in [*pattern.sessions, "calm"]:
            self.tmux.session(session)
        for session, event in pattern.subscribed:
            self.daemon.call("subscribe", session=session, event=event, action="command")
        for event, answer in pattern.answers:
            script = self.script(event)
            script.write_text(how or self.publishes(answer, tries))
        first, _ = pattern.answers[0]
        self.began = time.time()
        self.daemon.call("publish", source="beginning", event=first, data=self.types(first))

    def script(self, event: str) -> Path:
        """What is typed where the event comes."""
        return self.folder / f"on-{event}"

    def types(self, event: str) -> str:
        return f"sh {self.script(event)}"

    def hides(self, event: str) -> str:
        """The same once, from a process that soon has no shell in a pane among its parents."""
        return f"setsid -f sh -c {shlex.quote(f'sleep 0.02; {self.publishes(event, 1)}')}"

    def publishes(self, event: str, tries: int) -> str:
        """A shell command that publishes the event so many times."""
        words = [sys.executable, "-S", str(ROOT / "tests/faults/publishing.py"), str(self.daemon.socket_path)]
        return shlex.join([*words, str(self.report), event, self.types(event), str(tries)])

    def client(self, *words: str) -> str:
        """A shell command that runs `ts-ipc`."""
        settings = f"TS_IPC_DIR={self.folder}/ipc TS_IPC_NO_START=1 PYTHONPATH={ROOT}"
        return f"{settings} {shlex.join([sys.executable, '-m', 'tsipc_client', *words])}"

    @property
    def answered(self) -> list[tuple[int, int]]:
        """Accepted and refused, of each answer that has ended."""
        return [
            (int(accepted), int(refused))
            for accepted, refused in (line.split() for line in self.report.read_text().splitlines())
        ]

    def log(self, action: str) -> list[str]:
        """The lines of the event log about it, without their times."""
        self.daemon.call("events", lines=1)
        files = sorted((self.folder / "ipc").glob("events.log*"), reverse=True)
        lines = [line.split(" ", 1)[1] for file in files for line in file.read_text().splitlines()]
        return [line for line in lines if line.startswith(f"{action} ")]

    @property
    def paused(self) -> list[dict[str, Any]]:
        return list(self.daemon.call("status")["paused"])

    @property
    def until_paused(self) -> float:
        """Seconds from the first event to the first pause, by the daemon's own clock."""
        return min(float(paused["until"]) for paused in self.paused) - PAUSE_S - self.began

    def notices(self) -> Counter[str]:
        """How many each session has got."""
        messages = self.daemon.call("queue", limit=1000)["messages"]
        return Counter(message["target"] for message in messages if message["source"] == "ts-ipc")

    def rests(self) -> bool:
        """Whether every command was typed and has ended."""
        listed = self.daemon.call("queue", limit=1000, pending=True)["messages"]
        typed = len(self.log("DELIVER")) - len([line for line in self.log("DELIVER") if "calm" in line])
        return not any(m["type"] == "command" for m in listed) and typed == len(self.answered)

    def serves_others(self, tally: Tally) -> None:
        """A bystander's command and event are accepted and typed."""
        began = time.monotonic()
        sent = self.daemon.call("send", source="x", target="calm", message="true")["id"]
        until(
            lambda: self.daemon.status_of(sent) == "delivered",
            what="a bystander is served",
            within_s=WITHIN_S,
        )
        tally.took("a bystander's command, during a loop", time.monotonic() - began)

    def is_stopped(self, tally: Tally, pattern: Pattern) -> None:
        """Wait for the first pause, serving others; then until everything has ended."""
        deadline = time.monotonic() + WITHIN_S
        while not self.paused:
            self.serves_others(tally)
            assert time.monotonic() < deadline, "nothing is paused"
        tally.took(f"{pattern.name}: until paused", self.until_paused)
        until(self.rests, what="all answers have ended", within_s=WITHIN_S)
        self.serves_others(tally)

    def has_one_record_and_notice(self, pattern: Pattern) -> None:
        """Each publisher and event once, and each session one notice of an event."""
        records = self.log("PAUSE")
        pairs = Counter(re.match(r"PAUSE \S+ \[\S+\]", line)[0] for line in records)  # type: ignore[index]
        assert set(pairs.values()) == {1}, records
        warnings = self.daemon.log.read_text().count(f" is paused for {PAUSE_S} s")
        assert warnings == len(records)
        notices = self.notices()
        assert notices
        assert set(notices) <= set(pattern.sessions)
        assert max(notices.values()) <= len(pattern.answers)

    def close(self) -> None:
        self.daemon.close()


@pytest.fixture
def room(short_path: Path, tmux: Tmux) -> Iterator[Room]:
    made = Room(short_path, tmux)
    yield made
    made.close()


def rss_kib(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_loop_is_stopped(room: Room, tally: Tally, pattern: Pattern) -> None:
    """Each event answered once: eight in a row are accepted, of a tree no more than the bucket of each."""
    room.play(pattern)
    room.is_stopped(tally, pattern)
    accepted = 1 + sum(accepted for accepted, _ in room.answered)
    tally.add(f"{pattern.name}: events accepted", accepted)
    tally.add("loops stopped")
    if pattern.chain:
        assert accepted == DEPTH
        assert len(room.log("PAUSE")) == 1
    else:
        assert DEPTH <= accepted <= 1 + len(pattern.sessions) * (BURST + 1)
    room.has_one_record_and_notice(pattern)


@pytest.mark.parametrize("turn", range(count(1, 1)))
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_storm_is_stopped(room: Room, tally: Tally, pattern: Pattern, turn: int) -> None:
    """Each event answered with many: thousands are tried, no more than the buckets hold are accepted."""
    del turn
    room.play(pattern, tries=TRIES)
    before = rss_kib(room.daemon.pid)
    room.is_stopped(tally, pattern)
    accepted = 1 + sum(accepted for accepted, _ in room.answered)
    refused = sum(refused for _, refused in room.answered)
    tally.add(f"{pattern.name}: events of a storm accepted", accepted)
    tally.add("events published in storms", accepted + refused)
    assert accepted + refused >= BURST * TRIES
    assert accepted <= 1 + len(pattern.sessions) * (BURST + 1)
    assert rss_kib(room.daemon.pid) - before < GROWTH_KIB
    room.has_one_record_and_notice(pattern)


def test_a_pause_outlives_the_daemon_and_what_it_refuses_leaves_no_trace(room: Room, tally: Tally) -> None:
    """Killed and started again, it refuses the same session; a thousand tries write nothing."""
    room.play(ITSELF)
    room.is_stopped(tally, ITSELF)
    (paused,) = room.paused
    room.daemon.kill()
    room.daemon.start()
    assert room.paused == [paused]
    room.serves_others(tally)
    room.daemon.call("events", lines=1)
    traces = (room.folder / "ipc/events.log").read_text(), room.daemon.call("status")["journal_bytes"]
    done = len(room.answered)
    room.tmux.run("send-keys", "-t", "=a:", room.publishes("e", 1000), "Enter")
    until(lambda: len(room.answered) > done, what="a thousand tries", within_s=WITHIN_S)
    tally.add("events refused after a restart", 1000)
    assert room.answered[-1] == (0, 1000)
    room.daemon.call("events", lines=1)
    assert traces == (
        (room.folder / "ipc/events.log").read_text(),
        room.daemon.call("status")["journal_bytes"],
    )


def test_a_loop_is_stopped_across_kills(room: Room, tally: Tally) -> None:
    """Killed after each event, while the answers insist with a key: not one event more, or less."""
    publish = room.client("publish", "whoever", "e", room.types("e"), "--key")
    insist = f"""
        key=$$-$(date +%N)
        while :; do
            {publish} "$key"
            case $? in
                0) echo 1 0 >>{room.report}; break ;;
                7) echo 0 1 >>{room.report}; break ;;
            esac
            sleep 0.05
        done
    """
    room.play(ITSELF, how=insist)
    for events in range(1, DEPTH - 1):
        until(lambda wanted=events: len(room.answered) >= wanted, what="an answer", within_s=WITHIN_S)  # type: ignore[misc]
        room.daemon.kill()
        room.daemon.start()
        tally.add("kills during a loop")
    until(lambda: (0, 1) in room.answered, what="a refusal", within_s=WITHIN_S)
    assert room.answered == [(1, 0)] * (DEPTH - 1) + [(0, 1)]
    assert len(room.log("PAUSE")) == 1


def test_the_client_says_why(room: Room, tally: Tally) -> None:
    """`ts-ipc publish`, by way of `ts-ipc send` to another session: refused with status 7 and the reason."""
    went_wrong = room.folder / "stderr"
    relay = room.folder / "relay"
    again = room.client("publish", "whoever", "e", room.types("e"))
    relay.write_text(f"{again} 2>{went_wrong}; echo 0 $? >>{room.report}\n")
    room.tmux.session("b")
    room.play(ITSELF, how=room.client("send", "whoever", "b", f"sh {relay}"))
    until(lambda: (0, 7) in room.answered, what="a refusal", within_s=WITHIN_S)
    tally.took("by way of sends: until paused", room.until_paused)
    assert room.answered == [(0, 0)] * (DEPTH - 1) + [(0, 7)]
    assert "event 'e' from b is paused until" in went_wrong.read_text()
    assert "9 events in a row caused one another, 8 may" in went_wrong.read_text()
    assert room.log("PAUSE")[0].startswith("PAUSE b [e] (it answers itself")


def test_a_loop_that_hides_from_the_depth_is_stopped(room: Room, tally: Tally) -> None:
    """From processes that left their pane, each in another's name: the event's common bucket ends it."""
    room.limit(3)
    room.play(ITSELF, how=room.hides("e"))
    until(lambda: room.paused, what="a pause", within_s=WITHIN_S)
    tally.took("hidden: until paused", room.until_paused)
    until(room.rests, what="all answers have ended", within_s=WITHIN_S)
    accepted = 1 + sum(accepted for accepted, _ in room.answered)
    tally.add("hidden: events accepted", accepted)
    assert DEPTH < accepted <= SHARED * 3 + 1
    (paused,) = room.paused
    assert (paused["publisher"], paused["observed"]) == ("", False)
    room.has_one_record_and_notice(ITSELF)


@pytest.mark.parametrize("pattern", [ITSELF, EACH_OTHER], ids=lambda pattern: pattern.name)
def test_without_the_guard_it_goes_on(room: Room, tally: Tally, pattern: Pattern) -> None:
    """Negative control: the same loop passes every bound that stops it otherwise."""
    room.another(without_guard)
    room.play(pattern)
    bound = 3 * DEPTH + BURST
    until(lambda: len(room.answered) > bound, what="more events than ever are accepted", within_s=WITHIN_S)
    assert all(answer == (1, 0) for answer in room.answered)
    assert room.paused == []
    tally.add("loops that went on without the guard")


def test_without_buckets_a_storm_goes_on(room: Room, tally: Tally) -> None:
    """Negative control: more is accepted than the bucket holds."""
    room.another(without_buckets)
    room.play(ITSELF, tries=TRIES)
    until(
        lambda: sum(accepted for accepted, _ in room.answered) > 2 * BURST,
        what="more events than ever are accepted",
        within_s=WITHIN_S,
    )
    tally.add("storms that went on without buckets")


def test_without_buckets_a_hidden_loop_goes_on(room: Room, tally: Tally) -> None:
    """Negative control: it passes the bound of the common bucket."""
    room.limit(1)
    room.another(without_buckets)
    room.play(ITSELF, how=room.hides("e"))
    until(lambda: len(room.answered) > 3 * SHARED, what="more events than ever", within_s=WITHIN_S)
    assert room.paused == []
    tally.add("hidden loops that went on without buckets")


def test_without_memory_each_refusal_is_a_record(room: Room, tally: Tally) -> None:
    """Negative control: the oracle of one record for each publisher and event sees more."""
    room.another(without_memory)
    room.play(ITSELF, tries=TRIES)
    until(lambda: len(room.log("PAUSE")) > 2, what="another record", within_s=WITHIN_S)
    with pytest.raises(AssertionError, match="PAUSE a"):
        room.has_one_record_and_notice(ITSELF)
    tally.add("storms that filled the log without memory")
