"""What a journal is after the power went: on real file systems that lose all they had not written."""

from __future__ import annotations

import random
import subprocess

import pytest

from tests.journal.conftest import replay
from tests.journal.test_crashes import ENVIRONMENT, command, expect_groups
from tests.support.power import SIZES, cut_power, image, mounted

CUTS = 4


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_what_was_acknowledged_survives_a_power_cut(kind: str) -> None:
    """After each cut, while a process was writing, every acknowledged append is there, and whole."""
    chance = random.Random(3)  # noqa: S311 -- reproducible
    acknowledged = -1
    with image(kind) as made:
        for cut in range(CUTS + 1):
            with mounted(made) as where:
                folder = where / "journal"
                if cut:
                    expect_groups(replay(folder)[1], [acknowledged])
                if cut == CUTS:
                    return
                with subprocess.Popen(
                    command(folder, 0, "endless"),
                    env=ENVIRONMENT,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                ) as process:
                    assert process.stdout is not None
                    for _ in range(chance.randrange(20, 200)):
                        acknowledged = int(process.stdout.readline())
                    cut_power(where)
                    acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
