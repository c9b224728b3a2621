"""How long a command takes from its process's start to its exit, beside a Python that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.samples import Row, Samples, interleaved
from tests.bench.stage import Stage

COMMANDS = (
    "publish bench deployment v1.2.3",
    "publish bench deployment v1.2.3 --key bench --json",
    "subscribe bench-one deployment data",
    "subscribe bench-one deployment data --json",
    "unsubscribe bench-one nothing",
    "workflow bench bench-one::",
    "workflow bench bench-one:: --json",
    "run bench --detach",
    "run bench",
    "pipeline bench-one bench-two",
    "queue",
    "queue --pending --limit 50",
    "queue --json",
    "show 1",
    "show 1 --json",
    "subscriptions",
    "subscriptions --json",
    "events",
    "events 20 --json",
    "sessions",
    "sessions --json",
    "daemon status",
    "daemon status --json",
    "--help",
    "send --help",
)
"""Each in its plain form and with its usual options."""

FAILING = {
    "cancel 1": 7,
    "resolve 1 --drop": 7,
    "send bench nobody-at-all :": 6,
    "send bench": 2,
}
"""What ends with an error, and its status: of the daemon the first ones, of typer the last."""

SEND = "send bench bench-one : command"
SEND_OPTIONS = "send bench bench-one : --ttl 10m --now --json"


def measure(stage: Stage, *, rounds: int) -> list[Row]:
    """`ts-ipc send` and the others, each a process of its own, interleaved with `python -c pass`.

    Then `send` once more, with every core kept busy by a loop beside it.
    """
    stage.shell("bench-one")
    environment = {**stage.daemon.environment, "PYTHONDONTWRITEBYTECODE": ""}
    first = _actions(environment, {SEND: 0, SEND_OPTIONS: 0})
    others = _actions(environment, {**dict.fromkeys(COMMANDS, 0), **FAILING})
    for action in [*first.values(), *others.values()]:
        action()  # compiles what it loads
    rows = _rows(interleaved(rounds, first), promise="≤ 1.6 x, p99 < 100 ms")
    rows += _rows(interleaved(max(rounds // 5, 1), others), promise="< 100 ms")[1:]
    with _busy():
        loaded = interleaved(rounds, _actions(environment, {SEND: 0}))
    return rows + _rows(loaded, promise="p99 < 100 ms", when=", every core busy")


def actions(stage: Stage, line: str) -> dict[str, Callable[[], None]]:
    """Python that does nothing (`python`), and this command line, which must end with 0."""
    return _actions({**stage.daemon.environment, "PYTHONDONTWRITEBYTECODE": ""}, {line: 0})


def _actions(environment: dict[str, str], lines: dict[str, int]) -> dict[str, Callable[[], None]]:
    """Python that does nothing, and each command line with the exit status it must have."""
    script = Path(sys.executable).with_name("ts-ipc")
    commands = {
        line: partial(_process, environment, status, str(script), *line.split())
        for line, status in lines.items()
    }
    return {"python": partial(_process, environment, 0, sys.executable, "-c", "pass"), **commands}


def _rows(taken: dict[str, Samples], *, promise: str, when: str = "") -> list[Row]:
    bare = taken["python"]
    return [bare.row(f"`python -c pass`{when}")] + [
        samples.row(f"`ts-ipc {line}`{when}", promise=promise, beside="python -c pass", other=bare)
        for line, samples in taken.items()
        if line != "python"
    ]


@contextmanager
def _busy() -> Iterator[None]:
    """Every core has something else to do until the block ends."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _process(environment: dict[str, str], expected: int, *command: str) -> None:
    """Run `command` to its end, its output thrown away; it must end with the status that is expected."""
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    pid = os.posix_spawn(command[0], command, environment, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended == expected, f"{command} ended with {ended}"
