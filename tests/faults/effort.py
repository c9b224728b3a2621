"""How much of each fault is tried, and with which seed.

TS_IPC_EFFORT=share   a few minutes in all: what everybody runs (default)
TS_IPC_EFFORT=ci      the counts that docs/reliability.md states
TS_IPC_EFFORT=soak    ten times that
TS_IPC_SEED=N         repeats a run
"""

from __future__ import annotations

import os
import random
import zlib
from enum import StrEnum
from typing import Final


class Effort(StrEnum):
    """What a run can afford."""

    SHARE = "share"
    CI = "ci"
    SOAK = "soak"


EFFORT: Final = Effort(os.environ.get("TS_IPC_EFFORT") or Effort.SHARE)
SEED: Final = int(os.environ.get("TS_IPC_SEED") or 20_261_128)
SOAKED: Final = 10


def count(share: int, ci: int) -> int:
    """How often to try: `share` on a person's machine, `ci` in CI, ten times `ci` in a soak."""
    return {Effort.SHARE: share, Effort.CI: ci, Effort.SOAK: ci * SOAKED}[EFFORT]


def parts(share: int, ci: int, *, each: int) -> list[int]:
    """The same count in pieces of at most `each`, for `parametrize`: pieces run beside each other."""
    total = count(share, ci)
    return [min(each, total - done) for done in range(0, total, each)]


def chance(*names: object) -> random.Random:
    """Random numbers that this seed and these names give again in every run."""
    return random.Random(zlib.crc32(repr((SEED, *names)).encode()))  # noqa: S311 - reproducible, no secret
