"""Amounts as people read them."""

from __future__ import annotations

import pytest

from tsipc_client.render.amounts import clock, duration, moment, plural, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.34, "340 ms"),
        (4.12, "4.1 s"),
        (42.9, "42 s"),
        (182, "3m 02s"),
        (18_600, "5h 10m"),
        (183_600, "2d 3h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    """Two units at most; a clock set back gives no negative time."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (1200, "1.2 kB"), (3_400_000, "3.4 MB"), (5 * 10**9, "5.0 GB")],
)
def test_size(count: int, text: str) -> None:
    """Decimal units, as disks are sold."""
    assert size(count) == text


def test_times_are_local() -> None:
    """The tests' zone is UTC."""
    assert moment(1_759_320_000) == "2025-10-01 12:00:00"
    assert clock(1_759_320_000.25) == "12:00:00.250"


def test_plural() -> None:
    """One is no plural, none is."""
    assert [plural(count, "step") for count in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
