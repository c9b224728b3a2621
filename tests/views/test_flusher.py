"""When views are written: soon, together, one at a time, and never while nothing is to be written."""

from __future__ import annotations

import asyncio
import math

import pytest

from tsipcd.views import flusher
from tsipcd.views.flusher import Flusher


class Sink:
    """Something to be written in parts; fails while `errors` last."""

    def __init__(self, parts: int = 0, errors: int = 0) -> None:
        self.parts = parts
        self.errors = errors
        self.budgets: list[float] = []
        self.running = 0
        self.done = asyncio.Event()

    async def write(self, budget_s: float) -> bool:
        self.running += 1
        assert self.running == 1
        await asyncio.sleep(0)
        self.running -= 1
        self.budgets.append(budget_s)
        if self.errors:
            self.errors -= 1
            raise OSError(28, "full")
        self.parts = 0 if budget_s == math.inf else max(0, self.parts - 1)
        if not self.parts:
            self.done.set()
        return bool(self.parts)


def tasks() -> int:
    return len(asyncio.all_tasks()) - 1


async def test_a_burst_is_written_once() -> None:
    """Many calls, one write; and then there is no task and no timer left."""
    sink = Sink(parts=1)
    flush = Flusher("x", sink.write, delay_s=0.001)
    assert tasks() == 0
    for _ in range(100):
        flush.due()
    async with asyncio.timeout(20):
        await sink.done.wait()
    await asyncio.sleep(0)
    assert sink.budgets == [flusher.WORK_S]
    assert tasks() == 0


async def test_what_takes_longer_is_written_in_parts() -> None:
    """Each within its budget, until nothing is left."""
    sink = Sink(parts=3)
    Flusher("x", sink.write, delay_s=0.001).due()
    async with asyncio.timeout(20):
        await sink.done.wait()
    assert sink.budgets == [flusher.WORK_S] * 3


async def test_flushing_writes_everything_at_once() -> None:
    """Several at the same time do not meet."""
    sink = Sink(parts=3)
    flush = Flusher("x", sink.write, delay_s=60)
    flush.due()
    await asyncio.gather(flush.flush(), flush.flush())
    assert sink.budgets == [math.inf, math.inf]
    await flush.close()
    assert tasks() == 0


async def test_a_failure_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself, until it works; then that is told."""
    caplog.set_level("INFO")
    monkeypatch.setattr(flusher, "RETRY_S", 0.001)
    sink = Sink(parts=1, errors=3)
    Flusher("x", sink.write, delay_s=0.001).due()
    async with asyncio.timeout(20):
        await sink.done.wait()
    assert len(sink.budgets) == 4
    assert [record.message for record in caplog.records] == [
        "x cannot be written, trying again: [Errno 28] full",
        "x can be written again",
    ]


async def test_a_defect_is_logged_and_the_next_change_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    """It takes nothing else down."""
    calls = 0

    async def write(_: float) -> bool:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError

    flush = Flusher("x", write, delay_s=0.001)
    for turn in (1, 2):
        flush.due()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=20)
        assert calls == turn
    assert len(caplog.records) == 2
    assert "ZeroDivisionError" in caplog.text
