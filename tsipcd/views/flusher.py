"""When a view is written: soon after a change, a burst together. Writes nothing itself.

Idle costs nothing: there is a timer only while something is to be written.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

DELAY_S = 0.25
RETRY_S = 5.0
WORK_S = 0.05
"""How long one write works, so that a burst's wake leaves most of the processor to messages."""

_logger = logging.getLogger("tsipcd.views")


class Flusher:
    """Calls `write(budget_s)`, one at a time, `delay_s` after `due()` and again while it returns True.

    `write` may raise `OSError`, having kept what it could not write; that is logged once and tried again.
    """

    def __init__(self, what: str, write: Callable[[float], Awaitable[bool]], *, delay_s: float) -> None:
        self._what = what
        self._write = write
        self._delay_s = delay_s
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    def due(self) -> None:
        """Something is to be written soon. On the loop's thread; cheap when it is due already."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"flush {self._what}")

    async def flush(self) -> None:
        """Write now; what cannot be written is logged, kept and tried again."""
        async with self._lock:
            await self._attempt(math.inf)
        if self._failing:
            self.due()

    async def close(self) -> None:
        """Write now and stop."""
        async with self._lock:  # the task is asleep or waits for the lock: it can be cancelled
            await self._attempt(math.inf)
            task = self._task
            if task is not None:
                task.cancel()
        if task is not None:
            await asyncio.wait({task})

    async def _run(self) -> None:
        try:
            more = True
            while more:
                await asyncio.sleep(RETRY_S if self._failing else self._delay_s)
                async with self._lock:
                    more = await self._attempt(WORK_S)
        except Exception:
            _logger.exception("%s is not written any more until its next change", self._what)
        finally:
            self._task = None

    async def _attempt(self, budget_s: float) -> bool:
        """One write; whether there is more to write."""
        try:
            more = await self._write(budget_s)
        except OSError as exc:
            if not self._failing:
                _logger.warning("%s cannot be written, trying again: %s", self._what, exc)
            self._failing = True
            return True
        if self._failing:
            _logger.info("%s can be written again", self._what)
        self._failing = False
        return more
