"""Rows as a table for people and as JSON for comparing runs. Pure but for what it says of the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.samples import Row

BEGIN, END = "<!-- measured: a script writes what is between these lines -->", "<!-- end of measured -->"

NAMED = 4
"""Rows with the same note that are all named."""


def table(rows: Sequence[Row]) -> str:
    """A Markdown table, one line a row."""
    lines = [
        "| what | median | p99 | beside | ratio | promised |",
        "|---|---:|---:|---|---:|---|",
    ]
    for row in rows:
        p99 = "" if row.p99 is None else f"{number(row.p99)} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        value = f"{number(row.value)} {row.unit}".strip() if row.runs else ""
        lines.append(f"| {row.name} | {value} | {p99} | {row.beside} | {ratio} | {row.promise} |")
    return "\n".join(lines) + "\n"


def page(rows: Sequence[Row], machine: dict[str, str]) -> str:
    """All that a run says: the table, what it leaves out, and the machine."""
    where = ", ".join(f"{name} {value}" for name, value in machine.items())
    return f"{table(rows)}\nWhat they measure and leave out:\n\n{notes(rows)}\n{where}\n"


def notes(rows: Sequence[Row]) -> str:
    """What the numbers are and leave out: a line of Markdown for all rows of which the same is said."""
    said: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            said.setdefault(row.note, []).append(row.name)
    return "".join(f"- {_named(names)}: {note}.\n" for note, names in said.items())


def _named(names: Sequence[str]) -> str:
    if len(names) <= NAMED:
        return "; ".join(names)
    return f"{names[0]}, and {len(names) - 1} rows from {names[1]} to {names[-1]}"


def document(rows: Sequence[Row], machine: dict[str, str]) -> str:
    """The results as they are kept beside the benchmarks."""
    return json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"


def machine() -> dict[str, str]:
    """Where and when; enough to know which numbers may be compared."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "cores": str(os.cpu_count()),
        "load": load(),
    }


def load() -> str:
    """How many processes wanted a core in the last minute, on average."""
    return f"{os.getloadavg()[0]:.1f}"


def file_system(folder: str) -> str:
    """What `folder` is on, as `stat` names it; empty where it has another `stat`."""
    asked = subprocess.run(("stat", "-f", "-c", "%T", folder), capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def place(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put `text` between the two marks of `page`; what is around them stays."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")


def number(value: float) -> str:
    """As many digits as tell something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
