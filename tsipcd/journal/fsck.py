"""For people with a damaged journal: see what can be read, and keep what comes before the damage.

Only while no daemon runs on the folder. `check` changes nothing; `salvage` first copies the folder aside.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tsipcd.journal.errors import Corrupt, JournalError, Newer
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, Layout, Named, read_heading
from tsipcd.journal.reading import Apply, read_journal
from tsipcd.journal.record import HEADER_BYTES, encode, find_header, header_at, payloads_of, seed_of

Judge = Callable[[], Apply]
"""Makes what is asked about each payload of one reading: whether it can be understood after those before."""


def bytes_only() -> Apply:
    """Payloads of any meaning will do."""
    return lambda _sequence, _payload: None


@dataclass(frozen=True, slots=True)
class Report:
    """What a journal holds."""

    records: int
    """That can be read, up to the first damage."""
    last_sequence: int
    torn_bytes: int
    """Of an unfinished write at the end, which the next start cuts off."""
    damage: str
    """A sentence; empty: there is none."""
    copy: str = ""
    """Where the folder as it was before `salvage` is."""
    newer: bool = False
    """The damage is none: a newer version wrote it."""
    file: str = ""
    """Where the damage is; empty: in no file of the journal."""
    offset: int = 0
    record: int = 0
    """The record that cannot be understood; 0: its bytes cannot even be read."""
    reason: str = ""
    lost_records: int = 0
    """That can be read behind the damage. What is cut off with it, or was by `salvage`."""
    lost_bytes: int = 0
    salvageable: bool = False


def check(directory: Path | str, judge: Judge = bytes_only) -> Report:
    """What can be read of the journal, and the first damage. Raises what is no damage to its bytes."""
    folder = Folder.existing(directory)
    try:
        folder.lock()
        return _report(folder, judge)
    finally:
        folder.close()


def salvage(directory: Path | str, judge: Judge = bytes_only) -> Report:
    """Every record before the first damage is kept, all behind it is gone; `copy` has the folder as it was.

    A damaged snapshot is done without if the files that it stands for are still there; else it cannot be
    salvaged, and `Corrupt` is raised. Nor can what a newer version wrote: then it is `Newer`. Nothing was
    changed or copied in both cases, and there is no copy either if nothing is damaged.
    """
    folder = Folder.existing(directory)
    try:
        folder.lock()
        before = _report(folder, judge)
        if not before.damage:
            return before
        damage = _damage(folder, judge)
        if damage is not None:
            _expect_salvageable(folder, damage, judge)
        copy = _copied(folder)
        while damage is not None:
            _cut(folder, damage, judge)
            damage = _damage(folder, judge)
        return replace(
            _report(folder, judge),
            copy=copy,
            lost_records=before.lost_records,
            lost_bytes=before.lost_bytes,
        )
    finally:
        folder.close()


def _report(folder: Folder, judge: Judge) -> Report:
    records = last = 0
    apply = judge()

    def count(sequence: int, payload: bytes) -> None:
        nonlocal records, last
        apply(sequence, payload)
        records, last = records + 1, sequence

    try:
        reading = read_journal(folder, count)
    except Corrupt as exc:
        lost_records, lost_bytes = (0, 0) if _snapshot_of(folder, exc) else _behind(folder, exc)
        return Report(
            records,
            last,
            0,
            str(exc),
            file=exc.path,
            offset=exc.offset,
            record=exc.sequence,
            reason=exc.reason,
            lost_records=lost_records,
            lost_bytes=lost_bytes,
            salvageable=_is_salvageable(folder, exc, judge),
        )
    except Newer as exc:
        return Report(records, last, 0, str(exc), newer=True, file=exc.path, reason=exc.reason)
    except JournalError as exc:
        return Report(records, last, 0, str(exc), reason=str(exc))
    return Report(records, reading.last_sequence, len(reading.tail.torn) if reading.tail else 0, "")


def _damage(folder: Folder, judge: Judge) -> Corrupt | None:
    try:
        read_journal(folder, judge())
    except Corrupt as exc:
        return exc
    return None


class _Without(Folder):
    """The same folder, as if one file were not there."""

    def __init__(self, folder: Folder, name: str) -> None:
        super().__init__(folder.fd, folder.path)
        self._name = name

    def names(self) -> list[str]:
        return [name for name in super().names() if name != self._name]


def _snapshot_of(folder: Folder, damage: Corrupt) -> Named | None:
    """The snapshot that is damaged, if it is one."""
    return next((file for file in Layout.of(folder.names()).snapshots if file.name == damage.name), None)


def _expect_salvageable(folder: Folder, damage: Corrupt, judge: Judge) -> None:
    """Raises `damage` if it is in a snapshot, and what that stands for is nowhere else."""
    snapshot = _snapshot_of(folder, damage)
    if snapshot is None:
        return
    try:
        reading = read_journal(_Without(folder, snapshot.name), judge())
    except JournalError:
        raise damage from None
    if reading.last_sequence < snapshot.sequence:
        raise damage


def _is_salvageable(folder: Folder, damage: Corrupt, judge: Judge) -> bool:
    try:
        _expect_salvageable(folder, damage, judge)
    except Corrupt:
        return False
    return True


def _copied(folder: Folder) -> str:
    """The path of a whole copy; half of one does not stay."""
    copy = unique = f"{folder.path}.before-salvage-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    copies = 1
    while os.path.lexists(unique):
        copies += 1
        unique = f"{copy}-{copies}"
    try:
        shutil.copytree(folder.path, unique, symlinks=True)
    except OSError:
        shutil.rmtree(unique, ignore_errors=True)
        raise
    return unique


def _behind(folder: Folder, damage: Corrupt) -> tuple[int, int]:
    """The records and bytes that a cut at `damage` takes away, as far as they can be seen."""
    records = size = 0
    behind = [file for file in Layout.of(folder.names()).segments if file.name >= damage.name]
    for file in behind:
        try:
            data = folder.read_file(file.name)
            identity, _ = read_heading(SEGMENT, data, folder.path, file)
        except (JournalError, OSError):
            continue
        start = damage.offset if file.name == damage.name else HEADING_BYTES
        size += len(data[start:].rstrip(b"\0"))
        records += _countable(data, max(start, HEADING_BYTES), seed_of(identity))
        if file.name == damage.name and damage.sequence:
            records -= damage.sequence - _first_of(folder, damage, file)
    return records, size


def _countable(data: bytes, start: int, seed: int) -> int:
    """The records in whole frames from `start` on."""
    records, at = 0, find_header(data, start, seed, above=0)
    while at >= 0:
        header = header_at(data, at, seed)
        if header is None:
            break
        payloads = payloads_of(header, data[at + HEADER_BYTES : at + header.frame_bytes], seed)
        records += len(payloads or ())
        at = find_header(data, at + (header.frame_bytes if payloads is not None else 1), seed, above=0)
    return records


def _cut(folder: Folder, damage: Corrupt, judge: Judge) -> None:
    """The journal ends where the damage begins. Each cut makes it shorter, so that there is a last one."""
    _expect_salvageable(folder, damage, judge)
    if _snapshot_of(folder, damage):
        folder.remove(damage.name)
        folder.sync()
        return
    for file in reversed(Layout.of(folder.names()).segments):
        if file.name != damage.name:
            folder.remove(file.name)
        elif damage.offset < HEADING_BYTES:
            folder.remove(file.name)
            break
        else:
            kept = _kept_of_frame(folder, damage, file)
            fd = folder.open_file(file.name, os.O_RDWR)
            try:
                os.ftruncate(fd, damage.offset)
                os.pwrite(fd, kept, damage.offset)
                os.fsync(fd)
            finally:
                os.close(fd)
            break
    folder.sync()


def _kept_of_frame(folder: Folder, damage: Corrupt, file: Named) -> bytes:
    """A frame of the records before the one that means nothing, if some were written together with it."""
    if not damage.sequence:
        return b""
    first, seed, payloads = _frame_at(folder, damage, file)
    good = payloads[: damage.sequence - first]
    return encode(seed, first, good) if good else b""


def _first_of(folder: Folder, damage: Corrupt, file: Named) -> int:
    return _frame_at(folder, damage, file)[0]


def _frame_at(folder: Folder, damage: Corrupt, file: Named) -> tuple[int, int, list[bytes]]:
    """The whole frame in which a record means nothing: its first sequence, its seed and its payloads."""
    data = folder.read_file(file.name)
    seed = seed_of(read_heading(SEGMENT, data, folder.path, file).identity)
    header = header_at(data, damage.offset, seed)
    if header is None:
        raise damage
    body = damage.offset + HEADER_BYTES
    payloads = payloads_of(header, data[body : damage.offset + header.frame_bytes], seed)
    return header.sequence, seed, payloads or []
