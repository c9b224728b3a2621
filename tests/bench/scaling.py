"""How the numbers change with how much there is: sessions, subscriptions, clients, queued messages.

A curve plays on a stage of its own that grows from point to point. What the machine cannot give is a point
that says so.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench import durable
from tests.bench.delivering import TELL
from tests.bench.resting import resident_mib
from tests.bench.samples import Samples
from tests.bench.stage import FOLDER, Stage, Wire
from tests.support.wait import until

MEBI = 1 << 20

MEMORY = "memory (RSS)"
EACH = "memory a message"
RATE = "sends, pipelined"
UNITS = {MEMORY: "MiB", EACH: "B", RATE: "/s"}
"""Of what is not in milliseconds."""

MAX_SERVERS = 100
SHELL_MIB = 5
"""What a session takes: its shell, its share of tmux, two processes and a terminal."""
CHUNK = 100_000
"""Messages of which the frames are in memory at once."""
MOST_FILES = 5_000
"""That are written for one value: each is synced."""
SETTLE_S = 300.0
"""How long what was asked for may take until the next point."""
LISTINGS = 10
RESTARTS, RESTARTS_S = 3, 4.0
"""How often the daemon is started again, and after how many seconds of that no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured with `at` of them, or why it was not."""

    at: int
    values: dict[str, float] = field(default_factory=dict)
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One thing that there is more and more of. `lacks` says why there cannot be so many, or nothing."""

    of: str
    sizes: Sequence[int]
    grow: Callable[[Stage], Callable[[int, int], dict[str, float]]]
    """Takes the stage, gives what measures with so many, in so many rounds."""
    lacks: Callable[[int], str]
    note: str
    """What the values are, and what they leave out."""


def measure(curve: Curve, rounds: int, sizes: Sequence[int] = ()) -> list[Point]:
    """The points of `curve`, from few to many."""
    points = []
    stage = Stage()
    try:
        stage.start()
        measured = curve.grow(stage)
        for at in sizes or curve.sizes:
            lack = curve.lacks(at)
            print(f"measuring: {at:,} {curve.of}{lack and f': no, {lack}'}", file=sys.stderr)
            if lack:
                points.append(Point(at=at, skipped=lack))
            else:
                points.append(Point(at=at, values=measured(at, rounds)))
    finally:
        stage.close()
    return points


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────


