"""How soon the daemon serves again after SIGKILL, with much waiting in its queue."""

from __future__ import annotations

from tests.bench.durable import BODY, pipelined
from tests.bench.resting import memory
from tests.bench.samples import Row, Samples
from tests.bench.stage import Stage


def measure(stage: Stage, *, small: int, large: int, rounds: int) -> list[Row]:
    """From the new process's start to its first answer: often with `small`, twice with `large` waiting."""
    wire = stage.wire()
    wire.request("subscribe", session="bench-absent", event="bench", action="command")
    wire.close()
    few = _restarts(stage, fill_to=small, rounds=rounds)
    many = _restarts(stage, fill_to=large, rounds=2)
    return [
        few.row(f"serving again after SIGKILL, {small:,} messages of {len(BODY)} B waiting", promise="≤ 1 s"),
        many.row(f"the same with {large:,}", promise="≤ 10 s"),
        memory(stage, f"memory (RSS) with {large:,} waiting"),
    ]


def _restarts(stage: Stage, *, fill_to: int, rounds: int) -> Samples:
    waiting = stage.daemon.call("status")["waiting"]
    if waiting < fill_to:
        pipelined(stage, fill_to - waiting)
    taken = Samples()
    for _ in range(rounds):
        stage.daemon.kill()
        with taken.one():
            stage.daemon.start()
    assert stage.daemon.call("status")["waiting"] >= fill_to
    return taken
