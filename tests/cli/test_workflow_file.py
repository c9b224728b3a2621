"""Workflows from files: checked, saved and run, with a real daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux

pytestmark = pytest.mark.tmux

Run = Callable[..., subprocess.CompletedProcess[str]]

TEXT = """\
inputs: {who: {default: world}}
defaults: {session: claude-a}
steps:
  - id: greet
    run: echo "hello ${{ inputs.who }}" > greeting; echo "said=$(cat greeting)" >> "$TS_OUTPUT"
    outputs: [said]
  - run: printf '%s' ${{ steps.greet.outputs.said }} > copy
    if: steps.greet.outcome == 'success'
"""


@pytest.fixture
def ts_ipc(daemon: Daemon, tmp_path: Path) -> Run:
    """`ts-ipc WORDS...` in a folder of its own, to its end."""

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tsipc_client", *words],
            cwd=tmp_path, env={**daemon.environment, "PYTHONPATH": str(ROOT)}, input=stdin,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_a_workflow_of_a_file_is_run(ts_ipc: Run, tmux: Tmux, tmp_path: Path) -> None:
    """Its values reach the commands, and its outputs the next step."""
    tmux.session("claude-a")
    (tmp_path / "ci.yml").write_text(
        TEXT.replace("greeting", str(tmp_path / "greeting")).replace("copy", str(tmp_path / "copy"))
    )
    saved = ts_ipc("workflow", "ci", "-f", "ci.yml")
    assert (saved.returncode, saved.stdout.strip().rpartition("/")[2]) == (0, "ci.json"), saved.stderr
    done = ts_ipc("run", "ci")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy").read_text() == "hello world"


def test_a_mistake_is_shown_with_its_place(ts_ipc: Run, tmp_path: Path) -> None:
    """Saving refuses it; validating shows them all; both exit with 2."""
    (tmp_path / "ci.yml").write_text(
        TEXT.replace("greet.outcome", "greed.outcome").replace("inputs.who", "inputs.whom")
    )
    refused = ts_ipc("workflow", "ci", "-f", "ci.yml")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[0] == "ts-ipc: ci.yml:5:26: there is no inputs.whom"
    found = ts_ipc("validate", "ci.yml")
    assert found.returncode == 2
    assert found.stdout.splitlines() == [
        "ci.yml:5:26: there is no inputs.whom. did you mean who?",
        "ci.yml:8:9: there is no step greed. did you mean greet?",
    ]
    assert [
        fault["line"] for fault in json.loads(ts_ipc("validate", "ci.yml", "--json").stdout)["faults"]
    ] == [5, 8]


def test_stdin_and_names_are_validated(ts_ipc: Run) -> None:
    """A warning fails only a strict look."""
    text = TEXT + "  - run: 'true'\n    if: true\n"
    assert ts_ipc("validate", "-", stdin=text).returncode == 0
    assert ts_ipc("validate", "-", "--strict", stdin=text).returncode == 2
    saved = ts_ipc("workflow", "ci", "-f", "-", stdin=text)
    assert (saved.returncode, "stdin:10:9: warning: " in saved.stderr) == (0, True)
    assert ts_ipc("validate", "ci").returncode == 0
    assert ts_ipc("validate", "cj").returncode == 2


def test_workflows_are_listed_drawn_and_removed(ts_ipc: Run, tmp_path: Path) -> None:
    """By name, and from a file that was never saved."""
    assert ts_ipc("workflow", "ci", "-f", "-", stdin=TEXT).returncode == 0
    assert ts_ipc("workflows").stdout.splitlines()[1].split() == ["ci", "2", "-", "claude-a"]
    (tmp_path / "other.yml").write_text(TEXT)
    assert ts_ipc("graph", "./other.yml").stdout.splitlines()[1].startswith("└─ greet  claude-a")
    assert ts_ipc("graph", "ci", "--format", "dot").stdout.startswith('digraph "ci" {')
    assert json.loads(ts_ipc("graph", "ci", "--format", "json").stdout)["nodes"][1]["needs"] == ["greet"]
    assert ts_ipc("rm", "ci").stdout.endswith("/workflows/ci.json\n")
    assert ts_ipc("rm", "ci").returncode == 2
