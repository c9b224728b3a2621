"""The workflows that there are: listed whatever is in their files, drawn, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.views.test_workflow_texts import TEXT
from tsipc_client.wire.errors import BadInput
from tsipc_client.wire.messages import Graph, GraphView, Removed, Rm, WorkflowList, Workflows
from tsipcd.views.folder import Folder
from tsipcd.views.workflow_list import answer
from tsipcd.views.workflows import WorkflowStore


@pytest.fixture
def store(folder: Folder) -> WorkflowStore:
    return WorkflowStore(folder.sub("workflows"))


def test_all_are_listed(store: WorkflowStore, state: Path) -> None:
    """One that cannot be run says why; one bad file hides no other."""
    store.write_text("ci", TEXT + "on: [a, {type: b, from: s}]\n", "", 0.0)
    (state / "workflows/bad.yml").write_text("steps: 1")
    (state / "workflows/two.yml").write_text(TEXT)
    (state / "workflows/two.json").write_text("{}")
    found = answer(store, Workflows())
    assert isinstance(found, WorkflowList)
    assert [view.name for view in found.workflows] == ["bad", "ci", "two"]
    bad, ci, two = found.workflows
    assert "line 1, column 8: steps must be a list" in bad.problem
    assert (ci.steps, ci.sessions, ci.starts, ci.problem) == (2, ("s",), ("a", "b from s"), "")
    assert "defines the same workflow" in two.problem


def test_one_is_drawn(store: WorkflowStore) -> None:
    """From its file or from a text, with its handlers."""
    store.write_text("ci", TEXT, "", 0.0)
    found = answer(store, Graph(name="ci"))
    assert isinstance(found, GraphView)
    assert [(node.id, node.needs) for node in found.nodes] == [("a", ()), ("step-2", ())]
    found = answer(store, Graph(text=TEXT + "finally: [{run: x}]\n"))
    assert isinstance(found, GraphView)
    assert (found.nodes[-1].id, found.nodes[-1].phase) == ("finally-1", "finally")
    with pytest.raises(BadInput, match=r"a\.yml:1:8: steps must be a list"):
        answer(store, Graph(text="steps: 1", file="a.yml"))


def test_one_is_removed(store: WorkflowStore, state: Path) -> None:
    """All its files; what is not there is an error that names the nearest."""
    store.write_text("ci", TEXT, "", 0.0)
    (state / "workflows/ci.yml").write_text(TEXT)
    found = answer(store, Rm(name="ci"))
    assert found == Removed(name="ci", path=str(state / "workflows/ci.yml"))
    assert store.names() == ()
    with pytest.raises(BadInput, match="no workflow ci"):
        answer(store, Rm(name="ci"))
