"""Puts the totals of a run into docs/reliability.md: `python -m tests.faults.report TALLY [--write]`.

Without `--write` it only prints them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.bench.report import machine, place
from tests.faults.effort import EFFORT, SEED
from tests.faults.tally import Totals, totals
from tests.support.daemon import ROOT

PAGE = ROOT / "docs/reliability.md"


def table(found: Mapping[str, Totals]) -> str:
    """Two Markdown tables: what was counted, and how long it took."""
    counted = [
        f"| {family} | {what} | {number:,} |"
        for family, all_of in found.items()
        for what, number in sorted(all_of.counts.items())
    ]
    timed = [
        f"| {family} | {what} | {took.n:,} | "
        f"{took.p50_ms:,.1f} ms | {took.p99_ms:,.1f} ms | {took.max_ms:,.1f} ms |"
        for family, all_of in found.items()
        for what, took in sorted(all_of.seconds.items())
    ]
    return "\n".join(
        [
            "| family | what | count |",
            "|---|---|---:|",
            *counted,
            "",
            "| family | what took that long | n | median | p99 | longest |",
            "|---|---|---:|---:|---:|---:|",
            *timed,
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.report", description=__doc__)
    parser.add_argument("tally", type=Path, help="the file that TS_IPC_TALLY named")
    parser.add_argument("--write", action="store_true", help=f"keep them in {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    where = {"effort": EFFORT, "seed": str(SEED), **machine()}
    said = ", ".join(f"{name} {value}" for name, value in where.items())
    text = f"{table(totals(asked.tally.read_text().splitlines()))}\n{said}\n"
    sys.stdout.write(text)
    if asked.write:
        place(PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
