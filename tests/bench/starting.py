"""How long a command takes from its process's start to its exit, beside a Python that does nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench.samples import Row, interleaved
from tests.bench.stage import Stage

COMMANDS: dict[str, tuple[str, ...]] = {
    "publish": ("publish", "bench", "deployment", "v1.2.3"),
    "subscribe": ("subscribe", "bench-one", "deployment", "data"),
    "unsubscribe": ("unsubscribe", "bench-one", "nothing"),
    "workflow": ("workflow", "bench", "bench-one::"),
    "queue": ("queue",),
    "subscriptions": ("subscriptions",),
    "events": ("events", "20"),
    "sessions": ("sessions",),
    "daemon status": ("daemon", "status"),
    "--help": ("--help",),
}


def measure(stage: Stage, *, rounds: int) -> list[Row]:
    """`ts-ipc send` and the others, each a process of its own, interleaved with `python -c pass`."""
    stage.shell("bench-one")
    script = Path(sys.executable).with_name("ts-ipc")
    environment = {**stage.daemon.environment, "PYTHONDONTWRITEBYTECODE": ""}
    start = partial(_process, environment)
    actions: dict[str, Callable[[], None]] = {
        "python": partial(start, sys.executable, "-c", "pass"),
        "send": partial(start, str(script), "send", "bench", "bench-one", ":", "command"),
    }
    for _ in range(3):
        for action in actions.values():
            action()
    taken = interleaved(rounds, actions)
    bare = taken["python"]
    rows = [
        bare.row("`python -c pass`"),
        taken["send"].row(
            "`ts-ipc send`", promise="≤ 1.6 x, p99 < 100 ms", beside="python -c pass", other=bare
        ),
    ]
    others = interleaved(
        max(rounds // 5, 1), {name: partial(start, str(script), *words) for name, words in COMMANDS.items()}
    )
    rows += [
        samples.row(
            f"`ts-ipc {name}`",
            promise="" if name == "--help" else "< 100 ms",
            beside="python -c pass",
            other=bare,
        )
        for name, samples in others.items()
    ]
    return rows


def _process(environment: dict[str, str], *command: str) -> None:
    """Run `command` to its end, its output thrown away; it must succeed."""
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    pid = os.posix_spawn(command[0], command, environment, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"{command} ended with {os.waitstatus_to_exitcode(status)}"
