from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.journal.conftest import open_journal, replay
from tsipcd.core import facts
from tsipcd.core.state import State
from tsipcd.journal.journal import Journal
from tsipcd.journal.layout import Layout

DEADLINE_S = 30.0
NAMES = [f"session-{number:02d}" for number in range(20)]
SLEEPER = (sys.executable, "-c", "import time; time.sleep(1000)")
FAILING = (sys.executable, "-c", "import sys; sys.exit('no luck today')")


def layout(path: Path) -> Layout:
    return Layout.of(file.name for file in path.iterdir())


def known_names(path: Path) -> list[str]:
    state = State()
    for _, payload in replay(path)[1]:
        state.apply(facts.decode(payload))
    return sorted(state.names)


def running(journal: Journal) -> bool:
    return journal.compactor.is_running


async def append_names(journal: Journal, count: int) -> None:
    for start in range(0, count, 10):
        batch = [
            facts.encode(facts.SessionSeen(1.0, NAMES[number % 20])) for number in range(start, start + 10)
        ]
        await journal.append(batch)


async def compacted(journal: Journal, keep_from: int) -> None:
    journal.maybe_compact(keep_from)
    async with asyncio.timeout(DEADLINE_S):
        await journal.compactor.wait()


async def test_a_grown_journal_is_folded(path: Path) -> None:
    """When enough segments are closed they become a snapshot, beside the running journal; the state stays."""
    journal = open_journal(path)
    await append_names(journal, 1000)
    before = journal.size_bytes
    await compacted(journal, journal.last_sequence + 1)
    await append_names(journal, 10)
    assert len(layout(path).snapshots) == len(layout(path).segments) == 1
    assert journal.size_bytes < before
    await journal.close()
    assert known_names(path) == NAMES


async def test_a_small_journal_is_left_alone(path: Path) -> None:
    """Fewer than four segments are not worth a child process."""
    journal = open_journal(path)
    await append_names(journal, 200)
    journal.maybe_compact(journal.last_sequence + 1)
    assert not journal.compactor.is_running
    await journal.close()


async def test_what_a_view_still_needs_is_kept(path: Path) -> None:
    """Nothing from `keep_from` on is folded away."""
    journal = open_journal(path)
    await append_names(journal, 2000)
    keep_from = 1500
    await compacted(journal, keep_from)
    (snapshot,) = layout(path).snapshots
    assert 0 < snapshot.sequence < keep_from
    await journal.close()
    sequences = [sequence for sequence, _ in replay(path)[1]]
    assert [sequence for sequence in sequences if sequence >= keep_from] == list(range(1500, 2001))


async def test_a_failed_child_is_told_and_tried_again_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A child that fails costs a line in the log; the next try has to wait, so that it cannot spin."""
    journal = open_journal(path)
    journal.compactor.command = FAILING
    await append_names(journal, 1000)
    await compacted(journal, journal.last_sequence + 1)
    assert "no luck today" in caplog.text
    journal.maybe_compact(journal.last_sequence + 1)
    assert not journal.compactor.is_running
    await journal.close()
    assert known_names(path) == NAMES


async def test_closing_ends_the_child(path: Path) -> None:
    """A child that is still at work is killed and reaped; a second one is never started beside it."""
    journal = open_journal(path)
    journal.compactor.command = SLEEPER
    await append_names(journal, 1000)
    journal.maybe_compact(journal.last_sequence + 1)
    journal.maybe_compact(journal.last_sequence + 1)
    assert running(journal)
    async with asyncio.timeout(DEADLINE_S):
        await journal.close()
    assert not running(journal)
    assert known_names(path) == NAMES
