from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal.conftest import IDENTITY
from tsipcd.journal.errors import Corrupt
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import Named, snapshot_name
from tsipcd.journal.snapshot import FRAME_TARGET_BYTES, read_snapshot, write_snapshot

FILE = Named(9, snapshot_name(9))


def read(folder: Folder) -> list[bytes]:
    payloads: list[bytes] = []
    identity, count = read_snapshot(folder, FILE, payloads.append)
    assert identity == IDENTITY
    assert count == len(payloads)
    return payloads


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=2000), max_size=30))
def test_what_was_written_is_read(folder: Folder, payloads: list[bytes]) -> None:
    """A snapshot gives back its payloads in order, and their count."""
    size = write_snapshot(folder, IDENTITY, 9, payloads)
    assert read(folder) == payloads
    assert folder.size_of(FILE.name) == size


def test_a_large_snapshot_has_many_frames(folder: Folder) -> None:
    """Payloads of more than a frame together, and one of more than a frame alone, come back."""
    payloads = [b"%d" % number * 1000 for number in range(300)] + [b"x" * 2 * FRAME_TARGET_BYTES, b"y"]
    write_snapshot(folder, IDENTITY, 9, payloads)
    assert read(folder) == payloads


def test_a_cut_snapshot_is_never_whole(folder: Folder, path: Path) -> None:
    """Without its last byte, or any number of them, a snapshot is damage."""
    write_snapshot(folder, IDENTITY, 9, [b"one", b"two"])
    content = (path / FILE.name).read_bytes()
    for length in range(len(content)):
        (path / FILE.name).write_bytes(content[:length])
        with pytest.raises(Corrupt):
            read(folder)


def test_every_flipped_bit_of_a_snapshot_is_noticed(folder: Folder, path: Path) -> None:
    """No wrong bit in a snapshot goes by, nor a byte behind its end."""
    write_snapshot(folder, IDENTITY, 9, [b"one", b"two"])
    content = (path / FILE.name).read_bytes()
    for bit in range(len(content) * 8):
        wrong = bytearray(content)
        wrong[bit // 8] ^= 1 << bit % 8
        (path / FILE.name).write_bytes(wrong)
        with pytest.raises(Corrupt):
            read(folder)
    (path / FILE.name).write_bytes(content + b"\0")
    with pytest.raises(Corrupt, match="something follows"):
        read(folder)


def test_no_file_has_the_name_before_it_is_whole(folder: Folder, path: Path) -> None:
    """If the payloads cannot be had to their end there is no snapshot."""

    def failing() -> object:
        yield b"one"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 -- the one raised above
        write_snapshot(folder, IDENTITY, 9, failing())  # type: ignore[arg-type]
    assert not (path / FILE.name).exists()
