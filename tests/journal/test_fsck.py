from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.conftest import IDENTITY, numbered, put_segment, replay, segment, texts
from tsipcd.journal.errors import Corrupt
from tsipcd.journal.folder import Folder
from tsipcd.journal.fsck import check, salvage
from tsipcd.journal.layout import segment_name, snapshot_name
from tsipcd.journal.snapshot import write_snapshot


@pytest.fixture
def journal(path: Path) -> Path:
    """Three segments of four records."""
    for first in (1, 5, 9):
        put_segment(path, first, segment(first, texts(4, first)))
    return path


def damage(path: Path, first: int, *, at: int) -> None:
    file = path / segment_name(first)
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_a_whole_journal_is_whole(journal: Path) -> None:
    """The check counts what is there and finds nothing."""
    report = check(journal)
    assert (report.records, report.last_sequence, report.torn_bytes, report.damage) == (12, 12, 0, "")


def test_a_torn_tail_is_told_and_left(journal: Path) -> None:
    """The check says how much the next start will cut off, and leaves that to it."""
    put_segment(journal, 9, segment(9, texts(4, 9))[:-3])
    before = contents(journal)
    assert check(journal).torn_bytes > 0
    assert contents(journal) == before


def test_damage_is_told(journal: Path) -> None:
    """The check counts up to the damage, says where it is, and changes nothing."""
    damage(journal, 5, at=len(segment(5, texts(2, 5))) + 3)
    before = contents(journal)
    report = check(journal)
    assert report.records == report.last_sequence == 6
    assert segment_name(5) in report.damage
    assert contents(journal) == before


@pytest.mark.parametrize(
    ("first", "at", "kept"), [(5, 100, 5), (5, 40, 4), (5, 0, 4), (1, 40, 0), (9, -20, 11), (1, 0, 0)]
)
def test_what_comes_before_the_damage_is_kept(journal: Path, first: int, at: int, kept: int) -> None:
    """Records up to the first damage survive; the folder as it was lies beside it."""
    damage(journal, first, at=at)
    before = contents(journal)
    report = salvage(journal)
    assert (report.records, report.damage) == (kept, "")
    assert replay(journal)[1] == numbered(texts(kept))
    assert contents(Path(report.copy)) == before


def test_a_gap_is_an_end(journal: Path) -> None:
    """What comes behind a missing segment is not kept: it cannot be understood without it."""
    (journal / segment_name(5)).unlink()
    assert salvage(journal).last_sequence == 4


def test_a_damaged_snapshot_is_not_guessed_at(path: Path) -> None:
    """Without its snapshot a journal is not salvaged, and stays as it is."""
    put_segment(path, 5, segment(5, texts(4, 5)))
    folder = Folder.existing(path)
    write_snapshot(folder, IDENTITY, 4, [b"all before"])
    folder.close()
    content = bytearray((path / snapshot_name(4)).read_bytes())
    content[-40] ^= 1
    (path / snapshot_name(4)).write_bytes(content)
    before = contents(path)
    with pytest.raises(Corrupt):
        salvage(path)
    assert contents(path) == before


@pytest.mark.parametrize("kept", [True, False])
def test_a_damaged_snapshot_is_done_without_where_that_loses_nothing(journal: Path, kept: bool) -> None:
    """A compaction that died left what it had folded: all of it, or not quite all."""
    folder = Folder.existing(journal)
    write_snapshot(folder, IDENTITY, 8, [b"all before"])
    folder.close()
    damage_of(journal / snapshot_name(8))
    if not kept:
        (journal / segment_name(1)).unlink()
    before = contents(journal)
    assert check(journal).salvageable == kept
    if kept:
        report = salvage(journal)
        assert (report.damage, report.records, report.lost_bytes) == ("", 12, 0)
        assert replay(journal)[1] == numbered(texts(12))
        assert contents(Path(report.copy)) == before
    else:
        with pytest.raises(Corrupt):
            salvage(journal)
        assert contents(journal) == before


def damage_of(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
