from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.journal.conftest import IDENTITY, numbered, open_journal, put_segment, replay, segment, texts
from tsipcd.journal.errors import Corrupt, Unsafe
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SPARE, segment_name, snapshot_name
from tsipcd.journal.reading import Reading, read_journal
from tsipcd.journal.snapshot import write_snapshot

DATA = Path(__file__).parent.parent / "data" / "journal"
ZEROS = 1000


def read(path: Path) -> tuple[Reading, list[bytes]]:
    """Read without any repair."""
    payloads: list[bytes] = []
    folder = Folder.existing(path)
    try:
        return read_journal(folder, lambda _, payload: payloads.append(payload)), payloads
    finally:
        folder.close()


def broken(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(path.glob("*.broken-*"))]


def test_an_empty_folder_is_made(path: Path) -> None:
    """Where no journal is, one begins: a folder of ours alone, and a fresh identity."""
    recovered, payloads = replay(path)
    assert payloads == []
    assert recovered.last_sequence == 0
    assert len(recovered.identity) == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert replay(path)[0].identity != recovered.identity


def test_a_journal_is_replayed_in_order(path: Path) -> None:
    """Segments come in order, with the sequence of each payload, and nothing is repaired."""
    put_segment(path, 1, segment(1, [[b"a", b"b"], [b"c"]]))
    put_segment(path, 4, segment(4, [[b"d"]], zeros=ZEROS))
    recovered, payloads = replay(path)
    assert payloads == numbered([[b"a", b"b", b"c", b"d"]])
    assert recovered.identity == IDENTITY
    assert (recovered.records, recovered.repaired_bytes, recovered.notes) == (4, 0, ())


async def test_cutting_at_every_byte_loses_only_what_was_cut(path: Path) -> None:
    """A last segment cut anywhere gives its whole records, keeps the torn piece, and goes on."""
    batches = texts(3)
    whole = segment(1, batches)
    ends = [len(segment(1, batches[:count])) for count in range(4)]
    for length in range(HEADING_BYTES, len(whole)):
        folder = path / str(length)
        folder.mkdir(parents=True)
        put_segment(folder, 1, whole[:length])
        kept = sum(end <= length for end in ends) - 1
        torn = whole[ends[kept] : length].rstrip(b"\0")
        recovered, payloads = replay(folder)
        assert payloads == numbered(batches[:kept]), f"cut at {length}"
        assert recovered.repaired_bytes == len(torn)
        assert broken(folder) == ([torn] if torn else [])
    journal = open_journal(folder)
    await journal.append([b"after"])
    await journal.close()
    assert replay(folder)[1] == numbered([*batches[:2], [b"after"]])


def test_cutting_into_a_heading_is_damage(path: Path) -> None:
    """A segment always had a whole heading before it had its name: without one it is not served."""
    whole = segment(1, texts(1))
    for length in range(HEADING_BYTES):
        put_segment(path, 1, whole[:length])
        with pytest.raises(Corrupt):
            replay(path)


def test_every_flipped_bit_of_a_journal_is_refused(path: Path) -> None:
    """No flipped bit of 20 committed records, in any of three segments, is served or cut off."""
    parts = [(1, texts(7)), (8, texts(7, 8)), (15, texts(6, 15))]
    contents = {first: segment(first, batches) for first, batches in parts}
    for first, content in contents.items():
        put_segment(path, first, content + bytes(ZEROS if first == 15 else 0))
    for first, content in contents.items():
        fd = os.open(path / segment_name(first), os.O_RDWR)
        for bit in range(len(content) * 8):
            at = bit // 8
            os.pwrite(fd, bytes([content[at] ^ 1 << bit % 8]), at)
            with pytest.raises(Corrupt):
                read(path)
            os.pwrite(fd, content[at : at + 1], at)
        os.close(fd)
    assert read(path)[1] == [payload for _, batches in parts for (payload,) in batches]


def test_damage_is_told_and_touched_by_nobody(path: Path) -> None:
    """The error names the file, the byte and `ts-ipc fsck`; no file is changed, made or removed."""
    content = bytearray(segment(1, texts(3), zeros=ZEROS))
    offset = len(segment(1, texts(1)))
    content[offset + 40] ^= 1
    put_segment(path, 1, bytes(content))
    (path / "left.tmp").write_bytes(b"x")
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(Corrupt) as caught:
        replay(path)
    sentence = str(caught.value)
    assert f"{path}/{segment_name(1)} at byte {offset}:" in sentence
    assert "ts-ipc fsck" in sentence
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


def test_a_missing_segment_is_damage(path: Path) -> None:
    """A hole in the sequence is not stepped over: at the start, in the middle, or behind a snapshot."""
    put_segment(path, 3, segment(3, texts(2)))
    with pytest.raises(Corrupt, match="a segment is missing"):
        replay(path)
    put_segment(path, 1, segment(1, texts(1)))
    with pytest.raises(Corrupt, match="a segment is missing"):
        replay(path)


