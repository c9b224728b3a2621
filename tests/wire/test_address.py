"""Where the daemon is found."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tsipc_client.wire.address import (
    MAX_ADDRESS_BYTES,
    Address,
    make_private,
    socket_path,
    state_directory,
    state_path,
)
from tsipc_client.wire.errors import BadInput, Refused


def test_the_folder_is_in_the_home(home: Path) -> None:
    """Without a word to the contrary it is ~/.config/ts/ipc."""
    assert state_directory() == home / ".config/ts/ipc"


@pytest.mark.parametrize(("chosen", "path"), [("/a/b", "/a/b"), ("/a/../b/", "/b"), ("", "~/.config/ts/ipc")])
def test_the_variable_overrides(monkeypatch: pytest.MonkeyPatch, chosen: str, path: str) -> None:
    """TS_IPC_DIR is another folder; empty, it says nothing."""
    monkeypatch.setenv("TS_IPC_DIR", chosen)
    assert state_path() == os.path.expanduser(path)  # noqa: PTH111


def test_a_relative_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The daemon runs elsewhere and must mean the same folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TS_IPC_DIR", "here")
    assert state_path() == str(tmp_path / "here")


def test_no_home_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde that stands for nothing is not taken for a folder's name."""
    monkeypatch.setenv("TS_IPC_DIR", "~nobody-has-this-name/x")
    with pytest.raises(BadInput, match="no home"):
        state_path()


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    """Others cannot enter it, whether it was there or not."""
    folder = tmp_path / "a/b"
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns the folder could replace the socket in it."""
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(Refused, match="65534"):
        make_private(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no way around")
@pytest.mark.parametrize("extra", [0, 1, 100])
def test_a_path_of_any_length_is_reached(short_path: Path, extra: int) -> None:
    """A path over the limit is bound and connected to all the same."""
    wanted = MAX_ADDRESS_BYTES + extra - len(os.fsencode(socket_path(short_path))) - 1
    folder = short_path / ("d" * wanted)
    folder.mkdir()
    path = socket_path(folder)
    assert len(os.fsencode(path)) == MAX_ADDRESS_BYTES + extra
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        with Address(path) as name:
            listener.bind(name)
        listener.listen()
        with Address(path) as name:
            client.connect(name)
    assert Path(path).is_socket()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_where_there_is_no_way_around_a_long_path_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how long it is and what to do."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadInput, match="TS_IPC_DIR"), Address("/" + "x" * 200):
        pass
