"""The alarm rings when its time has come, whichever timer stands for it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import pytest

from tsipcd import alarm as module
from tsipcd.alarm import Alarm

WITHIN_S = 60.0

needs_timers = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's timers are Linux's")


class Bell:
    """An alarm, and how often it rang."""

    def __init__(self) -> None:
        self.rang = 0
        self._event = asyncio.Event()
        self.alarm = Alarm(self._ring)

    def _ring(self) -> None:
        self.rang += 1
        self._event.set()

    async def rings(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self._event.wait()
        self._event.clear()


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is near enough for the loop's own timer."""
    monkeypatch.setattr(module, "SOON_S", -1.0)


@pytest.fixture
async def bell() -> Iterator[Bell]:  # type: ignore[misc]
    """Closed in the end."""
    bell = Bell()
    yield bell
    bell.alarm.close()


async def test_a_time_that_is_near(bell: Bell) -> None:
    """By the loop's own timer; one that is past rings at once."""
    for delay_s in (0.02, -5.0):
        at = time.time() + delay_s
        bell.alarm.set(at)
        await bell.rings()
        assert time.time() >= at - 0.01
    assert bell.rang == 2


@needs_timers
@pytest.mark.usefixtures("far")
async def test_a_time_that_is_far(bell: Bell) -> None:
    """By the kernel's timer, as often as it is set, and never early by more than a clock's tick."""
    for _ in range(3):
        at = time.time() + 0.02
        bell.alarm.set(at)
        await bell.rings()
        assert time.time() >= at - 0.01
    assert bell.rang == 3


@pytest.mark.usefixtures("far")
async def test_only_the_last_time_rings(bell: Bell) -> None:
    """A time that was taken back does not, and neither does one before another."""
    bell.alarm.set(time.time() + 0.01)
    bell.alarm.set(None)
    bell.alarm.set(time.time() + 3600)
    bell.alarm.set(time.time() + 0.03)
    await bell.rings()
    bell.alarm.set(time.time() + 0.01)
    bell.alarm.set(None)
    soon = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.1, soon.set_result, None)
    await soon
    assert bell.rang == 1


@needs_timers
async def test_a_far_time_costs_no_timer_of_the_loop(bell: Bell) -> None:
    """Nothing is looked at again and again until then."""
    loop = asyncio.get_running_loop()
    before = len(loop._scheduled)  # type: ignore[attr-defined]
    bell.alarm.set(time.time() + 86_400)
    assert len(loop._scheduled) == before  # type: ignore[attr-defined]


@pytest.mark.usefixtures("far")
async def test_without_a_descriptor_the_loop_waits(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and rings all the same."""

    def none(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module, "_Timer", none)
    bell.alarm.set(time.time() + 0.02)
    await bell.rings()
    assert bell.rang == 1
