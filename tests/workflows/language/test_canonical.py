"""The JSON that is kept of a workflow: the same workflow, and fit for a reader of version 1."""

from __future__ import annotations

import json

import pytest

from tests.workflows.language.test_loading import WHOLE, loaded
from tsipcd.workflows.definition import Workflow, chain
from tsipcd.workflows.language.canonical import canonical

OTHERS = """
description: what else there is
on: [a, {type: b, from: s, if: "match('v*', event.data)"}]
inputs: {n: {type: number, default: 0.5, description: d}, b: {type: boolean, required: true}, s: null}
defaults: {session: s, timeout: 90s, on-interrupt: ask, deliver: now, continue-on-error: true}
steps:
- {id: c, needs: [a], order: listed, run: "echo ${{ inputs.n }}", env: {X: "1"}, outputs: []}
- {id: a, needs: [], run: x, name: First, retry: {attempts: 2, delay: 1500ms, on: [interrupted]}}
- {id: w, workflow: other, inputs: {x: "${{ run.id }}"}, matrix: {a: [1, 2.5, x, ~, true], fail-fast: false}}
- {id: ok, approve: Go?, on-timeout: approve, if: "${{ contains('${{', 'x') || always() }}"}
on-success: [{notify: done}]
on-cancel: [{run: x, timeout: 5s, on-stop: {grace: 0.0005s}}]
"""


@pytest.mark.parametrize("text", [WHOLE, OTHERS])
def test_what_is_kept_is_the_same_workflow(text: str) -> None:
    """Every key, its order and what it implies."""
    flow = loaded(text)
    kept = json.dumps(canonical(flow, "2025-10-01T05:15:23+00:00"))
    assert loaded(kept) == flow


def test_version_1_can_read_it() -> None:
    """Session and command of every step are text, and each step comes after what it needs."""
    document = canonical(loaded(OTHERS), "2025-10-01T05:15:23+00:00")
    steps = document["steps"]
    assert isinstance(steps, list)
    assert [(step["session"], step["command"]) for step in steps] == [
        ("s", "x"), ("s", "echo ${{ inputs.n }}"), ("s", ""), ("s", ""),
    ]  # fmt: skip
    assert document["version"] == 2


def test_a_literal_chain_is_kept_as_version_1() -> None:
    """Its file stays what it was."""
    flow: Workflow = chain("old", [("a", "echo ${{ x }}")])
    assert canonical(flow, "now") == {
        "name": "old", "created": "now", "steps": [{"session": "a", "command": "echo ${{ x }}"}],
    }  # fmt: skip
