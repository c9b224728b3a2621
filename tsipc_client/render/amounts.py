"""Durations, sizes and times as people read them."""

from __future__ import annotations

import time

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400
_STEP = 1000
_TENTHS_BELOW = 10


def duration(seconds: float) -> str:
    """`0.4 ms`, `340 ms`, `4.1 s`, `42 s`, `3m 02s`, `5h 10m`, `2d 3h`."""
    if 0 < seconds * _STEP < _TENTHS_BELOW:
        return f"{seconds * _STEP:.1f} ms"
    if seconds < 1:
        return f"{max(seconds, 0) * _STEP:.0f} ms"
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m {whole % _MINUTE_S:02}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h {whole % _HOUR_S // _MINUTE_S:02}m"
    return f"{whole // _DAY_S}d {whole % _DAY_S // _HOUR_S}h"


def size(count: int) -> str:
    """`17 bytes`, `1.2 kB`, `3.4 MB`."""
    if count < _STEP:
        return f"{count} byte{'' if count == 1 else 's'}"
    if count < _STEP**2:
        return f"{count / _STEP:.1f} kB"
    if count < _STEP**3:
        return f"{count / _STEP**2:.1f} MB"
    return f"{count / _STEP**3:.1f} GB"


def moment(at: float) -> str:
    """Local date and time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def clock(at: float) -> str:
    """Local time of day, to the millisecond."""
    milliseconds = int(at * _STEP) % _STEP
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{milliseconds:03}"


def plural(count: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
