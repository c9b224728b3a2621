from __future__ import annotations

import os
from pathlib import Path

import pytest

from tsipcd.journal import folder as module
from tsipcd.journal.errors import Locked
from tsipcd.journal.folder import Folder
from tsipcd.journal.recovery import recover


def test_a_locked_folder_is_waited_for_and_then_refused(
    folder: Folder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery does not read while an orphaned compaction works; it says so when its patience ends."""
    monkeypatch.setattr(module, "LOCK_DEADLINE_S", 0.05)
    folder.lock()
    with pytest.raises(Locked, match="in use"):
        recover(path, lambda *_: None)
    folder.unlock()
    recover(path, lambda *_: None).close()


def test_a_recovered_folder_can_be_compacted(path: Path) -> None:
    """Recovery lets go of the folder when it is done, and an open journal does not hold it."""
    recovered = recover(path, lambda *_: None)
    other = Folder.existing(path)
    other.lock()
    other.close()
    recovered.close()


def test_a_missing_file_is_removed_without_complaint(folder: Folder) -> None:
    """Removing twice is removing once."""
    folder.remove("nothing")
    assert folder.names() == []


def test_descriptors_are_not_inherited(folder: Folder) -> None:
    """No child process gets the folder or its files."""
    fd = folder.open_file("x", os.O_RDWR | os.O_CREAT)
    assert not os.get_inheritable(fd)
    assert not os.get_inheritable(folder.fd)
    os.close(fd)
