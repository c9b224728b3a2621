"""What the fault suite did and found, one line of JSON for each test: `docs/reliability.md` is made of it.

A test adds what it tried and what came of it. The lines go to the file that TS_IPC_TALLY names; their totals
are printed at the end of the run.
"""

from __future__ import annotations

import json
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.faults.effort import EFFORT, SEED


class Tally:
    """Counts and durations of one test."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, what: str, number: int = 1) -> None:
        """`number` more of `what`, such as `power cuts on ext4` or `acknowledged records lost`."""
        self._counts[what] += number

    def took(self, what: str, seconds: float) -> None:
        """One more duration of `what`, such as `serving again after SIGKILL`."""
        self._seconds[what].append(seconds)

    @property
    def line(self) -> str:
        """Everything as one line of JSON; empty if nothing was added."""
        if not self._counts and not self._seconds:
            return ""
        return json.dumps({"family": self.family, "counts": self._counts, "seconds": self._seconds})


def write(tally: Tally) -> None:
    """Append it to the run's file, if there is one."""
    path = os.environ.get("TS_IPC_TALLY")
    if path and tally.line:
        with Path(path).open("a") as file:
            file.write(tally.line + "\n")


def totals(lines: Iterable[str]) -> dict[str, dict[str, object]]:
    """By family: the sum of each count, and the spread of each duration in milliseconds."""
    counts: dict[str, dict[str, int]] = {}
    seconds: dict[str, dict[str, list[float]]] = {}
    for line in lines:
        entry = json.loads(line)
        family = entry["family"]
        for what, number in entry["counts"].items():
            mine = counts.setdefault(family, {})
            mine[what] = mine.get(what, 0) + number
        for what, durations in entry["seconds"].items():
            seconds.setdefault(family, {}).setdefault(what, []).extend(durations)
    families = sorted({*counts, *seconds})
    return {
        family: {
            "counts": counts.get(family, {}),
            "seconds": {what: spread(all_of) for what, all_of in seconds.get(family, {}).items()},
        }
        for family in families
    }


def spread(seconds: Iterable[float]) -> dict[str, float]:
    """Number, median, p99 and maximum, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "p50_ms": round(1000 * statistics.median(ordered), 2),
        "p99_ms": round(1000 * ordered[max(0, -(-len(ordered) * 99 // 100) - 1)], 2),
        "max_ms": round(1000 * ordered[-1], 2),
    }


def report(found: Mapping[str, Mapping[str, object]]) -> str:
    """The totals for people, a line each."""
    lines = [f"faults tried (effort {EFFORT}, seed {SEED}):"]
    for family, kinds in found.items():
        lines.append(f"  {family}")
        lines += [f"    {what}: {value}" for kind in kinds.values() for what, value in _items(kind)]
    return "\n".join(lines)


def _items(kind: object) -> list[tuple[str, object]]:
    return list(kind.items()) if isinstance(kind, dict) else []
