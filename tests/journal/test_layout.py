from __future__ import annotations

import struct
from zlib import crc32

import pytest

from tsipcd.journal import layout
from tsipcd.journal.errors import Corrupt, Newer
from tsipcd.journal.layout import (
    SEGMENT,
    SNAPSHOT,
    SPARE,
    Layout,
    Named,
    heading,
    read_heading,
    segment_name,
    snapshot_name,
)

FILE = Named(12, segment_name(12))


def test_files_are_sorted_by_their_sequence() -> None:
    """Segments and snapshots come in order; unfinished files are apart, strangers ignored."""
    names = [segment_name(20), segment_name(3), snapshot_name(2), "x.tmp", SPARE, "notes.txt", "3.seg"]
    found = Layout.of([*names, f"{segment_name(3)}.broken-20260101T000000Z"])
    assert [file.sequence for file in found.segments] == [3, 20]
    assert [file.sequence for file in found.snapshots] == [2]
    assert found.leftovers == ("x.tmp",)


def test_a_heading_is_read_back() -> None:
    """A heading gives the identity and the sequence that it was made with."""
    found = read_heading(SEGMENT, heading(SEGMENT, b"abcd", 12) + b"rest", "/j", FILE)
    assert (found.identity, found.sequence) == (b"abcd", 12)


def test_every_flipped_bit_of_a_heading_is_noticed() -> None:
    """A heading with a wrong bit is damage, never another version or another file."""
    good = heading(SEGMENT, b"abcd", 12)
    for bit in range(len(good) * 8):
        wrong = bytearray(good)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            read_heading(SEGMENT, bytes(wrong), "/j", FILE)


def test_a_heading_must_fit_its_file() -> None:
    """A renamed file, a snapshot named as a segment and a cut heading are damage."""
    for data in (heading(SEGMENT, b"abcd", 13), heading(SNAPSHOT, b"abcd", 12), b"TSIPCSEG"):
        with pytest.raises(Corrupt):
            read_heading(SEGMENT, data, "/j", FILE)


def test_a_newer_format_asks_for_an_upgrade() -> None:
    """A whole heading of an unknown version is no damage; the sentence says what to do."""
    fields = struct.pack("<8sI4sQI", SEGMENT, 2, b"abcd", 12, 0)
    with pytest.raises(Newer, match="Upgrade ts-ipc"):
        read_heading(SEGMENT, fields + struct.pack("<I", crc32(fields)), "/j", FILE)


@pytest.mark.parametrize(("needs", "said"), [((1, 2, 3), "version 1.2.3 or later"), ((0, 0, 1), "0.0.1")])
def test_a_file_that_needs_a_newer_version_names_it(
    needs: tuple[int, int, int], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by a version that needs more, refused by this one, and read by the version it names."""
    ours = layout.NEEDS
    monkeypatch.setattr(layout, "NEEDS", needs)
    newer = heading(SNAPSHOT, b"abcd", 12)
    assert read_heading(SNAPSHOT, newer, "/j", FILE).sequence == 12
    monkeypatch.setattr(layout, "NEEDS", ours)
    with pytest.raises(Newer, match=f"{said}.*to read it"):
        read_heading(SNAPSHOT, newer, "/j", FILE)