def _sessions(stage: Stage) -> Callable[[int, int], dict[str, float]]:
    there: list[str] = []

    def measured(at: int, rounds: int) -> dict[str, float]:
        _open_sessions(stage, there, at)
        wire = stage.wire()
        for name in there[-at:]:
            wire.request("subscribe", session=name, event="bench-all", action="command")
        first, replies, runs, all_run, listed = (Samples() for _ in range(5))
        with first.one():
            wire.request("sessions")
        for number in range(rounds):
            with runs.one():
                with replies.one():
                    wire.request("send", source="bench", target=there[number * 7 % at], message=TELL)
                stage.heard(1)
        for _ in range(max(rounds // 40, 1)):
            with all_run.one():
                wire.request("publish", source="bench", event="bench-all", data=TELL)
                stage.heard(at)
        for _ in range(LISTINGS):
            with listed.one():
                wire.request("sessions")
        wire.close()
        used = resident_mib(stage.daemon.pid)
        return {
            "send → durable reply, p50": replies.median_ms,
            "send → durable reply, p99": replies.p99_ms,
            "send → it has run, p50": runs.median_ms,
            "send → it has run, p99": runs.p99_ms,
            "publish to all → all have run it": all_run.median_ms,
            "`sessions`": listed.median_ms,
            "serving again, with the first `sessions`": _restart(stage, "sessions"),
            MEMORY: used,
        }

    return measured


def _open_sessions(stage: Stage, there: list[str], count: int) -> None:
    """Shells at their prompts until there are `count`, over as many tmux servers as there may be."""
    rc = stage.folder / "rc-scale"
    rc.write_text(
        f"exec 9>{stage.back}\nPS1='$ '\nHISTFILE=\nPROMPT_COMMAND='printf x >&9; PROMPT_COMMAND='\n"
    )
    while len(there) < count:
        number = len(there)
        name = f"bench-{number}"
        server = f"bench-{number % MAX_SERVERS}"
        stage.start_tmux(server, name, f"exec bash --noprofile --rcfile {rc}")
        stage.heard(1)
        there.append(name)


# ── subscriptions ─────────────────────────────────────────────────────────────────────────────────────────


def _subscriptions(stage: Stage) -> Callable[[int, int], dict[str, float]]:
    def measured(at: int, rounds: int) -> dict[str, float]:
        wire = stage.wire()
        _write_table(stage, at)
        table, alone, sent, replies, stored, listed = (Samples() for _ in range(6))
        wire.request("subscriptions")
        times = max(rounds // 10, 1)
        for number in range(times):
            # The last is data: nothing is to wait for a session that there is not.
            action = ("command", "data")[(times - number) % 2]
            with table.one():
                wire.request("subscribe", session="sub-0", event="bench-one", action=action)
        for _ in range(rounds):
            with sent.one():
                wire.request("send", source="bench", target="sub-0", message=durable.BODY, type="data")
            with alone.one():
                wire.request("publish", source="bench", event="bench-one", data="{}")
        for _ in range(max(min(rounds // 40, MOST_FILES // at), 1)):
            _settle(wire)
            with stored.one():
                with replies.one():
                    wire.request("publish", source="bench", event="bench-all", data="{}")
                _settle(wire)
        for _ in range(LISTINGS):
            with listed.one():
                wire.request("subscriptions")
        wire.close()
        used = resident_mib(stage.daemon.pid)
        return {
            "send → durable reply, p50": sent.median_ms,
            "send → durable reply, p99": sent.p99_ms,
            "publish to one → durable reply": alone.median_ms,
            "publish to all → durable reply": replies.median_ms,
            "publish to all → all data files are there": stored.median_ms,
            "`subscribe`": table.median_ms,
            "`subscriptions`": listed.median_ms,
            "serving again, with the first `subscriptions`": _restart(stage, "subscriptions"),
            MEMORY: used,
        }

    return measured


def _write_table(stage: Stage, count: int) -> None:
    """As people do: the file is the truth."""
    rows = ",\n".join(
        f'"sub-{number}": [{{"event": "bench-all", "action": "data"}}]' for number in range(count)
    )
    (stage.daemon.directory / "subscriptions.json").write_text(f'{{"subscriptions": {{\n{rows}\n}}}}\n')


def _settle(wire: Wire) -> None:
    until(lambda: wire.request("status")["waiting"] == 0, what="nothing waits", within_s=SETTLE_S)


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────


def _clients(stage: Stage) -> Callable[[int, int], dict[str, float]]:
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")
    wire.close()

    def measured(at: int, rounds: int) -> dict[str, float]:
        connected = _connect(stage, at)
        sent, together = Samples(), Samples()
        for number in range(rounds):
            with sent.one():
                _send(connected[number * 7 % at])
        for _ in range(max(rounds // 20, 1)):
            with together.one():
                for wire in connected:
                    wire.socket.sendall(_frame(wire))
                for wire in connected:
                    wire.answer()
        used = resident_mib(stage.daemon.pid)
        _disconnect(connected)
        stage.daemon.kill()
        again = Samples()
        with again.one():
            stage.daemon.start()
            connected = _connect(stage, at)
        _disconnect(connected)
        return {
            "send of one, p50": sent.median_ms,
            "send of one, p99": sent.p99_ms,
            "one send of each at once → last durable reply": together.median_ms,
            "serving all of them again": again.median_ms,
            MEMORY: used,
        }

    return measured


def _connect(stage: Stage, count: int) -> list[Wire]:
    """So many connections that have been answered once."""
    wires = []
    for _ in range(count):
        wires.append(stage.wire())
        wires[-1].request("hello")
    return wires


def _disconnect(wires: Sequence[Wire]) -> None:
    for wire in wires:
        wire.close()


def _frame(wire: Wire) -> bytes:
    return wire.frame("send", source="bench", target="bench-absent", message=durable.BODY)


def _send(wire: Wire) -> None:
    wire.socket.sendall(_frame(wire))
    wire.answer()


# ── queued messages ───────────────────────────────────────────────────────────────────────────────────────


def _queued(stage: Stage) -> Callable[[int, int], dict[str, float]]:
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")
    wire.close()
    empty_mib = resident_mib(stage.daemon.pid)

    def measured(at: int, rounds: int) -> dict[str, float]:
        missing = at - stage.daemon.call("status")["waiting"]
        taken_s = 0.0
        for done in range(0, missing, CHUNK):
            taken_s += durable.pipelined(stage.wire(), min(CHUNK, missing - done))
        until(lambda: not _children(stage.daemon.pid), what="the journal is folded", within_s=SETTLE_S)
        used = resident_mib(stage.daemon.pid)
        wire = stage.wire()
        sent, listed, sessions, status = (Samples() for _ in range(4))
        for _ in range(rounds):
            with sent.one():
                _send(wire)
        for _ in range(LISTINGS):
            with listed.one():
                wire.request("queue", limit=20)
            with sessions.one():
                wire.request("sessions")
            with status.one():
                wire.request("status")
        wire.close()
        return {
            RATE: missing / taken_s if taken_s else 0.0,
            "send → durable reply, p50": sent.median_ms,
            "send → durable reply, p99": sent.p99_ms,
            "`queue`": listed.median_ms,
            "`sessions`": sessions.median_ms,
            "`daemon status`": status.median_ms,
            "serving again": _restart(stage, "hello"),
            MEMORY: used,
            EACH: max(used - empty_mib, 0.0) * MEBI / at,
        }

    return measured


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────


def _restart(stage: Stage, request: str) -> float:
    """Milliseconds from the start of another daemon after SIGKILL to its answer, the median."""
    taken: list[float] = []
    while sum(taken) < RESTARTS_S and len(taken) < RESTARTS:
        stage.daemon.kill()
        began = time.perf_counter()
        stage.daemon.start()
        wire = stage.wire()
        wire.request(request)
        taken.append(time.perf_counter() - began)
        wire.close()
    return median(taken) * 1000


def _lacking(*, files: int = 0, processes: int = 0, terminals: int = 0, memory_mib: int = 0) -> str:
    """Why this machine cannot give that many; nothing if it can."""
    soft_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft_processes, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    for wanted, limit, what in (
        (files, soft_files, "descriptors (`ulimit -n`)"),
        (processes, soft_processes, "processes (`ulimit -u`)"),
        (terminals, _number("/proc/sys/kernel/pty/max"), "terminals (`kernel.pty.max`)"),
        (memory_mib, _available_mib(), "MiB of memory"),
        (memory_mib, shutil.disk_usage(FOLDER).free // MEBI, f"MiB of room in {FOLDER}"),
    ):
        if 0 <= limit < wanted:
            return f"it takes {wanted:,} {what}, and there are {limit:,}"
    return ""


def _number(path: str) -> int:
    """What the kernel says there; -1 where it says nothing."""
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return -1


def _available_mib() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return -1
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), -1)


CURVES: dict[str, Curve] = {
    "sessions": Curve(
        of="sessions",
        sizes=(1, 10, 50, 100, 200, 500),
        grow=_sessions,
        lacks=lambda at: _lacking(
            files=3 * min(at, MAX_SERVERS) + 100,
            processes=3 * at + 2 * MAX_SERVERS,
            terminals=at,
            memory_mib=SHELL_MIB * at,
        ),
        note=f"each a bash at its prompt, over up to {MAX_SERVERS} tmux servers. Sends go to one after "
        "another of them over an open connection; without the start of a client. Publishing to all is a "
        "command typed into each. All shells are the same machine's, and share its cores with the daemon",
    ),
    "subscriptions": Curve(
        of="subscriptions",
        sizes=(1, 10, 100, 1_000, 10_000),
        grow=_subscriptions,
        lacks=lambda at: _lacking(memory_mib=64 + at // 50),
        note="of as many sessions, which are absent: an event is stored as a file of data for each, and "
        "nothing is typed. One more subscription is of an event of its own",
    ),
    "clients": Curve(
        of="clients",
        sizes=(1, 10, 100, 500, 1_000),
        grow=_clients,
        lacks=lambda at: _lacking(files=at + 100),
        note="connections that stay open, all of one process, which is Python on the same cores. Messages go "
        "to a session that is absent: nothing but the queue works",
    ),
    "queued": Curve(
        of="queued messages",
        sizes=(1_000, 10_000, 100_000, 300_000, 1_000_000),
        grow=_queued,
        lacks=lambda at: _lacking(memory_mib=256 + 3 * at * 700 // MEBI),
        note=f"of {len(durable.BODY)} B to a session that is absent, written without waiting for answers; "
        "the times of one send and of the listings are taken when the journal has been folded",
    ),
}
