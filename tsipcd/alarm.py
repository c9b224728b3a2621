"""One alarm at a time of the wall clock: it costs no wake-up before, and a suspended machine is not late.

Linux has timers that run on while the machine sleeps, and that tell when somebody sets the clock. Elsewhere,
and where a descriptor cannot be had, a time far away is looked at again every few minutes.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Final

MAX_TIMER_S: Final = 300.0
"""A time further away is looked at again after this long, where the loop's own timer stands for it."""

SOON_S: Final = 10.0
"""A time nearer than this is left to the loop's own timer, which costs less to set."""

_logger = logging.getLogger("tsipcd.alarm")


class Alarm:
    """Calls back when its time has come, or when it may have: the clock was set."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._soon: asyncio.TimerHandle | None = None
        self._far: _Timer | None = None
        self._has_far = sys.platform == "linux"
        """As far as is known."""

    def set(self, at: float | None) -> None:
        """Ring at that time, in seconds since the epoch, and not at the one before; None: do not ring."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._far is not None:
            self._far.set(None)
        if at is None:
            return
        delay_s = max(at - time.time(), 0.0)
        if delay_s > SOON_S and self._wait_far(delay_s):
            return
        self._soon = self._loop.call_later(min(delay_s, MAX_TIMER_S), self._ring_soon)

    def close(self) -> None:
        """Never ring again."""
        self.set(None)
        if self._far is not None:
            self._far.close()
            self._far = None
        self._has_far = False

    def _wait_far(self, delay_s: float) -> bool:
        if self._far is None and self._has_far:
            try:
                self._far = _Timer(self._loop, self._ring)
            except OSError as error:
                _logger.warning("looking at the clock every %g s: %s", MAX_TIMER_S, error)
                self._has_far = False
        if self._far is None:
            return False
        self._far.set(delay_s)
        return True

    def _ring_soon(self) -> None:
        self._soon = None
        self._ring()


class _Timer:
    """A timer of the kernel's that goes on while the machine sleeps, and one that sees clocks set."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._left = self._create(_CLOCK_BOOTTIME)
        try:
            self._clock = self._create(_CLOCK_REALTIME)
        except OSError:
            os.close(self._left)
            raise
        self._watch_clock()
        loop.add_reader(self._left, self._on_end)
        loop.add_reader(self._clock, self._on_set)

    def set(self, delay_s: float | None) -> None:
        """Ring after so long; None: never."""
        self._settime(self._left, 0, delay_s or 0.0)

    def close(self) -> None:
        for fd in (self._left, self._clock):
            self._loop.remove_reader(fd)
            os.close(fd)

    def _on_end(self) -> None:
        if self._has_rung(self._left):
            self._ring()

    def _on_set(self) -> None:
        if self._has_rung(self._clock):
            self._watch_clock()
            self._ring()

    def _watch_clock(self) -> None:
        self._settime(self._clock, _ABSTIME | _CANCEL_ON_SET, _NEVER)

    @staticmethod
    def _has_rung(fd: int) -> bool:
        try:
            os.read(fd, _COUNT_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
        return True

    def _create(self, clock: int) -> int:
        fd = int(self._libc.timerfd_create(clock, os.O_NONBLOCK | os.O_CLOEXEC))
        if fd < 0:
            raise _failure("timerfd_create")
        return fd

    def _settime(self, fd: int, flags: int, seconds: float) -> None:
        whole = int(seconds)
        new = _Times(0, 0, whole, int((seconds - whole) * 1e9))
        if self._libc.timerfd_settime(fd, flags, ctypes.byref(new), None) < 0:
            raise _failure("timerfd_settime")


class _Times(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


_CLOCK_REALTIME: Final = 0
_CLOCK_BOOTTIME: Final = 7
_ABSTIME: Final = 1
_CANCEL_ON_SET: Final = 2
_NEVER: Final = float(1 << 33)
"""In some 270 years."""

_COUNT_BYTES: Final = 8


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
