"""A snapshot file: a heading, frames numbered from 1, and an end frame with their count.

Written beside the live journal, whole or not at all; read as a stream, for it can be large.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import BinaryIO

from tsipcd.journal.errors import Corrupt, Unfit
from tsipcd.journal.folder import Folder, sync_data
from tsipcd.journal.layout import HEADING_BYTES, SNAPSHOT, Named, heading, read_heading, snapshot_name
from tsipcd.journal.record import HEADER_BYTES, Kind, encode, header_at, payloads_of, seed_of

FRAME_TARGET_BYTES = 256 * 1024
SYNC_EVERY_BYTES = FRAME_TARGET_BYTES
"""Small syncs leave gaps for those of the live journal, which would wait 6 ms for one of 8 MiB."""
_READ_BYTES = 1024 * 1024


def read_snapshot(folder: Folder, file: Named, apply: Callable[[bytes], None]) -> tuple[bytes, int]:
    """Hand every payload to `apply`; the journal's identity and how many there were. Raises `Corrupt`.

    Only when it returns was the snapshot whole: what was applied before an error is worth nothing.
    """
    with os.fdopen(folder.open_file(file.name), "rb", buffering=_READ_BYTES) as stream:
        identity, _ = read_heading(SNAPSHOT, stream.read(HEADING_BYTES), folder.path, file)
        seed, expected = seed_of(identity), 1
        while True:
            offset = stream.tell()
            header = header_at(stream.read(HEADER_BYTES), 0, seed)
            if header is None or header.sequence != expected:
                raise Corrupt(folder.path, file.name, offset, "a record's header is wrong or missing")
            payloads = payloads_of(header, stream.read(header.length + 1), seed)
            if payloads is None:
                raise Corrupt(folder.path, file.name, offset, "a record is wrong or cut")
            if header.kind == Kind.END:
                _expect_nothing_more(stream, folder, file)
                return identity, expected - 1
            try:
                for payload in payloads:
                    apply(payload)
                    expected += 1
            except Unfit as exc:
                raise exc.at(folder.path, file.name, offset, expected, f"record {expected} of it") from exc


def _expect_nothing_more(stream: BinaryIO, folder: Folder, file: Named) -> None:
    offset = stream.tell()
    if stream.read(1):
        raise Corrupt(folder.path, file.name, offset, "something follows the end of the snapshot")


def write_snapshot(folder: Folder, identity: bytes, last: int, payloads: Iterable[bytes]) -> int:
    """The snapshot of everything up to `last` is on disk under its name; its size.

    Until the rename at the end there is only a `.tmp` file, which means nothing to anybody.
    """
    name = snapshot_name(last)
    unfinished = f"{name}.tmp"
    folder.remove(unfinished)
    with os.fdopen(
        folder.open_file(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL), "wb", buffering=0
    ) as file:
        file.write(heading(SNAPSHOT, identity, last))
        size = HEADING_BYTES
        synced = 0
        for frame in _frames(seed_of(identity), payloads):
            if file.write(frame) != len(frame):
                raise OSError(f"short write to {folder.path_of(unfinished)}")
            size += len(frame)
            if size - synced >= SYNC_EVERY_BYTES:
                sync_data(file.fileno())
                synced = size
        os.fsync(file.fileno())
    folder.rename(unfinished, name)
    folder.sync()
    return size


def _frames(seed: int, payloads: Iterable[bytes]) -> Iterable[bytes]:
    sequence = 1
    gathered: list[bytes] = []
    gathered_bytes = 0
    for payload in payloads:
        gathered.append(payload)
        gathered_bytes += len(payload)
        if gathered_bytes >= FRAME_TARGET_BYTES:
            yield encode(seed, sequence, gathered)
            sequence += len(gathered)
            gathered, gathered_bytes = [], 0
    if gathered:
        yield encode(seed, sequence, gathered)
        sequence += len(gathered)
    yield encode(seed, sequence, (), Kind.END)
