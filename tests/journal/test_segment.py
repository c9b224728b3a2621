from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import SPARE, segment_name
from tsipcd.journal.segment import begin, make_blank

SIZE = 300_000


def test_a_blank_is_zeros_that_are_really_there(folder: Folder, path: Path) -> None:
    """Every byte has its block: writing into it needs no room."""
    blank = make_blank(folder, SIZE)
    assert (path / SPARE).read_bytes() == bytes(SIZE)
    assert os.fstat(blank.fd).st_blocks * 512 >= SIZE
    os.close(blank.fd)


def test_an_old_blank_is_made_zeros_again(folder: Folder, path: Path) -> None:
    """What an earlier life left in the spare cannot be taken for records."""
    (path / SPARE).write_bytes(b"old" * SIZE)
    os.close(make_blank(folder, SIZE).fd)
    assert (path / SPARE).read_bytes() == bytes(SIZE)


def test_without_fallocate_zeros_are_written(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform or a file system that cannot preallocate gets its room by writing."""

    def unsupported(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    os.close(make_blank(folder, SIZE).fd)
    monkeypatch.delattr(os, "posix_fallocate")
    os.close(make_blank(folder, 2 * SIZE).fd)
    assert (path / SPARE).stat().st_size == 2 * SIZE


def test_a_failed_blank_leaves_nothing(folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room that was taken before the disk was full is given back."""
    monkeypatch.setattr(os, "pwrite", lambda *_: 7)
    with pytest.raises(OSError, match="short write"):
        make_blank(folder, SIZE)
    assert list(path.iterdir()) == []


def test_a_segment_has_its_name_only_when_it_is_synced(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its first bytes cannot be synced there is no segment, and no blank either."""
    blank = make_blank(folder, SIZE)

    def failing(_fd: int) -> None:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(os, "fdatasync", failing)
    with pytest.raises(OSError, match="gone"):
        begin(folder, blank, segment_name(1), 1, b"heading")
    assert list(path.iterdir()) == []
