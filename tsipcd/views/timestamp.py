"""Times as every visible file shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_FIRST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""Clocks have been seen to be further off than a calendar goes."""


def iso(at: float) -> str:
    """`at`, in seconds since the epoch, as `2025-10-01T05:15:23+00:00`; no later than the calendar goes."""
    if _FIRST <= at <= _LAST:
        return _iso(int(at))
    return _iso(int(_FIRST if at < _FIRST else _LAST))


@lru_cache(maxsize=8)  # a burst of thousands shares a second
def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
