"""Compares times with those that are kept, each as a multiple of something bare that is timed beside it.

For a person who asks: on a busy machine even a ratio wanders, so the limit is wide, and no test looks at it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import durable, starting
from tests.bench.samples import Samples, interleaved
from tests.bench.stage import Stage

LIMIT = 2.0
"""So many times the kept ratio is a loss."""

STARTS, SENDS = 40, 400

START = (f"`ts-ipc {starting.SEND}`", "`python -c pass`")
SEND = ("send, one at a time", "append + fdatasync of 300 bytes")


def check(results: Path) -> int:
    """Say each ratio beside the kept one; 1: one of them has grown beyond the limit."""
    kept = {row["name"]: row["value"] for row in json.loads(results.read_text())["rows"]}
    losses = 0
    for (ours, bare), samples, beside in measure():
        ratio = samples.median_ms / beside.median_ms
        if ours not in kept or bare not in kept:
            print(f"{ours}: {ratio:.2f} x {bare}; nothing is kept to compare with")
            continue
        before = kept[ours] / kept[bare]
        print(f"{ours}: {ratio:.2f} x {bare}, was {before:.2f}")
        losses += ratio > LIMIT * before
    if losses:
        print(f"more than {LIMIT:g} times what is kept in {results.name}", file=sys.stderr)
    return 1 if losses else 0


def measure() -> Iterator[tuple[tuple[str, str], Samples, Samples]]:
    """Names of a row and of what is bare beside it, and the times of both, interleaved."""
    stage = Stage()
    try:
        stage.start()
        stage.shell("bench-one")
        actions = starting.actions(stage, starting.SEND)
        for action in actions.values():
            action()  # compiles what it loads
        taken = interleaved(STARTS, actions)
        yield START, taken[starting.SEND], taken["python"]
        wire = stage.wire()
        wire.request("subscribe", session="bench-absent", event="bench", action="command")
        record = os.urandom(300)
        descriptor = os.open(stage.folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def append() -> None:
            os.write(descriptor, record)
            os.fdatasync(descriptor)

        def send() -> None:
            wire.request("send", source="bench", target="bench-absent", message=durable.BODY)

        taken = interleaved(SENDS, {"send": send, "append": append})
        os.close(descriptor)
        wire.close()
        yield SEND, taken["send"], taken["append"]
    finally:
        stage.close()
