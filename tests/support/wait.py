"""Waiting for a condition that nothing announces. Fails loudly at its deadline; never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, what: str, within_s: float = 60.0) -> T:
    """The first true value of `condition`; an AssertionError that names `what` once the time is over."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; last seen: {value!r}")
        time.sleep(0.005)
    return value
