"""`config.toml`: every setting has a default and bounds, and a mistake is told with its line."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tsipc_client.wire.errors import ErrorCode, WireError
from tsipcd import config
from tsipcd.config import Config, duration, load, parse
from tsipcd.views.folder import Folder

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

FULL = """
[tmux]
binary = "/opt/tmux"
sockets = ["/run/a.sock", "~/b.sock"]
socket_dirs = ["$SOCKETS/c"]

[delivery]
ttl = "1h30m"
human_quiet_s = 0.5
on_doubt = "redeliver"

[programs]
type_into = ["node", "python3"]

[queue]
keep = 5
max_waiting = 100
max_waiting_per_target = 10
min_free_memory = 0

[log]
max_bytes = 1_000_000
keep = 0

[runs]
keep = 7
"""


def complaint(text: str) -> str:
    with pytest.raises(WireError) as caught:
        parse(text, "config.toml")
    assert caught.value.code is ErrorCode.BAD_FILE
    return str(caught.value)


def test_no_file_is_the_defaults(tmp_path: Path) -> None:
    """So is an empty one."""
    folder = Folder.open(str(tmp_path / "ipc"))
    assert load(folder) == Config()
    (tmp_path / "ipc" / "config.toml").write_text("")
    assert load(folder) == Config() == parse("", "x")
    folder.close()


def test_every_setting_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times as seconds, paths as absolute ones."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("SOCKETS", "/s")
    folder = Folder.open(str(tmp_path / "ipc"))
    (tmp_path / "ipc" / "config.toml").write_text(FULL)
    found = load(folder)
    folder.close()
    assert found == Config(
        tmux=config.Tmux(
            binary="/opt/tmux", sockets=("/run/a.sock", "/home/me/b.sock"), socket_dirs=("/s/c",)
        ),
        delivery=config.Delivery(ttl_s=5400, human_quiet_s=0.5, redeliver_unasked=True),
        programs=config.Programs(type_into=("node", "python3")),
        queue=config.Queue(keep=5, max_waiting=100, max_waiting_per_target=10, min_free_memory=0),
        log=config.Log(max_bytes=1_000_000, keep=0),
        runs=config.Runs(keep=7),
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10m", 600),
        ("24h", 86400),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("2d", 172800),
        ("1w", 604800),
        (90, 90),
        (0.5, 0.5),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    """Numbers with units, added up; a bare number is seconds."""
    assert duration(value) == seconds


@pytest.mark.parametrize("value", ["", "10", "m", "10 m", "-1s", "1x", "ten", True, None, [], "1h30"])
def test_what_is_no_duration(value: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="must be a duration"):
        duration(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[delivery]\n\nttl = = 1", "config.toml: line 3, column 7: Invalid value"),
        ("[delivery]\nttl = 1\nttl = 2", "config.toml: Cannot overwrite a value (at end of document)"),
        ('[delivery]\nttl = "', "config.toml: Unterminated string (at end of document)"),
        ("[delivery]\n\nttll = 1", "config.toml: line 3: there is no key delivery.ttll (did you mean ttl?)"),
        (
            "[queue]\nkeep = 1\n[runs]\nkep = 1",
            "config.toml: line 4: there is no key runs.kep (did you mean keep?)",
        ),
        ("[queue]\nxyz = 1", "config.toml: line 2: there is no key queue.xyz (known: keep, max_waiting,"),
        ("\n[deliver]\n", "config.toml: line 2: there is no section deliver (did you mean delivery?)"),
        ("ttl = 1", "config.toml: line 1: there is no section ttl (known: tmux, delivery, "),
        ("queue = 3", "config.toml: line 1: queue is a section: write [queue] on a line of its own"),
        ("delivery.ttll = 1", "config.toml: there is no key delivery.ttll (did you mean ttl?)"),
        ('[delivery]\nttl = "soon"', "config.toml: line 2: delivery.ttl must be a duration"),
        (
            "[delivery]\nttl = 0",
            "config.toml: line 2: delivery.ttl must be between 1s and 366d",
        ),
        (
            '[queue]\nkeep = "many"',
            "config.toml: line 2: queue.keep must be a whole number between 0 and 1000",
        ),
        ("[queue]\nkeep = true", "config.toml: line 2: queue.keep must be a whole number"),
        ("[queue]\nkeep = -1", "config.toml: line 2: queue.keep must be a whole number"),
        (
            "[log]\nmax_bytes = 1",
            "config.toml: line 2: log.max_bytes must be a whole number between 65536 and",
        ),
        (
            '[delivery]\non_doubt = "yes"',
            'config.toml: line 2: delivery.on_doubt must be "ask" or "redeliver"',
        ),
        ("[delivery]\non_doubt = []", "config.toml: line 2: delivery.on_doubt must be"),
        ("[tmux]\nbinary = ''", "config.toml: line 2: tmux.binary must be text in quotes"),
        ("[tmux]\nbinary = 3", "config.toml: line 2: tmux.binary must be text in quotes"),
        ("[tmux]\nsockets = 'x'", "config.toml: line 2: tmux.sockets must be a list of texts"),
        (
            "[tmux]\nsockets = ['x']",
            "config.toml: line 2: tmux.sockets must lead to an absolute path, x does not",
        ),
        ("[programs]\ntype_into = [1]", "config.toml: line 2: programs.type_into must be a list of texts"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, message: str) -> None:
    """And with what would be right."""
    assert complaint(text).startswith(message)


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """Not a reason to run with other settings than the user's."""
    folder = Folder.open(str(tmp_path / "ipc"))
    (tmp_path / "ipc" / "config.toml").symlink_to("elsewhere")
    with pytest.raises(WireError, match="symbolic link"):
        load(folder)
    folder.close()


def test_every_setting_has_its_check() -> None:
    """A field without one could not be set."""
    for section in fields(Config):
        names = {field.name for field in fields(config._TYPES[section.name])}  # type: ignore[arg-type]
        assert {name for name, _ in config._CHECKS[section.name].values()} == names


def test_every_setting_is_documented_with_its_default() -> None:
    """The table of the page, row by row."""
    rows = re.findall(r"^\| `\[(\w+)\] (\w+)` \| `(.+?)` \|", DOCUMENT.read_text(), re.MULTILINE)
    text = "".join(f"[{section}]\n{key} = {value}\n" for section, key, value in rows)
    one_by_one = [parse(f"[{section}]\n{key} = {value}\n", "x") for section, key, value in rows]
    assert text
    assert one_by_one == [Config()] * len(rows)
    assert {(section, key) for section, key, _ in rows} == {
        (section, key) for section, keys in config._CHECKS.items() for key in keys
    }
