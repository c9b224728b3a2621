"""What ends a wait early: a process that ends, or whatever rings. Holds descriptors until it is left."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self

from tsipcd.tmux import tty

SOON_S = 0.03
"""Rings of frequent events are put together for this long."""

REAPED_S = 0.005
REAPED_TRIES = 10
"""The kernel tells with what a process ended only after its parent has taken note."""


class Alarm:
    """Use as a context; one waiter at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self.is_eager = False
        """What rings soon rings at once."""
        self._later: asyncio.TimerHandle | None = None
        self._pidfds: dict[int, int] = {}
        self._ended: dict[int, int | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._later is not None:
            self._later.cancel()
        for pid in tuple(self._pidfds):
            self.unfollow(pid)

    def ring(self) -> None:
        """End the wait now, or the next one at once."""
        self._event.set()

    def ring_soon(self) -> None:
        """End the wait in a moment, if nothing does before."""
        if self.is_eager:
            self.ring()
        elif self._later is None:
            self._later = self._loop.call_later(SOON_S, self._ring_late)

    def clear(self) -> None:
        """Forget what rang."""
        self._event.clear()

    async def wait(self, seconds: float) -> bool:
        """Whether it rang within that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def follow(self, pid: int) -> None:
        """Ring when `pid` ends; once. Where the system has no such thing: never."""
        if pid in self._pidfds or pid in self._ended:
            return
        pidfd = tty.open_pidfd(pid)
        if pidfd is not None:
            self._pidfds[pid] = pidfd
            self._loop.add_reader(pidfd, self._on_exit, pid)

    def unfollow(self, pid: int) -> None:
        """Let go of `pid`."""
        pidfd = self._pidfds.pop(pid, None)
        if pidfd is not None:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)

    def has_ended(self, pid: int) -> bool:
        """Whether `pid`, which was to be followed, is no more."""
        return pid in self._ended or (pid not in self._pidfds and not tty.is_alive(pid))

    def exit_code_of(self, pid: int) -> int | None:
        """With what it ended; negative: of a signal; None: the kernel does not tell."""
        return self._ended.get(pid)

    def _on_exit(self, pid: int, tries: int = REAPED_TRIES) -> None:
        if pid not in self._pidfds:
            return
        self._loop.remove_reader(self._pidfds[pid])
        code = tty.exit_code_of(self._pidfds[pid])
        if code is None and tries and tty.is_alive(pid):
            self._loop.call_later(REAPED_S, self._on_exit, pid, tries - 1)
            return
        self._ended[pid] = code
        self.unfollow(pid)
        self.ring()

    def _ring_late(self) -> None:
        self._later = None
        self.ring()
