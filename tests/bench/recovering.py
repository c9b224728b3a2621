"""How soon the daemon serves again after SIGKILL, with much waiting in its queue."""

from __future__ import annotations

from tests.bench.durable import BODY, pipelined
from tests.bench.resting import memory
from tests.bench.samples import Row, Samples
from tests.bench.stage import Stage


def measure(*, small: int, large: int, rounds: int) -> list[Row]:
    """From the new process's start to its first answer: often with `small`, three times with `large` waiting.

    On a stage of its own: what other parts have left waiting would count.
    """
    stage = Stage()
    try:
        stage.start()
        wire = stage.wire()
        wire.request("subscribe", session="bench-absent", event="bench", action="command")
        wire.close()
        few = _restarts(stage, fill_to=small, rounds=rounds)
        many = _restarts(stage, fill_to=large, rounds=3)
        return [
            few.row(
                f"serving again after SIGKILL, {small:,} messages of {len(BODY)} B waiting", promise="≤ 1 s"
            ),
            many.row(f"the same with {large:,}", promise="≤ 7 s"),
            memory(stage, f"memory (RSS) with {large:,} waiting"),
        ]
    finally:
        stage.close()


def _restarts(stage: Stage, *, fill_to: int, rounds: int) -> Samples:
    pipelined(stage.wire(), fill_to - stage.daemon.call("status")["waiting"])
    taken = Samples()
    for _ in range(rounds):
        stage.daemon.kill()
        with taken.one():
            stage.daemon.start()
    assert stage.daemon.call("status")["waiting"] == fill_to
    return taken
