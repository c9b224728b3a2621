"""The wall clock under watch: it can be set at any time, and time goes on all the same."""

from __future__ import annotations

import time
from typing import Final

from tsipcd.core.clock import STEP_S

# A suspended machine's time passes too: what was to expire in an hour expires then. Where there is no such
# clock the monotonic one is it.
_ELAPSED: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """Tells when somebody has set the wall clock."""

    def __init__(self) -> None:
        self._began = _began()

    def set_by_s(self) -> float:
        """By how much the clock was set since this last told of it; 0: not by enough to speak of."""
        by_s = _began() - self._began
        if abs(by_s) < STEP_S:
            return 0.0
        self._began += by_s
        return by_s


def _began() -> float:
    """When, by the wall clock as it is now, this machine was started."""
    return time.time() - time.clock_gettime(_ELAPSED)
