"""`subscriptions.json`: the file is the truth, hand edits included, and none is ever lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsipc_client.wire.errors import ErrorCode, Refused, WireError
from tsipc_client.wire.messages import Action, Subscription
from tsipcd.views.faults import Changed
from tsipcd.views.folder import Folder
from tsipcd.views.subscriptions import SubscriptionFile

if TYPE_CHECKING:
    from tests.views.conftest import Jq


def entry(session: str, event: str, action: Action = Action.NOTIFY) -> Subscription:
    return Subscription(session=session, event=event, action=action)


MANAGER = entry("claude-manager", "deployment")
PLANKA = entry("claude-planka", "error", Action.COMMAND)
BOTH = (MANAGER, entry("claude-manager", "backup", Action.DATA), PLANKA)


@pytest.fixture
def path(state: Path) -> Path:
    return state / "subscriptions.json"


@pytest.fixture
def file(folder: Folder) -> SubscriptionFile:
    return SubscriptionFile(folder)


def test_the_form_is_the_designs(path: Path, file: SubscriptionFile) -> None:
    """Sessions in the table's order, each with its rows, indented by two."""
    file.write(BOTH)
    assert path.read_text() == (
        "{\n"
        '  "subscriptions": {\n'
        '    "claude-manager": [\n'
        '      {\n        "event": "deployment",\n        "action": "notify"\n      },\n'
        '      {\n        "event": "backup",\n        "action": "data"\n      }\n'
        "    ],\n"
        '    "claude-planka": [\n'
        '      {\n        "event": "error",\n        "action": "command"\n      }\n'
        "    ]\n"
        "  }\n"
        "}\n"
    )
    assert path.stat().st_mode & 0o7777 == 0o600


def test_the_specs_jq_line_reads_it(path: Path, file: SubscriptionFile, jq: Jq) -> None:
    """`jq . subscriptions.json`, and what somebody would look for with it."""
    file.write(BOTH)
    assert json.loads(jq(".", path)) == json.loads(path.read_text())
    assert jq('.subscriptions["claude-manager"][].event', path) == "deployment\nbackup\n"


NAMES = st.text(min_size=1, max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    rows=st.dictionaries(
        NAMES, st.dictionaries(NAMES, st.sampled_from(Action), min_size=1, max_size=3), max_size=4
    )
)
def test_any_table_comes_back(folder: Folder, rows: dict[str, dict[str, Action]]) -> None:
    """Whatever is in the names, in the same order."""
    table = tuple(entry(s, event, action) for s, events in rows.items() for event, action in events.items())
    writer = SubscriptionFile(folder)
    writer.read()
    writer.write(table)
    assert SubscriptionFile(folder).read() == table
    assert writer.read() == table


def test_no_file_is_an_empty_table(path: Path, file: SubscriptionFile) -> None:
    """Also after it was deleted."""
    assert not file.changed()
    assert file.read() == ()
    file.write((MANAGER,))
    path.unlink()
    assert file.changed()
    assert file.read() == ()
    file.write((PLANKA,))
    assert file.read() == (PLANKA,)


def test_a_hand_edit_is_noticed(path: Path, file: SubscriptionFile) -> None:
    """A missing action is the default one."""
    file.write((MANAGER,))
    path.write_text('{"subscriptions": {"a": [{"event": "e"}], "b": []}}')
    assert file.changed()
    assert file.read() == (entry("a", "e"),)


def test_what_was_read_long_after_its_change_is_not_read_again(path: Path, file: SubscriptionFile) -> None:
    """Looking costs one `stat` then."""
    path.write_text('{"subscriptions": {}}')
    os.utime(path, (1, 1))
    file.read()
    assert not file.changed()


