"""Steps over every tmux that is found: pipes, markers and the screen are each version's own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.steps.conftest import Panes, Tmux

pytestmark = pytest.mark.tmux


def binaries() -> list[str]:
    """`VERSION/tmux` of each version under `TS_IPC_TMUX_VERSIONS`; without it, the system's."""
    found = sorted(Path(os.environ.get("TS_IPC_TMUX_VERSIONS", "/nonexistent")).glob("*/tmux"))
    return [str(path) for path in found] or [shutil.which("tmux") or "tmux"]


@pytest.fixture(params=binaries())
def tmux(request: pytest.FixtureRequest, short_path: Path) -> Iterator[Tmux]:
    server = Tmux(short_path, request.param)
    yield server
    server.close()


async def test_status_and_output(panes: Panes) -> None:
    """Exit status and output are right, the markers do not show, and the pipe is closed."""
    pane = await panes("bash")
    assert await pane.run("echo one; (exit 3)") == 3
    assert pane.log == "one\n"
    assert "7757" not in pane.screen()
    assert not pane.is_piped()


async def test_a_pipe_of_somebody_else(panes: Panes) -> None:
    """The output is read from the screen."""
    pane = await panes("bash")
    pane.tmux.run("pipe-pane", "-t", pane.pin.pane, "exec cat >/dev/null")
    assert await pane.run("echo one; echo two; false") == 1
    assert pane.log.endswith("one\ntwo\n")
    assert pane.is_piped()


async def test_an_interrupt_and_a_killed_pane(panes: Panes) -> None:
    """Both end the step."""
    pane = await panes("bash")
    await panes("dash")
    step = pane.start("echo before; sleep 1000")
    await pane.has_printed("before\r")
    pane.type("", "C-c")
    await asyncio.wait_for(step, 10)
    assert "without a status" in pane.end.reason
    step = pane.start("echo again; sleep 1000")
    await pane.has_printed("again\r")
    pane.tmux.run("kill-pane", "-t", pane.pin.pane)
    await asyncio.wait_for(step, 10)
    assert pane.end.reason != ""
