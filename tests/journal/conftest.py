"""Journals made byte by byte, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tsipcd.journal.folder import Folder
from tsipcd.journal.journal import Journal
from tsipcd.journal.layout import SEGMENT, heading, segment_name
from tsipcd.journal.record import encode, seed_of
from tsipcd.journal.recovery import Recovered, recover

IDENTITY = bytes.fromhex("0badcafe")
SEED = seed_of(IDENTITY)
SMALL_BYTES = 4096

Payloads = list[tuple[int, bytes]]


def segment(
    first: int, batches: Sequence[Sequence[bytes]], *, identity: bytes = IDENTITY, zeros: int = 0
) -> bytes:
    """The bytes of a segment with one frame for each batch."""
    content = [heading(SEGMENT, identity, first)]
    sequence = first
    for batch in batches:
        content.append(encode(seed_of(identity), sequence, batch))
        sequence += len(batch)
    return b"".join((*content, bytes(zeros)))


def put_segment(folder: Path, first: int, data: bytes) -> Path:
    """A segment's file with these bytes."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / segment_name(first)
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def texts(count: int, start: int = 1) -> list[list[bytes]]:
    """Batches of one payload each."""
    return [[f"payload {number} with some text".encode()] for number in range(start, start + count)]


def replay(folder: Path) -> tuple[Recovered, Payloads]:
    """Recover the folder; what was replayed. Its folder is closed."""
    payloads: Payloads = []
    recovered = recover(folder, lambda sequence, payload: payloads.append((sequence, payload)))
    recovered.close()
    return recovered, payloads


def numbered(batches: Sequence[Sequence[bytes]], first: int = 1) -> Payloads:
    """The payloads as they are replayed."""
    return list(enumerate((payload for batch in batches for payload in batch), first))


def open_journal(
    folder: Path, *, on_low: Callable[[bool], None] = lambda _low: None, segment_bytes: int = SMALL_BYTES
) -> Journal:
    """The journal in the folder, with small segments."""
    return Journal.open(recover(folder, lambda *_: None), on_low=on_low, segment_bytes=segment_bytes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may be made."""
    return tmp_path / "journal"


@pytest.fixture
def folder(path: Path) -> Iterator[Folder]:
    """An open, empty folder."""
    opened = Folder.open(path)
    yield opened
    opened.close()
