"""Workflows in their language: saved as canonical JSON, picked up from files that people drop in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import Step, Validate
from tsipcd.views.folder import Folder
from tsipcd.views.workflows import WorkflowStore

TEXT = "defaults: {session: s}\nsteps:\n  - {id: a, run: make}\n  - {needs: [], run: 'echo ${{ run.id }}'}\n"


@pytest.fixture
def store(folder: Folder) -> WorkflowStore:
    return WorkflowStore(folder.sub("workflows"))


@pytest.fixture
def drop(state: Path, store: WorkflowStore) -> Path:
    """The folder that people drop files into."""
    assert store.names() == ()
    return state / "workflows"


def test_a_text_is_kept_as_json_that_version_1_reads(store: WorkflowStore, drop: Path) -> None:
    """And is the workflow that is run from then on."""
    saved = store.write_text("ci", TEXT, "ci.yml", 0.0)
    assert (saved.path, saved.replaced, saved.warnings) == (str(drop / "ci.json"), False, ())
    assert saved.steps == (
        Step(session="s", command="make"),
        Step(session="s", command="echo ${{ run.id }}"),
    )
    kept = json.loads(Path(saved.path).read_text())
    assert [(step["session"], step["command"]) for step in kept["steps"]] == [
        ("s", "make"), ("s", "echo ${{ run.id }}"),
    ]  # fmt: skip
    assert [step.needs for step in store.read("ci").workflow.steps] == [(), ()]
    assert store.write_text("ci", TEXT, "ci.yml", 0.0).replaced


def test_a_text_with_a_mistake_changes_nothing(store: WorkflowStore, drop: Path) -> None:
    """The first is told with its place, and how to see the others."""
    store.write_text("ci", TEXT, "ci.yml", 0.0)
    before = (drop / "ci.json").read_bytes()
    with pytest.raises(BadInput) as caught:
        store.write_text(
            "ci", TEXT.replace("run: make", "rum: make").replace("needs", "nedds"), "ci.yml", 0.0
        )
    assert caught.value.code is ErrorCode.BAD_PARAMS
    assert caught.value.message == "ci.yml:3:5: this step does nothing"
    assert caught.value.hint.endswith("2 more: ts-ipc validate ci.yml")
    assert (drop / "ci.json").read_bytes() == before


@pytest.mark.parametrize("suffix", ["yaml", "yml"])
def test_a_yaml_file_dropped_in_is_picked_up(store: WorkflowStore, drop: Path, suffix: str) -> None:
    """The next edit counts at once, a mistake is told with its place."""
    path = drop / f"mine.{suffix}"
    path.write_text(TEXT)
    assert store.names() == ("mine",)
    assert store.read("mine").workflow.steps[0].command == "make"
    path.write_text(TEXT.replace("make", "make all"))
    os.utime(path, ns=(1, 1))
    assert store.read("mine").workflow.steps[0].command == "make all"
    path.write_text(TEXT.replace("run: make", "rum: make"))
    with pytest.raises(Refused, match=r"mine\.ya?ml: line 3, column 5: ") as caught:
        store.read("mine")
    assert caught.value.code is ErrorCode.BAD_FILE


def test_two_files_of_one_workflow_are_refused(store: WorkflowStore, drop: Path) -> None:
    """Neither is silently the one that counts; and what somebody keeps in YAML is not hidden by JSON."""
    (drop / "mine.yml").write_text(TEXT)
    with pytest.raises(Refused, match=r"mine\.yml defines the workflow mine"):
        store.write_text("mine", TEXT, "a", 0.0)
    with pytest.raises(Refused, match=r"mine\.yml defines the workflow mine"):
        store.write("mine", [Step(session="a", command="b")], 0.0)
    (drop / "mine.json").write_text('{"steps": [{"session": "a", "command": "b"}]}')
    with pytest.raises(Refused, match="defines the same workflow"):
        store.read("mine")


def test_a_check_tells_every_fault(store: WorkflowStore, drop: Path) -> None:
    """Of a text or of a file; strictly, a warning is enough."""
    found = store.check(Validate(text=TEXT + "  - {run: x, if: true}\n", file="a.yml"))
    assert (found.valid, found.steps, [fault.line for fault in found.faults]) == (True, 3, [5])
    assert not store.check(Validate(text=TEXT + "  - {run: x, if: true}\n", strict=True)).valid
    (drop / "mine.yml").write_text("steps: [{}, {}]")
    found = store.check(Validate(name="mine"))
    assert (found.valid, found.file, len(found.faults)) == (False, str(drop / "mine.yml"), 4)
    with pytest.raises(BadInput, match="no workflow other"):
        store.check(Validate(name="other"))
