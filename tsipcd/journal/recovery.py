"""Start-up: the journal's payloads are replayed, and what a crash left behind is put in order.

May copy a torn tail aside and remove files that mean nothing any more. Never changes a record: if one is
damaged it raises `Corrupt` before it has changed anything.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import IDENTITY_BYTES, Layout
from tsipcd.journal.reading import Apply, Reading, Tail, read_journal

log = logging.getLogger("tsipcd.journal")


@dataclass(frozen=True, slots=True)
class Recovered:
    """A journal read to its end. `Journal.open` takes it, and its folder, over."""

    folder: Folder
    reading: Reading
    identity: bytes
    repaired_bytes: int
    """Of a torn tail: never acknowledged, kept in a `.broken-TIME` file."""
    notes: tuple[str, ...]
    """What was put in order, a sentence each, for people."""

    @property
    def last_sequence(self) -> int:
        """Of the last payload; 0: there was none."""
        return self.reading.last_sequence

    @property
    def records(self) -> int:
        """How many payloads were replayed."""
        return self.reading.records

    @property
    def read_bytes(self) -> int:
        """How many bytes were read."""
        return self.reading.read_bytes

    def close(self) -> None:
        """For whoever does not go on to `Journal.open`."""
        self.folder.close()


def recover(directory: Path | str, apply: Apply) -> Recovered:
    """Every payload, in order, to `apply(sequence, payload)`; then the folder is in order.

    Synchronous: the daemon serves nobody yet. Raises `Corrupt`, `Newer`, `Unsafe`, `Locked`, or an `OSError`.
    """
    folder = Folder.open(directory)
    try:
        folder.lock()
        reading = read_journal(folder, apply)
        notes = _clear(folder, reading)
        tail = reading.tail
        if tail and tail.torn:
            notes.append(_keep_torn(folder, tail))
        folder.unlock()
    except BaseException:
        folder.close()
        raise
    for note in notes:
        log.warning("%s", note)
    identity = reading.identity or secrets.token_bytes(IDENTITY_BYTES)
    repaired = len(tail.torn) if tail else 0
    return Recovered(folder, reading, identity, repaired, tuple(notes))


def _clear(folder: Folder, reading: Reading) -> list[str]:
    """What an unfinished compaction left is gone."""
    leftovers = Layout.of(folder.names()).leftovers
    for name in (*leftovers, *reading.covered):
        folder.remove(name)
    if not leftovers and not reading.covered:
        return []
    folder.sync()
    return [f"removed {len(leftovers) + len(reading.covered)} files that an unfinished compaction left"]


def _keep_torn(folder: Folder, tail: Tail) -> str:
    """A copy of the torn tail is on disk. `Journal.open` then writes the segment anew without it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = unique = f"{tail.file.name}.broken-{stamp}"
    taken = set(folder.names())
    copies = 1
    while unique in taken:
        copies += 1
        unique = f"{name}-{copies}"
    with os.fdopen(folder.open_file(unique, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
        file.write(tail.torn)
        file.flush()
        os.fsync(file.fileno())
    folder.sync()
    return (
        f"cut {len(tail.torn)} bytes of an unfinished write off {folder.path_of(tail.file.name)} "
        f"at byte {len(tail.good)}; nothing acknowledged was in them; they are kept in {unique}"
    )
