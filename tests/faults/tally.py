"""What the fault suite did and found, one line of JSON for each test: `docs/reliability.md` is made of it.

A test adds what it tried and what came of it. The lines go to the file that TS_IPC_TALLY names; their totals
are printed at the end of the run.
"""

from __future__ import annotations

import json
import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, over all times that it was done."""

    n: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread:
        """Of at least one duration."""
        ordered = sorted(seconds)
        p99 = ordered[-(-len(ordered) * 99 // 100) - 1]
        return cls(len(ordered), 1000 * statistics.median(ordered), 1000 * p99, 1000 * ordered[-1])

    def __str__(self) -> str:
        shown = f"median {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, longest {self.max_ms:.1f} ms"
        return f"{shown} (n={self.n})"


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything that the tests of one family added."""

    counts: dict[str, int]
    seconds: dict[str, Spread]


def totals(lines: Iterable[str]) -> dict[str, Totals]:
    """By family, in the order of the alphabet."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        entry = json.loads(line)
        counts[entry["family"]].update(entry["counts"])
        for what, durations in entry["seconds"].items():
            seconds[entry["family"]][what] += durations
    return {
        family: Totals(
            dict(counts[family]), {what: Spread.of(all_of) for what, all_of in seconds[family].items()}
        )
        for family in sorted(counts)
    }


def report(found: Mapping[str, Totals]) -> str:
    """The totals for people, a line each."""
    lines = [f"faults tried (effort {EFFORT}, seed {SEED}):"]
    for family, all_of in found.items():
        lines.append(f"  {family}")
        lines += [f"    {what}: {number:,}" for what, number in sorted(all_of.counts.items())]
        lines += [f"    {what}: {took}" for what, took in sorted(all_of.seconds.items())]
    return "\n".join(lines)
