"""What folding the journal costs those who send meanwhile, and in memory and room on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.durable import BODY, PIECE, pipelined
from tests.bench.samples import Row, Samples
from tests.bench.stage import Stage, Wire

MEBI = 1024 * 1024


def measure(stage: Stage, *, messages: int) -> list[Row]:
    """Sends one at a time, first while the journal of at least `messages` is folded, then as many without."""
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")
    child = _fill(stage, messages)
    folding = _Folding()
    while child:
        _send(wire, folding.sends)
        folding.look(child, stage.daemon.directory / "journal")
        child = _child(stage.daemon.pid, child)
    quiet = Samples()
    while len(quiet.seconds) < len(folding.sends.seconds):
        _send(wire, quiet)
    wire.close()
    waiting = stage.daemon.call("status")["waiting"]
    return [
        quiet.row("send, one at a time, nothing else at work"),
        folding.sends.row(
            f"the same while the journal of {waiting:,} messages of {len(BODY)} B is folded",
            beside="nothing else at work",
            other=quiet,
        ),
        Row(
            name="its p99",
            value=folding.sends.p99_ms,
            unit="ms",
            beside="median with nothing else at work",
            ratio=folding.sends.p99_ms / quiet.median_ms,
            promise="≤ 2 x",
            runs=len(folding.sends.seconds),
        ),
        Row(name="memory (RSS) of the process that folds, at most", value=folding.memory / MEBI, unit="MiB"),
        Row(name="the journal on disk meanwhile, at most", value=folding.disk / MEBI, unit="MiB"),
    ]


@dataclass(slots=True)
class _Folding:
    """What was seen while the journal was folded."""

    sends: Samples = field(default_factory=Samples)
    memory: int = 0
    disk: int = 0

    def look(self, child: int, journal: Path) -> None:
        self.memory = max(self.memory, _peak(child))
        self.disk = max(self.disk, sum(_size(file) for file in journal.iterdir()))


def _fill(stage: Stage, messages: int) -> int:
    """Send until at least `messages` wait and the journal begins to be folded; the process that does it."""
    # It is as soon as what is new outweighs the last snapshot.
    for sent in range(PIECE, 3 * messages + MEBI, PIECE):
        pipelined(stage.wire(), PIECE)
        child = _child(stage.daemon.pid)
        if child and sent >= messages:
            return child
    raise AssertionError(f"the journal was never folded; the daemon's log is {stage.daemon.log}")


def _send(wire: Wire, samples: Samples) -> None:
    with samples.one():
        wire.request("send", source="bench", target="bench-absent", message=BODY)


def _child(daemon: int, known: int = 0) -> int:
    """The process that folds the daemon's journal, `known` if it still is; 0: none does."""
    names = [str(known)] if known else [entry.name for entry in Path("/proc").iterdir()]
    for process in map(int, filter(str.isdecimal, names)):
        try:
            status = Path(f"/proc/{process}/status").read_text()
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if f"\nPPid:\t{daemon}\n" in status and b"tsipcd.journal.compact" in command:
            return process
    return 0


def _peak(process: int) -> int:
    """The most memory that it has had, in bytes; 0: it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
