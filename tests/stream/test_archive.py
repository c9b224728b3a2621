"""Events on disk: none twice, none left out, whatever was torn, cut, pruned or damaged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tsipc_client.wire.messages import EventView
from tsipcd.core import facts as f
from tsipcd.stream import archive as archives
from tsipcd.stream.archive import Archive
from tsipcd.stream.block import array, packed
from tsipcd.stream.wanted import Wanted
from tsipcd.views.folder import Folder

JOURNAL = b"\1\2\3\4"
ALL = Wanted()


def event(seq: int, data: str = "x", at: float | None = None) -> EventView:
    return EventView(
        seq=seq, at=float(seq) if at is None else at, event=f"e.{seq % 2}", source="s", data=data
    )


def put(archive: Archive, events: Sequence[EventView]) -> None:
    archive.append(events, [packed(one) for one in events])


def opened(path: Path, *, identity: bytes = JOURNAL, max_bytes: int = 1 << 30) -> Archive:
    archive = Archive(Folder.open(str(path)), identity, max_bytes=max_bytes)
    archive.recover()
    return archive


def heard(archive: Archive, start: int = 0, wanted: Wanted = ALL, limit: int = 1000) -> list[int]:
    """The numbers of all events from `start` on, as a listener gets them."""
    numbers: list[int] = []
    while start <= archive.last:
        found = archive.read(start, wanted, limit)
        assert found.next > start
        events = msgspec.msgpack.decode(array(found.events, found.body), type=list[EventView])
        assert len(events) <= limit
        assert all(start <= one.seq < found.next for one in events)
        numbers += [one.seq for one in events]
        start = found.next
    return numbers


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time it is; events are of their number's second."""
    now = [0.0]
    monkeypatch.setattr("tsipcd.stream.archive.time.time", lambda: now[0])
    return now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream"


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_from_any_number_on_each_comes_once(path: Path, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many files and blocks, with numbers that are not all there, whatever an answer holds."""
    monkeypatch.setattr(archives, "FILE_BYTES", 4000)
    monkeypatch.setattr(archives, "ANSWER_BYTES", 700)
    archive = opened(path)
    numbers = [number for number in range(1, 400) if number % 3]
    for begin in range(0, len(numbers), 9):
        put(archive, [event(number) for number in numbers[begin : begin + 9]])
    assert len(list(path.iterdir())) > 3
    for start in (0, 1, 2, 3, 50, 200, 398, 399):
        assert heard(archive, start, limit=limit) == [number for number in numbers if number >= start]
        odd = [number for number in numbers if number >= start and number % 2]
        assert heard(archive, start, Wanted(("e.1",)), limit) == odd
        assert heard(archive, start, Wanted(where="event.id < 0"), limit) == []


def test_a_time_finds_its_first_event(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any file; before all of them the oldest, behind them the next number."""
    monkeypatch.setattr(archives, "FILE_BYTES", 2000)
    archive = opened(path)
    for number in range(1, 200):
        put(archive, [event(number)])
    assert [archive.first_since(at) for at in (0, 1, 2.5, 77, 198.1, 199, 199.5)] == [
        1,
        1,
        3,
        77,
        199,
        199,
        200,
    ]


def test_an_event_may_be_as_large_as_a_message(path: Path) -> None:
    """It has a block, and an answer, of its own."""
    archive = opened(path)
    put(archive, [event(1), event(2, "y" * 1_000_000), event(3)])
    assert heard(archive) == [1, 2, 3]
    assert archive.read(2, ALL, 1000).events == 1


def test_a_torn_end_is_cut_at_every_byte(path: Path) -> None:
    """The journal brings again what was not whole, and nothing else."""
    archive = opened(path)
    put(archive, [event(1), event(2)])
    (file,) = path.iterdir()
    whole = file.stat().st_size
    put(archive, [event(5, "zz")])
    data = file.read_bytes()
    for size in range(whole, len(data)):
        file.write_bytes(data[:size])
        again = opened(path)
        assert again.last == 2
        for sequence in (1, 2, 5):
            again.replay(sequence, f.EventPublished(float(sequence), 1, "s", "e.1", "x", 9.0, ()))
        again.settle(6)
        assert heard(again) == [1, 2, 5]
        again.close()


def test_a_kill_before_the_first_block_leaves_nothing(path: Path) -> None:
    """Nor does a file with only a heading."""
    put(opened(path), [event(7)])
    (file,) = path.iterdir()
    os.truncate(file, 40)
    archive = opened(path)
    assert (archive.last, list(path.iterdir())) == (0, [])
    put(archive, [event(7)])
    assert heard(archive) == [7]


def test_what_the_journal_lacks_is_dropped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older journal gives these numbers to other events."""
    monkeypatch.setattr(archives, "FILE_BYTES", 500)
    archive = opened(path)
    for number in range(1, 40, 3):
        put(archive, [event(number), event(number + 1), event(number + 2)])
    again = opened(path)
    again.settle(20)
    assert (again.last, heard(again)) == (20, list(range(1, 21)))
    put(again, [event(21, "new")])
    assert heard(opened(path), 20) == [20, 21]


def test_another_journals_events_are_removed(path: Path) -> None:
    """Their numbers mean nothing here."""
    put(opened(path), [event(9)])
    archive = opened(path, identity=b"none")
    assert (archive.last, heard(archive)) == (0, [])


def test_the_oldest_go_first_and_it_is_known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by the next life."""
    monkeypatch.setattr(archives, "FILE_BYTES", 1000)
    archive = opened(path, max_bytes=3000)
    for number in range(1, 200):
        put(archive, [event(number)])
    kept = heard(archive)
    assert kept == list(range(archive.forgotten + 1, 200))
    assert sum(file.stat().st_size for file in path.iterdir()) < 5000
    again = opened(path)
    again.settle(199)
    assert again.forgotten == archive.forgotten > 100


def test_old_files_go_by_their_age(path: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    """A file goes when all that is in it is older."""
    monkeypatch.setattr(archives, "FILE_BYTES", 1000)
    archive = opened(path)
    for number in range(1, 50):
        put(archive, [event(number)])
    assert heard(archive)[0] == 1
    clock[0] = archives.MAX_AGE_S + 30
    put(archive, [event(50)])
    oldest = heard(archive)[0]
    assert 20 < oldest <= 30
    assert archive.forgotten == oldest - 1


def test_a_damaged_block_is_told_and_skipped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event that is handed out is one that was published."""
    monkeypatch.setattr(archives, "FILE_BYTES", 1000)
    archive = opened(path)
    for number in range(1, 60):
        put(archive, [event(number)])
    first, second, *_ = sorted(path.iterdir())
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    numbers = heard(archive)
    assert numbers == sorted(set(numbers))
    assert set(range(int(second.stem), 60)) <= set(numbers)
    assert archive.forgotten == int(second.stem) - 1


def test_a_full_disk_leaves_whole_blocks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not written is not there; the same again is."""
    archive = opened(path)
    put(archive, [event(1)])

    def half(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "full")

    with monkeypatch.context() as patched:
        patched.setattr(archives, "write_all", half)
        with pytest.raises(OSError, match="full"):
            put(archive, [event(2)])
    assert heard(archive) == [1]
    put(archive, [event(2)])
    assert heard(opened(path)) == [1, 2]