def test_an_edit_within_one_tick_is_noticed(
    path: Path, file: SubscriptionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same size, and as far as the clock of the file system can tell the same time."""
    exact = Folder.signature

    def coarse(self: Folder, name: str) -> tuple[int, int, int, int] | None:
        found = exact(self, name)
        tick_ns = 10_000_000
        return found and (found[0] // tick_ns * tick_ns, 0, found[2], found[3])

    monkeypatch.setattr(Folder, "signature", coarse)
    for action in ("notify", "ignore"):
        path.write_text(f'{{"subscriptions": {{"a": [{{"event": "e", "action": "{action}"}}]}}}}')
        if action == "notify":
            file.read()
    assert file.changed()


def test_an_edit_between_reading_and_writing_is_not_lost(
    path: Path, file: SubscriptionFile, folder: Folder
) -> None:
    """The write is refused, the edit stays, and reading again makes the next write possible."""
    file.write((MANAGER,))
    path.write_text('{"subscriptions": {"a": [{"event": "e"}]}}')
    with pytest.raises(Changed):
        file.write((MANAGER, PLANKA))
    assert "claude-manager" not in path.read_text()
    file.write((*file.read(), PLANKA))
    assert SubscriptionFile(folder).read() == (entry("a", "e"), PLANKA)


def test_an_edit_while_the_new_file_is_being_synced_is_not_lost(
    path: Path, file: SubscriptionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look is after the slow part."""
    file.write((MANAGER,))
    fsync = os.fsync
    edit = '{"subscriptions": {"a": [{"event": "e"}]}}'

    def edit_meanwhile(fd: int) -> None:
        path.write_text(edit)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", edit_meanwhile)
    with pytest.raises(Changed):
        file.write((PLANKA,))
    assert path.read_text() == edit


def test_a_file_that_was_never_read_is_not_replaced(path: Path, file: SubscriptionFile) -> None:
    """Its rows would be lost."""
    path.write_text('{"subscriptions": {"a": [{"event": "e"}]}}')
    with pytest.raises(Changed):
        file.write((MANAGER,))


def test_unknown_keys_are_kept(path: Path, file: SubscriptionFile) -> None:
    """Of the file and of the rows that stay, where they stood; those of a row go with it."""
    path.write_text(
        '{"note": "mine", "subscriptions": '
        '{"a": [{"why": [1], "event": "e"}, {"event": "f", "x": 1}]}, "z": null}'
    )
    file.read()
    file.write((entry("a", "e", Action.DATA), MANAGER))
    assert json.loads(path.read_text()) == {
        "note": "mine",
        "subscriptions": {
            "a": [{"why": [1], "event": "e", "action": "data"}],
            "claude-manager": [{"event": "deployment", "action": "notify"}],
        },
        "z": None,
    }
    assert list(json.loads(path.read_text())) == ["note", "subscriptions", "z"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ('{"subscriptions": {', "line 1, column 20: expected a key in double quotes"),
        ("[]", "line 1, column 1: the file must be an object {...}"),
        ("{}", 'line 1, column 1: the key "subscriptions" is missing'),
        ('{"subscriptions": []}', 'line 1, column 19: "subscriptions" must be an object {...}'),
        ('{"subscriptions": {"a": {}}}', 'line 1, column 25: the subscriptions of "a" must be a list [...]'),
        ('{"subscriptions": {"": []}}', "line 1, column 24: the session's name is empty"),
        ('{"subscriptions":\n{"a": ["e"]}}', "line 2, column 8: a subscription must be an object {...}"),
        ('{"subscriptions":\n{"a": [{}]}}', 'line 2, column 8: "event" is missing'),
        ('{"subscriptions":\n{"a": [{"event": ""}]}}', 'line 2, column 18: "event" is empty'),
        ('{"subscriptions":\n{"a": [{"event": 1}]}}', 'line 2, column 18: "event" must be text'),
        (
            '{"subscriptions":\n{"a": [{"event": "e", "action": "notfy"}]}}',
            'line 2, column 33: "notfy" is no action',
        ),
        (
            '{"subscriptions":\n{"a": [{"event": "e"},\n {"event": "e"}]}}',
            'line 3, column 2: "a" is subscribed to "e" a second time',
        ),
        (
            '{"subscriptions":\n{"a": [],\n"a": []}}',
            'line 3, column 1: the key "a" stands here a second time',
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_never_replaced(
    path: Path, file: SubscriptionFile, text: str, message: str
) -> None:
    """Until it is mended every look says so again."""
    file.write((MANAGER,))
    path.write_text(text)
    for _ in range(2):
        assert file.changed()
        with pytest.raises(Refused) as caught:
            file.read()
        assert caught.value.code is ErrorCode.BAD_FILE
        assert caught.value.message.startswith(f"{path}: {message}")
        with pytest.raises(Changed):
            file.write((MANAGER,))
    assert path.read_text() == text


def test_a_planted_link_is_refused(path: Path, file: SubscriptionFile, tmp_path: Path) -> None:
    """Neither read through nor written through."""
    victim = tmp_path / "victim"
    victim.write_text('{"subscriptions": {}}')
    path.symlink_to(victim)
    with pytest.raises(WireError, match="symbolic link"):
        file.read()
    with pytest.raises(WireError, match="symbolic link"):
        file.write((MANAGER,))
    assert victim.read_text() == '{"subscriptions": {}}'
