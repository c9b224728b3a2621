"""A journal whose bytes are right is refused if nobody can replay it; a newer one asks for an upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.journal.conftest import IDENTITY, put_segment, segment
from tsipc_client.wire.messages import MessageType
from tsipcd.core import facts as f
from tsipcd.core.state import State
from tsipcd.journal import meaning
from tsipcd.journal.errors import Corrupt, Newer, Unfit
from tsipcd.journal.folder import Folder
from tsipcd.journal.fsck import check, salvage
from tsipcd.journal.layout import segment_name, snapshot_name
from tsipcd.journal.reading import Apply
from tsipcd.journal.recovery import recover
from tsipcd.journal.snapshot import write_snapshot

AT = 1_700_000_000.0


def accepted(number: int) -> bytes:
    return f.encode(f.MessageAccepted(AT, number, "a", "b", MessageType.COMMAND, "true", AT + 60))


def raw(*values: Any) -> bytes:
    return msgspec.msgpack.encode(values)


GOOD = accepted(1)
STRANGE = raw("teleported", AT, 1)
LONGER = raw("held", AT, 1, "busy", 7)
STEPS = [{"session": "s", "command": "c", "timeout": 5}]

NEWER = {
    "a kind that is not known": STRANGE,
    "a field more": LONGER,
    "a value that is not known": raw("accepted", AT, 2, "a", "b", "telegram", "x", AT),
    "a key more in a map": raw("run", AT, 1, "w", STEPS),
}
WRONG = {
    "no MessagePack": b"\xc1",
    "no array": msgspec.msgpack.encode({"fact": "held"}),
    "a field of another type": raw("held", AT, "one", "busy"),
    "a field missing": raw("held", AT, 1),
    "about what is not there": f.encode(f.MessageDelivered(AT, 77)),
    "against the table of moves": f.encode(f.StepFinished(AT, 1, 0)),
}


def fresh() -> Apply:
    state = State()

    def apply(_sequence: int, payload: bytes) -> None:
        meaning.apply(state, payload)

    return apply


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.parametrize("payload", NEWER.values(), ids=NEWER)
def test_what_a_newer_version_wrote_asks_for_an_upgrade(path: Path, payload: bytes) -> None:
    """In a segment and in a snapshot: refused with the record's number, and every byte as it was."""
    put_segment(path, 1, segment(1, [[GOOD], [payload], [accepted(3)]]))
    before = contents(path)
    with pytest.raises(Newer, match=r"record 2.*Upgrade ts-ipc"):
        recover(path, fresh())
    assert check(path, fresh).newer
    with pytest.raises(Newer):
        salvage(path, fresh)
    assert contents(path) == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    (path / segment_name(1)).unlink()
    folder = Folder.existing(path)
    write_snapshot(folder, IDENTITY, 9, [GOOD, payload])
    folder.close()
    before = contents(path)
    with pytest.raises(Newer, match="record 2 of it"):
        recover(path, fresh())
    assert contents(path) == before


@pytest.mark.parametrize("payload", WRONG.values(), ids=WRONG)
def test_what_means_nothing_is_damage_with_a_place(path: Path, payload: bytes) -> None:
    """The file, the record and the reason are told, nothing is changed; with bytes alone it would pass."""
    put_segment(path, 1, segment(1, [[GOOD], [payload], [accepted(3)]]))
    before = contents(path)
    with pytest.raises(Corrupt, match="record 2 cannot be understood") as caught:
        recover(path, fresh())
    assert (caught.value.name, caught.value.sequence) == (segment_name(1), 2)
    assert contents(path) == before
    assert check(path).damage == ""
    report = check(path, fresh)
    assert (report.records, report.record, report.lost_records) == (1, 2, 2)


def test_records_of_the_same_write_are_kept(path: Path) -> None:
    """Salvage keeps each record before the one that means nothing, also those that were written with it."""
    put_segment(path, 1, segment(1, [[GOOD], [accepted(2), accepted(3), b"\xc1", accepted(5)]]))
    put_segment(path, 6, segment(6, [[accepted(6)]]))
    report = salvage(path, fresh)
    assert (report.damage, report.records, report.last_sequence, report.lost_records) == ("", 3, 3, 3)
    payloads: list[bytes] = []
    recover(path, lambda _sequence, payload: payloads.append(payload)).close()
    assert payloads == [GOOD, accepted(2), accepted(3)]


def test_a_damaged_record_of_a_snapshot_is_told(path: Path) -> None:
    """It is named, and nothing can be salvaged."""
    path.mkdir(mode=0o700)
    folder = Folder.existing(path)
    write_snapshot(folder, IDENTITY, 9, [GOOD, WRONG["about what is not there"]])
    folder.close()
    report = check(path, fresh)
    assert report.file.endswith(snapshot_name(9))
    assert report.record == 2
    with pytest.raises(Corrupt):
        salvage(path, fresh)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_fact_without_its_later_fields_is_no_damage() -> None:
    """What an older version wrote, before a field was appended, decodes."""
    meaning.apply(State(), raw("accepted", AT, 1, "a", "b", "command", "true", AT))
    with pytest.raises(Unfit):
        meaning.apply(State(), raw("accepted", AT, 1, "a", "b", "command", "true"))
