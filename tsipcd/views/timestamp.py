"""Times as every visible file shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def iso(at: float) -> str:
    """`at`, in seconds since the epoch, as `2025-10-01T05:15:23+00:00`."""
    return _iso(int(at))


@lru_cache(maxsize=8)  # a burst of thousands shares a second
def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
