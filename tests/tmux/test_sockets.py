"""Where servers are looked for, and what counts as one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tsipcd.tmux import sockets as module
from tsipcd.tmux.sockets import Sockets, answers


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen(1)
        yield listener


@pytest.fixture
def usual(home: Path) -> Path:
    """The folder in which this HOME's tmux puts its sockets; not there yet."""
    return home / f"tmux-{os.getuid()}"


def test_sockets_in_the_usual_folder_are_found(usual: Path) -> None:
    """All of them, whatever their names; other files are not."""
    found = Sockets(lambda: ())
    assert found.scan() == []
    with listening(usual / "default"), listening(usual / "세 션"):
        (usual / "file").touch()
        (usual / "dangling").symlink_to("nowhere")
        assert sorted(found.scan()) == [usual / "default", usual / "세 션"]


def test_configured_folders_and_sockets_are_found(home: Path) -> None:
    """A folder with one socket per session, and a single socket."""
    with listening(home / "many" / "a"), listening(home / "many" / "b"), listening(home / "one"):
        found = Sockets(lambda: (home / "many", home / "one", home / "missing"))
        assert sorted(found.scan()) == [home / "many" / "a", home / "many" / "b", home / "one"]


def test_one_socket_by_two_paths_is_one(home: Path, usual: Path) -> None:
    """A symbolic link to a folder or to a socket leads to the same server."""
    with listening(usual / "default"):
        (usual / "link").symlink_to("default")
        (home / "folder").symlink_to(usual)
        assert Sockets(lambda: (home / "folder", usual / "link")).scan() == [usual / "default"]


def test_another_users_socket_is_not_taken(usual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that somebody else owns is left alone."""
    with listening(usual / "default"):
        found = Sockets(lambda: (usual,))
        me = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: me + 1)
        assert found.scan() == []


def test_callers_tell_of_their_servers(home: Path, usual: Path) -> None:
    """By the socket in `TMUX`, by `TMUX_TMPDIR`, also of one that is not there yet."""
    other = home / "other" / usual.name
    found = Sockets(lambda: ())
    assert found.learn(other / "default")
    with listening(other / "second"), listening(home / "lonely"):
        assert found.scan() == [other / "second"]
        assert found.learn(home / "lonely")
        assert not found.learn(home / "lonely")
        assert found.learn(home / "third")
        assert sorted(found.scan()) == [home / "lonely", other / "second"]
        assert home / "third" / usual.name in found.places()


def test_what_is_learned_is_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten."""
    monkeypatch.setattr(module, "MAX_LEARNED", 3)
    found = Sockets(lambda: ())
    for number in range(5):
        found.learn(home / f"t{number}")
    assert [place.parent.name for place in found.places()[1:]] == ["t2", "t3", "t4"]


def test_a_change_is_seen_and_an_attached_client_is_none(usual: Path) -> None:
    """A socket that comes or goes changes the signature; tmux marking one as attached (chmod) does not."""
    found = Sockets(lambda: ())
    seen = [found.changed]
    found.scan()
    seen.append(found.changed)
    with listening(usual / "default"):
        seen.append(found.changed)
        found.scan()
        (usual / "default").chmod(0o700)
        seen.append(found.changed)
        (usual / "default").unlink()
        seen.append(found.changed)
    assert seen == [True, False, True, False, True]


def test_a_dead_socket_does_not_answer(home: Path) -> None:
    """Only a socket with a listener does, even if the listener is too busy to accept."""
    with listening(home / "s"):
        assert all(answers(home / "s") for _ in range(20))
    assert not answers(home / "s")
    assert not answers(home / "missing")
