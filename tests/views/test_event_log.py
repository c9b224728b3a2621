"""The event log: every line exactly once and in order, whatever happens to the daemon."""

from __future__ import annotations

import functools
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wait import until
from tsipcd.views import event_log, log_file
from tsipcd.views.event_log import EventLog
from tsipcd.views.folder import Folder

JOURNAL = "0123abcd"
ROOT = Path(__file__).resolve().parents[2]


def line(sequence: int) -> str:
    return f"2025-10-01T05:15:23+00:00 SEND a → b [command] msg-{sequence}"


def facts(first: int, last: int) -> list[tuple[int, list[str]]]:
    """What a journal has: every third fact has no line, every fifth has the same two lines."""
    return [
        (n, [] if n % 3 == 0 else [line(0)] * 2 if n % 5 == 0 else [line(n)]) for n in range(first, last + 1)
    ]


def text(first: int, last: int) -> str:
    return "".join(f"{found}\n" for _, lines in facts(first, last) for found in lines)


def opened(folder: Folder, last: int = 0, journal: str = JOURNAL) -> EventLog:
    """The log of a daemon that starts with a journal of `last` facts."""
    log = EventLog(folder, journal=journal, delay_s=0.001)
    log.recover()
    for sequence, lines in facts(1, last):
        log.replay(sequence, functools.partial(list, lines))
    return log


def read(path: Path) -> str:
    return path.read_text()


def put(path: Path, data: bytes) -> None:
    """As a crash would leave it: the inode stays."""
    path.write_bytes(data)


@pytest.fixture
def path(state: Path) -> Path:
    return state / "events.log"


async def test_lines_are_written_without_being_asked_for(folder: Folder, path: Path) -> None:
    """Soon."""
    log = opened(folder)
    log.append(1, [line(1)])
    await log.flush()
    log.append(2, [line(2)])
    await log._flusher._task  # type: ignore[misc]
    assert read(path) == text(1, 2)
    await log.close()


async def test_flushing_shows_everything(folder: Folder, path: Path) -> None:
    """`events` asks for it first."""
    log = opened(folder)
    for sequence, lines in facts(1, 20):
        log.append(sequence, lines)
    assert log.flushed_sequence == 0
    await log.flush()
    assert log.flushed_sequence == 20
    assert log.tail(3) == (text(1, 20).splitlines()[-3:], False)
    assert log.path == str(path)
    await log.close()


async def test_facts_without_lines_count_too(folder: Folder) -> None:
    """Or the journal could never drop them."""
    log = opened(folder)
    log.append(3, [])
    await log.flush()
    assert log.flushed_sequence == 3
    await log.close()


async def test_a_crash_at_any_byte_of_the_last_write_repeats_and_loses_nothing(
    folder: Folder, state: Path, path: Path
) -> None:
    """With the journal as far as it was: at least as far as the log."""
    log = opened(folder)
    for first, last in ((1, 4), (5, 12)):
        if first > 1:
            shutil.copy(state / "events.position", state / "position.before")
            size = len(read(path).encode())
        for sequence, lines in facts(first, last):
            log.append(sequence, lines)
        await log.flush()
    whole = read(path).encode()
    await log.close()
    for cut in range(size, len(whole) + 1):
        put(path, whole[:cut])
        shutil.copy(state / "position.before", state / "events.position")
        again = opened(folder, last=12)
        await again.flush()
        assert read(path).encode() == whole
        assert again.flushed_sequence == 12
        again.append(13, [line(13)])
        await again.close()
        assert read(path) == text(1, 13)


