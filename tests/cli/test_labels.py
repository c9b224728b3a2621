"""Labels and aliases: the neighbours' files, changed as they are, and the spec's loop over sessions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tsipc_client.neighbours import Neighbours
from tsipc_client.wire.errors import BadInput, Refused

BIN = Path(sys.executable).parent


@pytest.fixture
def folder(short_path: Path) -> Path:
    """`~/.config/ts`."""
    return short_path


def program(folder: Path, *words: str, name: str = "ts-ipc") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TS_IPC_DIR": str(folder / "ipc")}
    return subprocess.run(
        [str(BIN / name), *words], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def file_of(folder: Path) -> Path:
    return folder / "state/session_labels.json"


def test_what_others_wrote_stays(folder: Path) -> None:
    """Other keys of the file and of a session, and the file's mode."""
    path = file_of(folder)
    path.parent.mkdir()
    path.write_text('{"v": 2, "sessions": {"a": {"labels": ["x"], "since": 7}, "b": {"labels": ["y"]}}}')
    path.chmod(0o640)
    neighbours = Neighbours(str(folder))
    assert neighbours.set_labels("a", ("x", "z"), add=True) == ("x", "z")
    assert neighbours.set_labels("b", ("y",), remove=True) == ()
    assert json.loads(path.read_text()) == {"v": 2, "sessions": {"a": {"labels": ["x", "z"], "since": 7}}}
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_link_stays_a_link(folder: Path) -> None:
    """As people have it who keep their settings elsewhere."""
    (folder / "real.json").write_text('{"aliases": {}}')
    (folder / "aliases.json").symlink_to("real.json")
    Neighbours(str(folder)).set_alias("bl", "claude-blacklist")
    assert (folder / "aliases.json").is_symlink()
    assert json.loads((folder / "real.json").read_text()) == {"aliases": {"bl": "claude-blacklist"}}


@pytest.mark.parametrize("text", ["", "[]", '{"sessions": []}', "{", '{"sessions": {"a": 1}}'])
def test_a_broken_file_is_never_overwritten(folder: Path, text: str) -> None:
    """It may be somebody's only copy."""
    path = file_of(folder)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(Refused, match=r"session_labels\.json"):
        Neighbours(str(folder)).set_labels("a", ("x",))
    assert path.read_text() == text


@pytest.mark.parametrize("label", ["a b", "@a", "a*", "x\x1b[m", "a\u202eb"])
def test_a_label_is_a_word(folder: Path, label: str) -> None:
    """It is written in lists and will stand behind an @."""
    with pytest.raises(BadInput):
        Neighbours(str(folder)).set_labels("a", (label,))


def test_many_at_once_lose_nothing(folder: Path) -> None:
    """Each reads what the others wrote."""
    threads = [
        threading.Thread(target=lambda n=n: Neighbours(str(folder)).set_labels(f"s{n}", ("x",)))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(Neighbours(str(folder)).labels()) == 20


def test_the_specs_loop_letter_by_letter(folder: Path) -> None:
    """The heading is no session."""
    script = """
    ts-bg label claude-blacklist 'backend,production'
    ts-bg label claude-safework 'backend,production'
    ts-bg label claude-planka 'frontend'
    for session in $(ts-bg search production | awk '{print $2}'); do
      echo "<$session>"
    done
    """
    environment = {
        **os.environ, "TS_IPC_DIR": str(folder / "ipc"), "PATH": f"{BIN}:{os.environ['PATH']}",
    }  # fmt: skip
    ran = subprocess.run(
        ["/bin/sh", "-ec", script], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout == "<claude-blacklist>\n<claude-safework>\n"
    assert "production" in ran.stderr


def test_the_commands_show_what_there_is(folder: Path) -> None:
    """As text and as JSON; an alias stands for its session."""
    assert program(folder, "alias", "bl", "claude-blacklist").returncode == 0
    assert program(folder, "label", "bl", "b,a").returncode == 0
    assert program(folder, "label", "bl").stdout == "b\na\n"
    assert program(folder, "labels").stdout == "  ● claude-blacklist  b, a\n"
    rows = json.loads(program(folder, "search", "A", "--json").stdout)
    assert rows == {"sessions": [{"session": "claude-blacklist", "labels": ["b", "a"]}]}
    assert program(folder, "search", "none").stdout == ""
    assert program(folder, "alias").stdout == "bl → claude-blacklist\n"
    assert program(folder, "alias", "bl", "--remove").returncode == 0
    assert program(folder, "alias", "bl", "--remove").returncode == 2
    assert program(folder, "alias", "bl").returncode == 2
    assert program(folder, name="ts-bg").returncode == 2


def test_the_daemon_hears_of_them_at_once(folder: Path) -> None:
    """A labelled session is known while it is absent, by its alias as well."""
    daemon = Daemon(folder / "ipc")
    daemon.start()
    try:
        assert program(folder, "send", "me", "bl", "ls").returncode == 6
        program(folder, "label", "claude-blacklist", "x")
        program(folder, "alias", "bl", "claude-blacklist")
        sent = program(folder, "send", "me", "bl", "ls", "--json")
        assert json.loads(sent.stdout)["target"] == "claude-blacklist", sent.stderr
        assert json.loads(sent.stdout)["status"] == "held"
    finally:
        daemon.close()
