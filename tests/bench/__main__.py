"""Measures everything in one run and writes the table. `scripts/bench` calls it with bytecode compiled.

A part is a function that takes the `Stage` (a daemon on a disk, tmux, shells that answer) and says in `Row`s
what it saw; `Samples` and `interleaved` time it. A new one is a module here and a line in `PARTS`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Container
from dataclasses import replace

from tests.bench import (
    charts,
    compacting,
    curves,
    delivering,
    durable,
    guard,
    hearing,
    looping,
    others,
    profiles,
    recovering,
    report,
    resting,
    scaling,
    starting,
    stopping,
    timings,
)
from tests.bench.samples import Row
from tests.bench.stage import FOLDER, Stage
from tests.support.daemon import ROOT

PAGE = ROOT / "docs/performance.md"
RESULTS = ROOT / "tests/bench/results.json"
SCALE = ROOT / "tests/bench/scale.json"
IMAGES = ROOT / "docs/images"
BASELINE = ROOT / "tests/bench/baseline.json"

Part = Callable[[Stage, int], list[Row]]
PARTS: dict[str, Part] = {
    "starting": lambda stage, n: starting.measure(stage, rounds=n),
    "looping": lambda stage, n: looping.measure(
        stage, sends=1000 if n > 10 else 10 * n, rounds=max(n // 20, 1)
    ),
    "delivering": lambda stage, n: delivering.one_pane(stage, rounds=2 * n),
    "others": lambda stage, n: others.measure(stage, rounds=n),
    "steps": lambda stage, n: delivering.steps(stage, rounds=max(n // 5, 1)),
    "publish": lambda stage, n: delivering.fan_out(
        stage, rounds=max(n // 5, 1), subscribers=100 if n > 10 else 3
    ),
    "durable": lambda stage, n: durable.measure(stage, messages=200 * n, rounds=2 * n),
    "listening": lambda stage, n: hearing.measure(
        stage, events=1_000 * n, listeners=100 if n > 10 else 10, seconds=n / 50
    ),
    "stopping": lambda stage, n: stopping.measure(stage, sends=5 * n),
    "resting": lambda stage, n: resting.measure(stage, seconds=10 if n > 10 else 0.1),
    "compacting": lambda stage, n: compacting.measure(stage, messages=2_000 * n),
    "recovering": lambda _, n: recovering.measure(small=100 * n, large=10_000 * n, rounds=max(n // 10, 1)),
}
"""Each gets a stage and how thorough to be, in rounds; in this order, since `resting` looks at all before."""

NOTES: dict[str, str] = {
    "starting": "a whole process from its start to its exit, with compiled bytecode and a daemon that runs; "
    "without what the shell takes to start a process, and without the start of a daemon",
    "looping": "one script from its start to its end, with that of its shell or Python; the messages are "
    "stored, nothing is typed",
    "delivering": "over an open connection, without the start of a client",
    "others": "from the errand to its effect in a shell at its prompt, with what bash takes to run the line",
    "steps": "a run of ten steps, divided by ten: typed, run, status and output captured; without the start "
    "of a client",
    "publish": "over an open connection; all of it is one machine's, which runs the hundred shells too",
    "durable": "to a session that is absent: nothing but the queue works. The client is Python on the same "
    "cores",
    "listening": "over open connections to one daemon; those who publish and listen are Python on the same "
    "cores",
    "stopping": "over an open connection, with what bash takes to run the line; other messages are sent to "
    "the second server meanwhile",
    "resting": "of the daemon's process and all its threads; without tmux and its clients",
    "compacting": "over an open connection, to a session that is absent; the folding process has a core of "
    "its own if there is one",
    "recovering": "from the new process's start to its first answer, files in the system's cache; without a "
    "look at tmux",
}
"""What the rows of a part measure and leave out, for those that do not say it themselves."""


def measure(parts: list[str], rounds: int) -> list[Row]:
    """The rows of `parts`, all against one daemon."""
    stage = Stage()
    try:
        stage.start()
        rows = [resting.memory(stage, "memory (RSS) after the start", NOTES["resting"])]
        for name in parts:
            print(f"measuring: {name}", file=sys.stderr)
            rows += [
                replace(row, part=name, note=row.note or NOTES[name]) for row in PARTS[name](stage, rounds)
            ]
        return rows
    finally:
        stage.close()


def scale(names: list[str], rounds: int, *, keep: bool) -> int:
    """Measure the curves of these names, all if there are none, and show them; `keep`: in the page too."""
    where = {**report.machine(), "file system": report.file_system(FOLDER)}
    found = {
        name: scaling.measure(curve, 2 * rounds)
        for name, curve in scaling.CURVES.items()
        if not names or name in names
    }
    where["load at the end"] = report.load()
    print(curves.page(found, where))
    if keep:
        before = curves.read(SCALE.read_text())[0] if SCALE.exists() else {}
        keep_curves({name: found.get(name) or before[name] for name in scaling.CURVES}, where)
    return 0


def keep_curves(found: curves.Curves, where: dict[str, str]) -> None:
    """In the page, in the file, and as pictures."""
    report.place(PAGE, curves.page(found, where), curves.BEGIN, curves.END)
    SCALE.write_text(curves.document(found, where))
    for name, picture in curves.pictures(found).items():
        (IMAGES / name).write_text(picture)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all of them")
    parser.add_argument("--rounds", type=int, default=100, help="how often; the default is %(default)s")
    parser.add_argument(
        "--write", action="store_true", help=f"keep the results in {PAGE.name} and {RESULTS.name}"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="count what Python executes and compare with what is stored; with --write store it",
    )
    parser.add_argument(
        "--timings",
        action="store_true",
        help=f"with --check: compare some times too, beside something bare, with {RESULTS.name}",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help=f"sample the daemon's stack instead; with --write keep it in {profiles.PAGE.name}",
    )
    parser.add_argument(
        "--scale",
        action="store_true",
        help=f"with more and more of each of {', '.join(scaling.CURVES)}, or of those named; some minutes",
    )
    asked = parser.parse_args()
    if asked.profile:
        text = profiles.page(profiles.measure(asked.rounds))
        print(text)
        if asked.write:
            report.place(profiles.PAGE, text)
        return 0
    if asked.check:
        status = guard.check(BASELINE, renew=asked.write)
        return timings.check(RESULTS) or status if asked.timings else status
    known: Container[str] = scaling.CURVES if asked.scale else PARTS
    if unknown := [name for name in asked.parts if name not in known]:
        parser.error(f"no such part: {', '.join(unknown)}")
    if asked.scale:
        return scale(asked.parts, asked.rounds, keep=asked.write)
    where = {**report.machine(), "file system": report.file_system(FOLDER)}
    rows = measure(asked.parts or list(PARTS), asked.rounds)
    where["load at the end"] = report.load()
    text = report.page(rows, where)
    print(text)
    if asked.write:
        report.place(PAGE, text)
        RESULTS.write_text(report.document(rows, where))
        for name, picture in charts.pictures(rows).items():
            (IMAGES / name).write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