async def test_a_deleted_view_is_rebuilt_from_what_the_journal_has(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log and position deleted: all of it, however much, in parts."""
    monkeypatch.setattr(event_log, "_REPLAY_LINES", 7)
    log = opened(folder, last=50)
    assert len(log._waiting) < 7
    await log.close()
    assert read(path) == text(1, 50)


async def test_a_log_whose_position_is_lost_repeats_nothing(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on with what is new, also if it is killed again before the first position is written."""
    log = opened(folder, last=10)
    await log.close()
    folder.remove("events.position")
    killed = opened(folder, last=10)
    with monkeypatch.context() as patch:
        patch.setattr(log_file.LogFile, "mark", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        killed.append(11, [line(11)])
        await killed.flush()
    log = opened(folder, last=11)
    log.append(13, [line(13)])
    await log.close()
    await killed.close()
    assert read(path) == text(1, 13)


async def test_a_new_journal_goes_on_in_the_same_log(folder: Folder, path: Path) -> None:
    """Its small numbers are not taken for old ones."""
    await opened(folder, last=10).close()
    await opened(folder, last=4, journal="another0").close()
    assert read(path) == text(1, 10) + text(1, 4)


async def test_a_full_disk_is_waited_out(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes meanwhile waits, in order; beyond the bound the oldest are dropped, and that is said."""
    monkeypatch.setattr(event_log, "MAX_WAITING_LINES", 3)
    log = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(log_file, "write_all", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        for sequence in (1, 2, 4, 7, 8):
            log.append(sequence, [line(sequence)])
            await log.flush()
        assert log.flushed_sequence == 0
    await log.close()
    assert read(path) == "".join(f"{line(n)}\n" for n in (4, 7, 8))
    assert "2 lines were dropped" in caplog.text


async def test_a_position_that_cannot_be_written_repeats_no_line(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines are there; only the position is tried again."""
    log = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(log_file.LogFile, "mark", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        log.append(1, [line(1)])
        await log.flush()
        assert log.flushed_sequence == 0
    await log.flush()
    assert log.flushed_sequence == 1
    await log.close()
    assert read(path) == text(1, 1)


LIFE = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[3])
from tests.views.test_event_log import facts
from tsipcd.views.event_log import EventLog
from tsipcd.views.folder import Folder

async def live(folder, journal):
    log = EventLog(folder, journal="0123abcd", max_bytes=20_000, keep=1000, delay_s=0.001)
    log.recover()
    last = os.fstat(journal).st_size
    for sequence, lines in facts(1, last):
        log.replay(sequence, lambda lines=lines: lines)
    while last < int(sys.argv[2]):
        last += 1
        os.write(journal, b"x")
        log.append(*facts(last, last)[0])
        if last % 7 == 0:
            await asyncio.sleep(0)
    await log.close()

path = sys.argv[1]
asyncio.run(live(Folder.open(path), os.open(path + ".journal", os.O_RDWR | os.O_APPEND | os.O_CREAT)))
"""
"""A daemon with a journal of one byte a fact."""


def has_come(life: subprocess.Popen[bytes], journal: Path, size: int) -> bool:
    return life.poll() is not None or (journal.exists() and journal.stat().st_size >= size)


def test_killing_the_daemon_repeats_and_loses_nothing(state: Path) -> None:
    """SIGKILL at random moments, through rotations, a dozen lives long."""
    state.parent.mkdir()
    journal = state.parent / "ipc.journal"
    total = 60_000
    chance = random.Random(7)  # noqa: S311 - no secret
    size = 0
    for _ in range(12):
        life = subprocess.Popen([sys.executable, "-c", LIFE, str(state), str(total), str(ROOT)])
        size += chance.randint(1, 4000)
        until(functools.partial(has_come, life, journal, size), what="the daemon comes this far")
        life.kill()
        life.wait(20)
        size = journal.stat().st_size
    subprocess.run([sys.executable, "-c", LIFE, str(state), str(total), str(ROOT)], check=True, timeout=120)
    rotated = sorted(state.glob("events.log.*"), key=lambda path: -int(path.suffix[1:]))
    assert len(rotated) > 1
    files = [*rotated, state / "events.log"]
    assert "".join(path.read_text() for path in files if path.exists()) == text(1, total)
