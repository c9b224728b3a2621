"""What a journal is after its process died: at random, and at each of its system calls."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.journal.conftest import Payloads, put_segment, replay, segment
from tests.journal.crashing import GROUP, Latest, group
from tsipcd.journal.layout import HEADING_BYTES

PROGRAM = Path(__file__).with_name("crashing.py")
ROOT = Path(__file__).parents[2]
LIVES = 30
DEADLINE_S = 30.0


def command(folder: Path, calls: int, work: str) -> list[str]:
    return [sys.executable, str(PROGRAM), str(folder), str(calls), work]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def live(folder: Path, calls: int, work: str) -> tuple[bool, list[int]]:
    """One life of the program: whether it was killed, and what it said was durable."""
    done = subprocess.run(
        command(folder, calls, work), env=ENVIRONMENT, capture_output=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0, [int(line) for line in done.stdout.split()]


def expect_groups(payloads: Payloads, acknowledged: Sequence[int]) -> int:
    """All groups up to some number, each whole, none of the acknowledged missing; how many."""
    groups = len(payloads) // GROUP
    assert [payload for _, payload in payloads] == [
        part for number in range(groups) for part in group(number)
    ]
    assert [sequence for sequence, _ in payloads] == list(range(1, groups * GROUP + 1))
    assert max(acknowledged, default=-1) < groups
    return groups


def folded(payloads: Payloads) -> dict[bytes, bytes]:
    fold = Latest()
    for _, payload in payloads:
        fold.apply(payload)
    return fold.values


def test_killed_at_random_nothing_acknowledged_is_lost(path: Path) -> None:
    """Over 30 lives of one journal, each killed while it wrote, every acknowledged append is there, whole."""
    chance = random.Random(7)  # noqa: S311 -- reproducible
    acknowledged = 0
    for _ in range(LIVES):
        with subprocess.Popen(
            command(path, 0, "endless"), env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 60)):
                acknowledged = int(process.stdout.readline())
            process.kill()
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        expect_groups(replay(path)[1], [acknowledged])


def test_killed_at_each_call_nothing_acknowledged_is_lost(path: Path) -> None:
    """Whichever system call it dies at, over roll-overs and the close, the next life has all it must."""
    for calls in count(1):
        folder = path / str(calls)
        folder.parent.mkdir(exist_ok=True)
        killed, acknowledged = live(folder, calls, "write")
        expect_groups(replay(folder)[1], acknowledged)
        if not killed:
            assert len(acknowledged) == 40
            return


def test_killed_in_recovery_the_next_recovery_gives_the_same(path: Path) -> None:
    """Dying at any call of a start that repairs a torn tail changes nothing that the next start finds."""
    batches = [group(number) for number in range(5)]
    content = segment(1, batches)
    whole = len(segment(1, batches[:4]))
    for calls in count(1):
        put_segment(path, 1, content[: whole + 60] + bytes(2000))
        killed, _ = live(path, calls, "idle")
        assert expect_groups(replay(path)[1], []) == 4
        if not killed:
            return
        shutil.rmtree(path)


def test_killed_in_compaction_the_result_is_the_same(path: Path, tmp_path: Path) -> None:
    """Dying at any call of a compaction leaves a folder with the same state, that can be compacted again."""
    original = tmp_path / "original"
    live(original, 0, "write")
    expected = folded(replay(original)[1])
    assert len(list(original.glob("*.seg"))) > 2
    for calls in count(1):
        shutil.copytree(original, path)
        killed, _ = live(path, calls, "compact")
        if calls % 2:  # the daemon did not notice, and compacts again
            live(path, 0, "compact")
        _, payloads = replay(path)
        assert folded(payloads) == expected, f"killed at call {calls}"
        if not killed:
            assert len(list(path.glob("*.seg"))) == 1
            return
        shutil.rmtree(path)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_checks_can_fail(path: Path, lost: int) -> None:
    """The check above sees one lost append."""
    put_segment(path, 1, segment(1, [group(number) for number in range(5 - lost)]))
    assert path.joinpath("0000000000000001.seg").stat().st_size > HEADING_BYTES
    if lost:
        with pytest.raises(AssertionError):
            expect_groups(replay(path)[1], [4])
    else:
        assert expect_groups(replay(path)[1], [4]) == 5
