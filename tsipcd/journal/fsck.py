"""For people with a damaged journal: see what can be read, and keep what comes before the damage.

Only while no daemon runs on the folder. `check` changes nothing; `salvage` first copies the folder aside.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from tsipcd.journal.errors import Corrupt, JournalError
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, Layout
from tsipcd.journal.reading import read_journal


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


def check(directory: Path | str) -> Report:
    """What can be read of the journal, and the first damage. Raises what is no damage to its bytes."""
    folder = Folder.existing(directory)
    try:
        folder.lock()
        return _report(folder)
    finally:
        folder.close()


def salvage(directory: Path | str) -> Report:
    """Every record before the first damage is kept, all behind it is gone; `copy` has the folder as it was.

    A damaged snapshot cannot be salvaged: what it stands for is nowhere else. Then `Corrupt` is raised, and
    nothing but the copy was made.
    """
    folder = Folder.existing(directory)
    try:
        folder.lock()
        copy = f"{folder.path}.before-salvage-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        shutil.copytree(folder.path, copy, symlinks=True)
        while (damage := _damage(folder)) is not None:
            _cut(folder, damage)
        report = _report(folder)
        return Report(report.records, report.last_sequence, report.torn_bytes, report.damage, copy)
    finally:
        folder.close()


def _report(folder: Folder) -> Report:
    records = last = 0

    def count(sequence: int, _payload: bytes) -> None:
        nonlocal records, last
        records, last = records + 1, sequence

    try:
        reading = read_journal(folder, count)
    except JournalError as exc:
        return Report(records, last, 0, str(exc))
    return Report(records, reading.last_sequence, len(reading.tail.torn) if reading.tail else 0, "")


def _damage(folder: Folder) -> Corrupt | None:
    try:
        read_journal(folder, lambda *_: None)
    except Corrupt as exc:
        return exc
    return None


def _cut(folder: Folder, damage: Corrupt) -> None:
    """The journal ends where the damage begins. Each cut makes it shorter, so that there is a last one."""
    layout = Layout.of(folder.names())
    if any(file.name == damage.name for file in layout.snapshots):
        raise damage
    for file in reversed(layout.segments):
        if file.name != damage.name:
            folder.remove(file.name)
        elif damage.offset < HEADING_BYTES:
            folder.remove(file.name)
            break
        else:
            fd = folder.open_file(file.name, os.O_RDWR)
            try:
                os.ftruncate(fd, damage.offset)
                os.fsync(fd)
            finally:
                os.close(fd)
            break
    folder.sync()
