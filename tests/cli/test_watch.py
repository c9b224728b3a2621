"""Watching a run without a terminal: plain lines, JSON lines, the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import samples
from tests.cli.conftest import CommandLine
from tsipc_client.wire.messages import RunStatus


def test_a_pipe_gets_plain_lines(ts_ipc: CommandLine) -> None:
    """One per start and end, then the summary, all on stdout."""
    outcome = ts_ipc("run", "deploy-full", answer=samples.ended(RunStatus.SUCCESS), news=samples.RUN_NEWS[:5])
    assert outcome.out.split("\n") == [
        "[1/5] start claude-blacklist: npm run step-1",
        "[1/5] ✓ claude-blacklist: npm run step-1 (4.1 s)",
        "run-3 deploy-full: success, 2 of 2 steps done in 14 s",
        "",
    ]
    assert outcome.err == ""


def test_json_is_a_line_per_piece_of_news_and_the_result_last(ts_ipc: CommandLine) -> None:
    """Each line a whole document."""
    answer = samples.ended(RunStatus.SUCCESS)
    outcome = ts_ipc("run", "deploy-full", "--json", answer=answer, news=samples.RUN_NEWS)
    documents = [json.loads(line) for line in outcome.out.splitlines()]
    assert [document["step"]["index"] for document in documents[:-1]] == [1] * 5 + [2] * 5
    assert (documents[-1]["status"], len(documents[-1]["steps"])) == ("success", 2)


def test_a_failure_shows_the_last_lines_and_the_log(ts_ipc: CommandLine, tmp_path: Path) -> None:
    """On stderr, where a person looks when something went wrong."""
    log = tmp_path / "2.log"
    log.write_text("\x1b[1mtests\x1b[0m\nFAIL test/a.js\n")
    answer = samples.ended(RunStatus.FAILURE, log=str(log))
    outcome = ts_ipc("run", "deploy-full", answer=answer, news=samples.RUN_NEWS)
    assert outcome.status == 1
    assert outcome.err.split("\n") == [
        "step 2 of 2 failed in claude-blacklist: exit 1",
        "  npm run step-2",
        "  | tests",
        "  | FAIL test/a.js",
        f"  all of its output: {log}",
        "",
    ]


@pytest.mark.parametrize("log", ["", "/nowhere/2.log"])
def test_a_log_that_cannot_be_read_is_only_named(ts_ipc: CommandLine, log: str) -> None:
    """The failure itself is shown all the same."""
    outcome = ts_ipc("run", "deploy-full", answer=samples.ended(RunStatus.FAILURE, log=log))
    assert outcome.status == 1
    assert "failed in claude-blacklist: exit 1" in outcome.err


def test_a_huge_log_is_read_from_its_end(ts_ipc: CommandLine, tmp_path: Path) -> None:
    """Its size does not matter."""
    log = tmp_path / "2.log"
    log.write_bytes(b"x" * 10_000_000 + b"\nlast words\n")
    outcome = ts_ipc("run", "deploy-full", answer=samples.ended(RunStatus.FAILURE, log=str(log)))
    assert "  | last words\n" in outcome.err
    assert len(outcome.err) < 100_000


def test_ctrl_c_stops_the_watching_only(ts_ipc: CommandLine) -> None:
    """And says so, with the ways to see and to stop the run."""
    outcome = ts_ipc("run", "deploy-full", answer=KeyboardInterrupt(), news=samples.RUN_NEWS[:2])
    assert outcome.status == 130
    assert "run-3 goes on" in outcome.err
    assert "ts-ipc cancel run-3" in outcome.err


def test_a_detached_run_prints_its_id(ts_ipc: CommandLine) -> None:
    """Alone, for a script."""
    outcome = ts_ipc("run", "deploy-full", "--detach", answer=samples.DETACHED)
    assert (outcome.status, outcome.out, outcome.err) == (0, "run-3\n", "")
