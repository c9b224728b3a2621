"""`workflows/NAME.json`: the form of the specification, hand-made files picked up, bad ones explained."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import Step
from tsipcd.views.folder import Folder
from tsipcd.views.workflows import WorkflowStore
from tsipcd.workflows.definition import chain

if TYPE_CHECKING:
    from tests.views.conftest import Jq

CREATED = datetime(2025, 10, 1, 5, 15, 23, tzinfo=UTC)
STEPS = (
    Step(session="claude-blacklist", command="npm run build"),
    Step(session="claude-planka", command='echo "UI updated"'),
)
CHAIN = chain("w", ((step.session, step.command) for step in STEPS))
PLAIN = '{"steps": [{"session": "a", "command": "ls"}]}'


@pytest.fixture
def workflows(folder: Folder) -> Folder:
    return folder.sub("workflows")


@pytest.fixture
def store(workflows: Folder) -> WorkflowStore:
    return WorkflowStore(workflows)


@pytest.fixture
def drop(state: Path, workflows: Folder) -> Path:
    """The folder that people drop files into."""
    assert workflows.names() == []
    return state / "workflows"


def test_the_form_is_the_specs(store: WorkflowStore, drop: Path) -> None:
    """name, created, steps with session and command; nothing else."""
    path, replaced = store.write("deploy-full", STEPS, CREATED.timestamp())
    assert path == str(drop / "deploy-full.json")
    assert not replaced
    assert Path(path).read_text() == (
        "{\n"
        '  "name": "deploy-full",\n'
        '  "created": "2025-10-01T05:15:23+00:00",\n'
        '  "steps": [\n'
        '    {\n      "session": "claude-blacklist",\n      "command": "npm run build"\n    },\n'
        '    {\n      "session": "claude-planka",\n      "command": "echo \\"UI updated\\""\n    }\n'
        "  ]\n"
        "}\n"
    )


def test_the_specs_lines_work(store: WorkflowStore, drop: Path, jq: Jq) -> None:
    """`ls workflows/`, `cat workflows/NAME.json | jq .`, and jq over the steps."""
    store.write("deploy-full", STEPS, CREATED.timestamp())
    assert [path.name for path in drop.iterdir()] == ["deploy-full.json"]
    path = drop / "deploy-full.json"
    assert json.loads(jq(".", path))["name"] == "deploy-full"
    assert jq('.steps[]|.session+":"+.command', path) == (
        'claude-blacklist:npm run build\nclaude-planka:echo "UI updated"\n'
    )


@pytest.mark.parametrize(
    "name", ["deploy-full", "a b", "세션", "../../x", "-rf", "a\nb", "x" * 255, "..", "50%"]
)
def test_a_workflow_comes_back_whatever_its_name(
    store: WorkflowStore, drop: Path, tmp_path: Path, name: str
) -> None:
    """From one file in its folder."""
    assert not store.write(name, STEPS, CREATED.timestamp())[1]
    assert store.write(name, STEPS, CREATED.timestamp())[1]
    found = store.read(name)
    assert (found.name, found.created, found.workflow.steps) == (name, CREATED, CHAIN.steps)
    assert store.names() == (name,)
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [drop]


def test_commands_are_literal(store: WorkflowStore) -> None:
    """Nothing in a command is expanded, and every character comes back."""
    command = 'echo "$HOME" ${{ inputs.x }} $(id) `id` %H #{pane_id} \\n 세션\n\tnext \x1b[31m\u202e'
    store.write("w", [Step(session="s", command=command)], 0)
    assert store.read("w").workflow.steps[0].command == command


def test_a_file_dropped_in_is_picked_up(store: WorkflowStore, drop: Path) -> None:
    """Its name is the file's; name and created may be missing; the next edit counts at once."""
    (drop / "mine.json").write_text(PLAIN)
    found = store.read("mine")
    assert (found.name, found.created) == ("mine", None)
    assert found.workflow.steps == chain("w", [("a", "ls")]).steps
    (drop / "mine.json").write_text(PLAIN.replace("ls", "id"))
    assert store.read("mine").workflow.steps[0].command == "id"
    assert store.names() == ("mine",)


@pytest.mark.parametrize(
    ("created", "time"),
    [
        ("2025-10-01T05:15:23+00:00", CREATED),
        ("2025-10-01T05:15:23Z", CREATED),
        ("2025-10-01T05:15:23", CREATED),
        ("2025-10-01T14:15:23+09:00", CREATED),
    ],
)
def test_created_is_any_iso_8601(store: WorkflowStore, drop: Path, created: str, time: datetime) -> None:
    """Without a zone it is UTC."""
    (drop / "w.json").write_text(f'{{"created": "{created}", {PLAIN[1:]}')
    assert store.read("w").created == time


