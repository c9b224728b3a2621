"""Measured values and what is said of them. Medians and ratios from one run; nothing here judges them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a number, what it stands beside, and what was promised."""

    name: str
    value: float
    unit: str
    p99: float | None = None
    beside: str = ""
    """What it was measured side by side with, in the same run."""
    ratio: float | None = None
    """`value` over the value of `beside`."""
    promise: str = ""
    runs: int = 1
    """How often; 0: it is not on this machine."""
    note: str = ""
    """What the number leaves out, or what one has to know to compare."""
    part: str = ""
    """The part of the benchmark that it comes from."""


def absent(name: str, package: str) -> Row:
    """A line that says what was not compared with, and what to install for it."""
    return Row(name=f"{name}: not on this machine (Debian: {package})", value=0.0, unit="", runs=0)


@dataclass(slots=True)
class Samples:
    """Seconds that something took, again and again."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Time the block and keep it."""
        began = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - began)

    @property
    def median_ms(self) -> float:
        return median(self.seconds) * 1000

    @property
    def p99_ms(self) -> float:
        if len(self.seconds) < 2:
            return self.median_ms
        return quantiles(self.seconds, n=100, method="inclusive")[98] * 1000

    def row(
        self, name: str, *, promise: str = "", beside: str = "", other: Samples | None = None, note: str = ""
    ) -> Row:
        """This as a line of the table, in milliseconds."""
        return Row(
            name=name,
            value=self.median_ms,
            unit="ms",
            p99=self.p99_ms,
            beside=beside,
            ratio=self.median_ms / other.median_ms if other else None,
            promise=promise,
            runs=len(self.seconds),
            note=note,
        )


def interleaved(rounds: int, actions: dict[str, Callable[[], None]]) -> dict[str, Samples]:
    """Each action timed once a round, so that whatever else the machine does weighs on all of them alike."""
    taken = {name: Samples() for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            with taken[name].one():
                action()
    return taken
