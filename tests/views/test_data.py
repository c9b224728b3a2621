"""`SESSION.data` holds the last data message, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsipcd.views.data import DataFiles
from tsipcd.views.folder import Folder


def test_the_file_is_the_body(state: Path, folder: Folder) -> None:
    """As in the specification: `~/.config/ts/ipc/target.data`, without a line end of ours."""
    data = DataFiles(folder)
    data.store("target", '{"key": "value"}')
    assert (state / "target.data").read_bytes() == b'{"key": "value"}'
    assert data.path("target") == str(state / "target.data")
    assert (state / "target.data").stat().st_mode & 0o7777 == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(body=st.text())
def test_any_body_is_stored_as_it_is(state: Path, folder: Folder, body: str) -> None:
    """No translation of line ends, no escapes; a later one replaces it."""
    DataFiles(folder).store("s", body)
    assert (state / "s.data").read_bytes() == body.encode()


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "-rf", "a\nb", "..", "x" * 255, "세션", "a b"])
def test_no_name_leaves_the_folder(state: Path, folder: Folder, tmp_path: Path, name: str) -> None:
    """One new file in the state folder, and none anywhere else."""
    DataFiles(folder).store(name, "x")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in files] == [state]
    assert files[0].name.endswith(".data")


def test_data_is_synced_before_it_gets_its_name(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync of the file, rename, fsync of the folder: durable on return."""
    calls = []
    fsync, rename = os.fsync, os.rename

    def spy_fsync(fd: int) -> None:
        calls.append("folder" if fd == folder.fd else "file")
        fsync(fd)

    def spy_rename(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        calls.append("rename")
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "rename", spy_rename)
    DataFiles(folder).store("s", "x")
    assert calls == ["file", "rename", "folder"]
