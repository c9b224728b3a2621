"""Where the daemon spends its time: its stack sampled during pipelined sends, a fan-out and a recovery."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.delivering import fan_out
from tests.bench.durable import pipelined
from tests.bench.stage import Stage
from tests.support.daemon import ROOT

PAGE = ROOT / "docs/profiles.md"
SHOWN = 12
"""Functions of each profile."""

Profile = dict[str, dict[str, int]]


def sends(stage: Stage, rounds: int) -> None:
    """Sends on one connection, pipelined, to a session that is absent."""
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")
    wire.close()
    pipelined(stage.wire(), 1_000 * rounds)


def publish(stage: Stage, rounds: int) -> None:
    """One event to 100 shells, again and again."""
    fan_out(stage, rounds=rounds, subscribers=100 if rounds > 10 else 3)


def recovery(stage: Stage, rounds: int) -> None:
    """Start with many messages in the journal."""
    sends(stage, rounds)
    stage.daemon.close()
    stage.daemon.start()


SCENES: dict[str, Callable[[Stage, int], None]] = {
    "Pipelined sends": sends,
    "Publish to 100 shells": publish,
    "Recovery of what was sent": recovery,
}


def measure(rounds: int) -> Iterator[tuple[str, Profile]]:
    """Each scene's name, and what was seen while it was played by a daemon of its own."""
    for name, play in SCENES.items():
        print(f"profiling: {name}", file=sys.stderr)
        stage = Stage()
        out = stage.folder / "profile"
        stage.daemon.wrapper = (sys.executable, "-m", "tests.bench.sampled", str(out))
        try:
            stage.start()
            play(stage, rounds)
            stage.daemon.close()
            yield name, read(out)
        finally:
            stage.close()


def read(out: Path) -> Profile:
    """What the daemon's process wrote when it ended."""
    document = json.loads(out.read_text())
    return {"own": document["own"], "total": document["total"], "all": {"samples": document["samples"]}}


def page(profiles: Iterator[tuple[str, Profile]]) -> str:
    """A table for each, its largest functions first."""
    return "\n".join(f"### {name}\n\n{_table(profile)}" for name, profile in profiles)


def _table(profile: Profile) -> str:
    count = max(profile["all"]["samples"], 1)
    largest = sorted(profile["own"].items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    lines = [
        f"{count:,} samples, one for each millisecond of processor time.",
        "",
        "| function | itself | with what it calls |",
        "|---|---:|---:|",
        *(
            f"| `{name}` | {own / count:.1%} | {profile['total'].get(name, own) / count:.1%} |"
            for name, own in largest
        ),
    ]
    return "\n".join(lines) + "\n"
