"""What the daemon costs while nothing happens: wake-ups, processor time, memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.bench.samples import Row
from tests.bench.stage import Stage

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def measure(stage: Stage, *, seconds: float) -> list[Row]:
    """Over `seconds` of silence, after everything that was measured before has settled."""
    pid = stage.daemon.pid
    _settle(pid)
    wakeups, ticks = _wakeups(pid), _cpu_ticks(pid)
    time.sleep(seconds)  # the measured span itself
    return [
        Row(
            name=f"wake-ups in {seconds:g} s of silence", value=_wakeups(pid) - wakeups, unit="", promise="0"
        ),
        Row(name="processor time in them", value=(_cpu_ticks(pid) - ticks) / TICKS_PER_S * 1000, unit="ms"),
        memory(stage, "memory (RSS) after all of the above"),
    ]


def memory(stage: Stage, name: str, note: str = "") -> Row:
    """Resident memory now."""
    return Row(
        name=name,
        value=resident_mib(stage.daemon.pid),
        unit="MiB",
        note=note,
    )


def resident_mib(pid: int) -> float:
    """Of the process `pid`, now."""
    return _status(pid, "VmRSS") / 1024


def _settle(pid: int) -> None:
    """Until a whole second passes without a wake-up, or a minute is over."""
    for _ in range(60):
        before = _wakeups(pid)
        time.sleep(1)
        if _wakeups(pid) == before:
            return


def _wakeups(pid: int) -> int:
    """How often any thread of the process went to sleep so far; each was woken before."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(_status(int(thread.name), "voluntary_ctxt_switches") for thread in threads)


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise AssertionError(f"no {name} in the status of {pid}")


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
