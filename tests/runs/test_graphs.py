"""Graphs of steps with everything real: three kinds of shells, people who answer, a daemon that is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

CICD = """\
inputs:
  env: {type: choice, options: [staging, prod], default: staging}
env: {GREETING: "hello; touch pwned"}
defaults: {session: one}
steps:
  - id: build
    run: |
      echo "tag=v1 $(printf %s x)" >>"$TS_OUTPUT"
    outputs: [tag]
  - id: unit
    needs: build
    session: two
    matrix: {shard: [1, 2, 3], max-parallel: 2}
    run: |
      echo "$SHARD ${{ steps.build.outputs.tag }} $GREETING" >>FOLDER/units
    env: {SHARD: "${{ matrix.shard }}"}
  - id: flaky
    needs: build
    session: three
    run: "test -e FOLDER/flag; or begin; touch FOLDER/flag; false; end"
    retry: {attempts: 3, delay: 100ms}
  - id: ok
    needs: [unit, flaky]
    approve: "Deploy to ${{ inputs.env }}?"
  - id: up
    if: inputs.env == 'prod'
    run: touch FOLDER/up
  - id: note
    run: echo noted; touch FOLDER/note
finally: [{session: one, run: 'echo "${{ run.status }}" >FOLDER/cleaned'}]
"""


@pytest.fixture(autouse=True)
def shells(tmux: Tmux) -> Tmux:
    """bash, dash and fish at their prompts."""
    tmux.session("one")
    tmux.session("two", "dash")
    tmux.session("three", "fish")
    return tmux


def run(daemon: Daemon, folder: Path, text: str = CICD, **more: Any) -> str:
    """The id of a run of this definition."""
    daemon.call("workflow", name="w", text=text.replace("FOLDER", str(folder)))
    return str(daemon.call("run", name="w", follow=False, **more)["run"])


def step(daemon: Daemon, run_id: str, name: str) -> dict[str, Any]:
    """How a step is now."""
    steps = daemon.call("watch", id=run_id)["steps"]
    (found,) = [each for each in steps if each["name"] == name]
    return dict(found)


def until_it_asks(daemon: Daemon, run_id: str) -> None:
    """The approval waits."""
    until(lambda: step(daemon, run_id, "ok")["reason"], what="the question", within_s=90)


def until_it_ends(daemon: Daemon, run_id: str) -> dict[str, Any]:
    """The run, once it has ended."""
    until(lambda: daemon.call("watch", id=run_id)["ended_at"], what=f"the end of {run_id}", within_s=90)
    return dict(daemon.call("watch", id=run_id))


def test_a_pipeline_over_three_shells(daemon: Daemon, short_path: Path) -> None:
    """Outputs, a matrix, a retry, an approval and a handler; values reach every shell as they are."""
    run_id = run(daemon, short_path, inputs=[{"name": "env", "value": "prod"}])
    until_it_asks(daemon, run_id)
    assert sorted((short_path / "units").read_text().splitlines()) == [
        f"{shard} v1 x hello; touch pwned" for shard in (1, 2, 3)
    ]
    assert daemon.call("approve", id=run_id)["status"] == "running"
    ended = until_it_ends(daemon, run_id)
    assert ended["status"] == "success"
    assert (short_path / "up").exists()
    assert (short_path / "cleaned").read_text() == "success\n"
    told = daemon.call("explain", id=run_id, step="flaky")
    assert [each["exit_code"] for each in told["attempts"]] == [1, 0]
    assert len({each["log"] for each in told["attempts"]}) == 2


def test_a_killed_daemon_goes_on_with_the_graph(daemon: Daemon, short_path: Path) -> None:
    """SIGKILL while it asks, and again after the answer: nothing is run twice, and the reasons are there."""
    run_id = run(daemon, short_path)
    until_it_asks(daemon, run_id)
    daemon.kill()
    daemon.start()
    assert len((short_path / "units").read_text().splitlines()) == 3
    daemon.call("approve", id=run_id)
    daemon.kill()
    daemon.start()
    ended = until_it_ends(daemon, run_id)
    assert ended["status"] == "success"
    assert step(daemon, run_id, "up")["result"] == "skipped"
    assert "inputs.env == 'prod'" in daemon.call("explain", id=run_id, step="up")["why"]
    assert (short_path / "note").exists()


def test_a_rerun_repeats_what_went_wrong(daemon: Daemon, short_path: Path) -> None:
    """The rest counts as it did, with its outputs; the first run stays as it was."""
    text = """\
defaults: {session: one}
steps:
  - {id: a, run: 'echo x=1 >>"$TS_OUTPUT"; echo a >>FOLDER/done', outputs: [x]}
  - {id: b, run: 'test -e FOLDER/good'}
  - {id: c, run: 'echo "c ${{ steps.a.outputs.x }}" >>FOLDER/done'}
"""
    first = run(daemon, short_path, text)
    assert until_it_ends(daemon, first)["status"] == "failure"
    assert step(daemon, first, "c")["result"] == "skipped"
    (short_path / "good").touch()
    again = daemon.call("rerun", id=first, failed=True, follow=False)["run"]
    assert until_it_ends(daemon, again)["status"] == "success"
    assert (short_path / "done").read_text() == "a\nc 1\n"
    assert daemon.call("watch", id=first)["status"] == "failure"


def test_a_paused_run_begins_nothing(daemon: Daemon, short_path: Path) -> None:
    """What runs goes on; what comes next waits for `resume`, also over a kill."""
    text = """\
defaults: {session: one}
steps:
  - {id: a, run: 'touch FOLDER/began; until test -e FOLDER/go; do sleep 0.05; done'}
  - {id: b, run: 'touch FOLDER/b'}
"""
    run_id = run(daemon, short_path, text)
    until((short_path / "began").exists, what="the first step", within_s=60)
    assert daemon.call("pause", id=run_id)["paused"] is True
    (short_path / "go").touch()
    until(lambda: step(daemon, run_id, "a")["result"] == "success", what="its end", within_s=60)
    daemon.kill()
    daemon.start()
    assert "paused" in daemon.call("explain", id=run_id, step="b")["why"]
    assert not (short_path / "b").exists()
    daemon.call("resume", id=run_id)
    assert until_it_ends(daemon, run_id)["status"] == "success"
    assert (short_path / "b").exists()


def test_a_time_limit_stops_the_command_and_not_the_shell(daemon: Daemon, short_path: Path) -> None:
    """It is told as timed out, and the shell takes the handler's command."""
    text = """\
defaults: {session: one}
steps:
  - {id: slow, run: sleep 1000, timeout: 500ms}
on-failure: [{session: one, run: 'echo "${{ run.failed }}" >FOLDER/failed'}]
"""
    ended = until_it_ends(daemon, run(daemon, short_path, text))
    assert ended["status"] == "timed-out"
    assert (short_path / "failed").read_text() == "slow\n"