def test_an_unknown_workflow_names_the_nearest(store: WorkflowStore) -> None:
    """For people in the hint, for programs in the data."""
    for name in ("deploy-full", "deploy-blue", "backup"):
        store.write(name, STEPS, 0)
    with pytest.raises(BadInput) as caught:
        store.read("deploy-ful")
    assert caught.value.code is ErrorCode.UNKNOWN_WORKFLOW
    assert caught.value.message == "no workflow deploy-ful"
    assert caught.value.data["nearest"][0] == "deploy-full"
    assert caught.value.hint.startswith("did you mean deploy-full")


def test_an_unknown_workflow_says_what_to_do_next(store: WorkflowStore, drop: Path) -> None:
    """Where they are; or how to make the first."""
    with pytest.raises(BadInput, match="create one with: ts-ipc workflow NAME"):
        store.read("x")
    store.write("deploy-full", STEPS, 0)
    with pytest.raises(BadInput) as caught:
        store.read("x")
    assert caught.value.hint == f"the workflows are in {drop}"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "it is empty", "delete"),
        ("{", "line 1, column 2: expected a key in double quotes", ""),
        ("[]", "line 1, column 1: the file must be an object {...}", ""),
        ("{}", 'line 1, column 1: "steps" is missing', "the form is"),
        ('{"steps": []}', "line 1, column 11: there are no steps", ""),
        ('{"steps": {}}', 'line 1, column 11: "steps" must be a list [...]', ""),
        ('{"steps": ["ls"]}', "line 1, column 12: a step must be an object {...}", ""),
        ('{"steps": [{"session": "a"}]}', 'line 1, column 12: "command" is missing in this step', ""),
        ('{"steps": [{"command": "a"}]}', 'line 1, column 12: "session" is missing in this step', ""),
        ('{"steps": [{"session": "", "command": "a"}]}', 'line 1, column 24: "session" is empty', ""),
        ('{"steps": [{"session": "a", "command": ""}]}', 'line 1, column 40: "command" is empty', ""),
        ('{"steps": [{"session": "a", "command": ["ls"]}]}', 'line 1, column 40: "command" must be text', ""),
        (
            '{"steps": [\n{"session": "a", "command": "ls", "needs": ["b"]}]}',
            'line 2, column 44: a step has the key "needs"; without "version": 2 there are plain steps only',
            "the keys of a step are session, command",
        ),
        (
            '{"steps": [\n{"session": "a", "comand": "ls"}]}',
            'line 2, column 28: a step has the key "comand"; without "version": 2 there are plain steps only',
            'did you mean "command"?',
        ),
        (
            '{"env": {}, "steps": []}',
            'line 1, column 9: a workflow has the key "env"; without "version": 2 there are plain steps only',
            "the keys of a workflow are",
        ),
        ('{"version": 2}', "line 1, column 1: steps is missing", "`steps:` is the list"),
        ('{"version": 3, "steps": []}', "line 1, column 13: this is version 3 of the form", "upgrade"),
        (
            '{"name": "other", "steps": []}',
            'line 1, column 10: "name" is "other", but the file is the one of "w"',
            "rename the file",
        ),
        (
            f'{{"created": "yesterday", {PLAIN[1:]}',
            'line 1, column 13: "yesterday" is no date',
            "2025-10-01T",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    store: WorkflowStore, drop: Path, text: str, message: str, hint: str
) -> None:
    """Path, line, column, reason, and what to do."""
    (drop / "w.json").write_text(text)
    with pytest.raises(Refused) as caught:
        store.read("w")
    assert caught.value.code is ErrorCode.BAD_FILE
    assert caught.value.message.startswith(f"{drop}/w.json: {message}")
    assert hint in caught.value.hint
    assert store.names() == ("w",)


def test_version_1_is_this_form(store: WorkflowStore, drop: Path) -> None:
    """So a file may say so."""
    (drop / "w.json").write_text(f'{{"version": 1, {PLAIN[1:]}')
    assert len(store.read("w").workflow.steps) == 1


def test_a_bad_file_can_be_replaced_by_the_command(store: WorkflowStore, drop: Path) -> None:
    """`workflow` creates or replaces, whatever is there; a link is not written through."""
    (drop / "target").write_text("precious")
    (drop / "w.json").symlink_to("target")
    with pytest.raises(Refused, match="symbolic link"):
        store.read("w")
    assert store.write("w", STEPS, 0)[1]
    assert store.read("w").workflow == CHAIN
    assert (drop / "target").read_text() == "precious"


def test_a_cut_name_is_taken_from_the_content(store: WorkflowStore, drop: Path) -> None:
    """A file that does not tell its name, or another's, cannot be asked for."""
    store.write("x" * 255, STEPS, 0)
    (drop / f"{'y' * 120}%~{'0' * 32}.json").write_text(PLAIN)
    (drop / f"{'z' * 120}%~{'0' * 32}.json").write_text('{"name": "z", "steps": []}')
    assert store.names() == ("x" * 255,)
