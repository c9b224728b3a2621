"""The neighbouring tools' files: read if they are there and to be trusted, absent otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tsipcd.views.names import Names, Neighbours


@pytest.fixture
def ts(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def write(path: Path, value: object) -> None:
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def test_no_files_are_no_names(ts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And no reason to warn."""
    neighbours = Neighbours(str(ts / "nowhere"))
    assert neighbours.changed()
    assert neighbours.read() == Names()
    assert not neighbours.changed()
    assert caplog.text == ""


def test_all_three_are_read(ts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions whose labels were all taken away are not labelled."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("RUN", "run")
    write(ts / "aliases.json", {"aliases": {"m": "claude-manager"}, "version": 1})
    write(ts / "config.json", {"socket_dir": "~/$RUN/tmux", "more": []})
    write(
        ts / "state/session_labels.json",
        {"sessions": {"b": {"labels": ["x"]}, "a": {"labels": ["y"]}, "c": {"labels": []}, "d": {}}},
    )
    names = Neighbours(str(ts)).read()
    assert names == Names(
        aliases={"m": "claude-manager"}, labelled=("a", "b"), socket_dirs=("/home/me/run/tmux",)
    )


def test_an_edit_is_noticed(ts: Path) -> None:
    """Of any of them: made, changed, deleted."""
    neighbours = Neighbours(str(ts))
    neighbours.read()
    for full in ("one", "another", None):
        if full is None:
            (ts / "aliases.json").unlink()
        else:
            write(ts / "aliases.json", {"aliases": {"m": full}})
        assert neighbours.changed()
        assert neighbours.read().aliases == ({"m": full} if full else {})
        assert not neighbours.changed()


@pytest.mark.parametrize(
    ("file", "value", "reason"),
    [
        ("aliases.json", "{", "Expecting"),
        ("aliases.json", [], "it is no object"),
        ("aliases.json", {"aliases": []}, '"aliases" is no object'),
        ("aliases.json", {"aliases": {"m": 1}}, "no table of short to full names"),
        ("aliases.json", {"aliases": {"": "x"}}, "no table of short to full names"),
        ("aliases.json", '{"aliases": {"m": "\\ud800"}}', "surrogates not allowed"),
        ("aliases.json", "[" * 100_000, "recursion"),
        ("config.json", {"socket_dir": 1}, '"socket_dir" is no text'),
        ("config.json", {"socket_dir": "relative"}, "absolute path"),
        ("config.json", {"socket_dir": "$UNSET_VARIABLE/x"}, "absolute path"),
        ("state/session_labels.json", {"sessions": []}, '"sessions" is no object'),
    ],
)
def test_a_bad_file_counts_as_absent(
    ts: Path, caplog: pytest.LogCaptureFixture, file: str, value: object, reason: str
) -> None:
    """With one warning until it changes; the others still count."""
    write(ts / "aliases.json", {"aliases": {}})
    write(ts / file, value)
    neighbours = Neighbours(str(ts))
    assert neighbours.read() == Names()
    assert not neighbours.changed()
    assert len(caplog.records) == 1
    assert f"{ts / file} is not used: " in caplog.text
    assert reason in caplog.text


def test_what_others_may_write_is_not_trusted(ts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An alias of theirs would lead commands elsewhere."""
    write(ts / "aliases.json", {"aliases": {"m": "theirs"}})
    (ts / "aliases.json").chmod(0o666)
    assert Neighbours(str(ts)).read().aliases == {}
    assert "another user may write it" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_trusted(ts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As when the state folder stands in a shared place."""
    write(ts / "aliases.json", {"aliases": {"m": "theirs"}})
    os.chown(ts / "aliases.json", 65534, 65534)
    assert Neighbours(str(ts)).read().aliases == {}
    assert "another user may write it" in caplog.text


def test_a_link_is_followed_and_a_pipe_is_not_waited_for(ts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """People keep such files elsewhere and link them."""
    write(ts / "kept.json", {"aliases": {"m": "full"}})
    (ts / "aliases.json").symlink_to("kept.json")
    os.mkfifo(ts / "config.json")
    assert Neighbours(str(ts)).read() == Names(aliases={"m": "full"})
    assert "it is no regular file" in caplog.text