def test_a_torn_segment_in_the_middle_is_damage(path: Path) -> None:
    """Only the last segment can be torn: one that others follow was synced to its end."""
    put_segment(path, 1, segment(1, texts(2))[:-5])
    put_segment(path, 3, segment(3, texts(1)))
    with pytest.raises(Corrupt, match="later segments follow"):
        replay(path)


def test_another_journals_segment_is_damage(path: Path) -> None:
    """Files of two journals are never mixed."""
    put_segment(path, 1, segment(1, texts(2)))
    put_segment(path, 3, segment(3, texts(1), identity=b"else"))
    with pytest.raises(Corrupt, match="another journal"):
        replay(path)


def test_a_torn_tail_is_kept_and_told(path: Path) -> None:
    """The torn bytes are in a `.broken-` file of mode 0600, and the note says how many there were."""
    content = segment(1, texts(2))
    put_segment(path, 1, content[:-20] + bytes(ZEROS))
    recovered, payloads = replay(path)
    assert payloads == numbered(texts(1))
    (copy,) = path.glob("*.broken-*")
    assert copy.read_bytes() == content[len(segment(1, texts(1))) : -20].rstrip(b"\0")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert f"cut {recovered.repaired_bytes} bytes" in recovered.notes[0]
    assert copy.name in recovered.notes[0]


def test_repairing_twice_gives_the_same(path: Path) -> None:
    """A crash right after the copy was kept: the next start finds the same, and keeps a second copy."""
    put_segment(path, 1, segment(1, texts(2))[:-20])
    assert replay(path)[1] == replay(path)[1] == numbered(texts(1))
    first, second = broken(path)
    assert first == second


def test_what_a_compaction_left_is_removed(path: Path) -> None:
    """Unfinished files and files that the snapshot covers go; the result is that of a finished compaction."""
    put_segment(path, 1, segment(1, texts(2)))
    put_segment(path, 3, segment(3, texts(2, 3)))
    put_segment(path, 5, segment(5, texts(1, 5)))
    folder = Folder.existing(path)
    write_snapshot(folder, IDENTITY, 2, [b"older"])
    write_snapshot(folder, IDENTITY, 4, [b"folded", b"facts"])
    folder.close()
    (path / f"{snapshot_name(6)}.tmp").write_bytes(b"TSIP")
    _, payloads = replay(path)
    assert payloads == [(4, b"folded"), (4, b"facts"), (5, texts(1, 5)[0][0])]
    assert sorted(file.name for file in path.iterdir()) == [snapshot_name(4), segment_name(5)]


def plant(kind: str, where: Path, outside: Path, content: bytes) -> Path:
    """Something that is no plain file with one name; a file elsewhere that it may stand for."""
    outside.write_bytes(content)
    match kind:
        case "link":
            where.symlink_to(outside)
        case "hard link":
            where.hardlink_to(outside)
        case "fifo":
            os.mkfifo(where)
        case "folder":
            where.mkdir()
    return outside


@pytest.mark.parametrize("name", [segment_name(1), snapshot_name(0)])
@pytest.mark.parametrize("kind", ["link", "hard link", "fifo", "folder"])
def test_planted_files_are_refused(path: Path, tmp_path: Path, name: str, kind: str) -> None:
    """A link, a second name, a FIFO or a folder where a file of ours should be is not read."""
    content = segment(1, texts(1))
    path.mkdir(mode=0o700)
    outside = plant(kind, path / name, tmp_path / "outside", content)
    with pytest.raises(Unsafe):
        replay(path)
    assert outside.read_bytes() == content


@pytest.mark.parametrize("kind", ["link", "hard link", "fifo"])
async def test_a_planted_spare_is_replaced(path: Path, tmp_path: Path, kind: str) -> None:
    """What lies under the spare's name is never written to, only removed."""
    put_segment(path, 1, segment(1, [], zeros=ZEROS))
    outside = plant(kind, path / SPARE, tmp_path / "outside", b"precious")
    journal = open_journal(path)
    await journal.append([b"x"])
    await journal.close()
    assert outside.read_bytes() == b"precious"
    assert stat.S_ISREG((path / SPARE).lstat().st_mode)
    assert replay(path)[1] == [(1, b"x")]


def test_a_linked_folder_is_refused(path: Path, tmp_path: Path) -> None:
    """The journal's folder itself may not be a symbolic link."""
    (tmp_path / "real").mkdir()
    path.symlink_to(tmp_path / "real")
    with pytest.raises(Unsafe, match="is no folder"):
        replay(path)


def test_a_loose_folder_is_closed_to_others(path: Path) -> None:
    """A folder that others could read is theirs no more."""
    path.mkdir(mode=0o755)
    replay(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("sample", sorted(DATA.iterdir()), ids=lambda sample: sample.name)
def test_every_format_ever_released_loads(sample: Path, path: Path) -> None:
    """Sample journals of each format give what their `expected.txt` says."""
    path.mkdir()
    for file in (sample / "journal").iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    expected = [line.split(" ", 1) for line in (sample / "expected.txt").read_text().splitlines()]
    assert replay(path)[1] == [(int(sequence), bytes.fromhex(payload)) for sequence, payload in expected]
