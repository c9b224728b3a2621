"""Compares counts of executed Python with those of a stored run, and says which function a loss is in.

Counts depend on Python's version and on nothing else, so a busy machine gives the same as a quiet one. A
version that has no stored run is compared with nothing.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench import callgrind, scenarios
from tests.bench.counter import Counts

LIMIT = 0.10
"""So much more than before is a loss."""

SHARE = 0.002
"""A function with less of the work is not stored; it is found again in the sum."""

MACHINE_SHARE = 0.005
"""The same of functions in C."""

NAMED = 5
"""Functions that explain a loss, the largest first."""

VERSION = ".".join(platform.python_version_tuple()[:2])

Baseline = dict[str, dict[str, "Work"]]
"""Python version -> scenario -> what it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one scenario executed."""

    of: str
    times: int
    steps: int
    """Bytecode instructions, of all functions."""
    functions: dict[str, tuple[int, int]]
    """Calls and instructions of those that matter."""

    @classmethod
    def of_counts(cls, of: str, times: int, counts: Counts, share: float = SHARE) -> Work:
        """The counts as they are stored and compared."""
        steps = sum(executed for _, executed in counts.values())
        kept = {name: count for name, count in sorted(counts.items()) if count[1] >= share * steps}
        return cls(of=of, times=times, steps=steps, functions=kept)

    def says(self) -> str:
        """The sum, for what it is said of."""
        return f"{self.steps / self.times:,.0f} instructions a {self.of}"


def measure() -> dict[str, Work]:
    """Every scenario, counted."""
    found = scenarios.everything()
    return {name: Work.of_counts(of, times, counts) for name, of, times, counts in found}


def measure_machine() -> dict[str, Work]:
    """What the machine itself executes, of each work."""
    found = callgrind.everything()
    return {name: Work.of_counts(of, times, counts, MACHINE_SHARE) for name, of, times, counts in found}


def compare(name: str, before: Work, now: Work) -> Iterator[str]:
    """Lines that explain how much more `now` is than `before`; none if it is within `LIMIT`."""
    more = now.steps / before.steps - 1
    if more <= LIMIT:
        return
    yield f"{name}: {now.says()}, was {before.steps / before.times:,.0f}: {more:+.1%}"
    grown = sorted(_grown(before, now), reverse=True)
    for steps, function in grown[:NAMED]:
        calls, executed = now.functions[function]
        old_calls, old_executed = before.functions.get(function, (0, 0))
        yield (
            f"    {function}: {steps / now.times:+,.0f} instructions ({executed / now.times:,.1f}, "
            f"was {old_executed / before.times:,.1f}); called {calls / now.times:.4g} times a {now.of}, "
            f"was {old_calls / before.times:.4g}"
        )
    if len(grown) > NAMED:
        yield f"    and {len(grown) - NAMED} more functions"


def _grown(before: Work, now: Work) -> Iterator[tuple[int, str]]:
    for name, (_, steps) in now.functions.items():
        grew = steps - before.functions.get(name, (0, 0))[1]
        if grew > 0:
            yield grew, name


def read(path: Path) -> Baseline:
    """The stored runs."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    return {version: {name: Work(**work) for name, work in runs.items()} for version, runs in stored.items()}


def write(path: Path, runs: dict[str, Work], version: str = VERSION) -> None:
    """Keep `runs` as what this version of Python is compared with; other versions' stay."""
    stored = {**read(path), version: runs}
    lines = [
        f" {json.dumps(version)}: {{\n{_listed(works)}\n }}" for version, works in sorted(stored.items())
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _listed(works: dict[str, Work]) -> str:
    return ",\n".join(f"  {json.dumps(name)}: {json.dumps(asdict(work))}" for name, work in works.items())


def check(path: Path, *, renew: bool) -> int:
    """Compare with the stored runs and say what was found; 1: something got slower."""
    losses = _check(path, VERSION, measure, renew=renew)
    if lack := callgrind.lacks():
        print(f"the machine's instructions are not counted: {lack}")
    else:
        losses += _check(path, callgrind.BUILD, measure_machine, renew=renew)
    if losses:
        print(
            "slower than what is stored:", *losses, f"if it is worth it: {_how()}", sep="\n", file=sys.stderr
        )
    return 1 if losses else 0


def _check(path: Path, version: str, count: Callable[[], dict[str, Work]], *, renew: bool) -> list[str]:
    """Lines about what grew against the run that is stored for this version; `renew` stores a new one."""
    stored = read(path).get(version)
    if stored is None and not renew:
        print(f"no stored counts for Python {version}: nothing to compare with; {_how()}")
        return []
    now = count()
    _report(now, stored or {})
    if renew:
        write(path, now, version)
        print(f"stored as what Python {version} is compared with, in {path.name}")
        return []
    return [line for name, work in now.items() if stored and name in stored
            for line in compare(name, stored[name], work)]  # fmt: skip


def _report(now: dict[str, Work], stored: dict[str, Work]) -> None:
    for name, work in now.items():
        before = stored.get(name)
        change = f", {work.steps / before.steps - 1:+.1%}" if before else ", not stored yet"
        print(f"{name}: {work.says()}{change}")


def _how() -> str:
    return "`scripts/bench --check --write` stores what is now"
