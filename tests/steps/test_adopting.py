"""A new life of the daemon takes up what an old one started."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.steps.conftest import Pane, Panes, until
from tsipcd.tmux import steps

pytestmark = pytest.mark.tmux


async def begin(panes: Panes, command: str, shell: str = "bash") -> Pane:
    pane = await panes(shell)
    step = pane.start(command)
    await pane.has_printed("begun\r")
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    return pane


async def test_a_step_that_still_runs(panes: Panes) -> None:
    """Its rest is captured, its end comes."""
    pane = await begin(panes, "echo begun; read x; echo end; (exit 6)")
    adopted = asyncio.create_task(pane.adopt())
    await asyncio.sleep(0)
    pane.type("", "Enter")
    assert await adopted == 6
    assert pane.log == "begun\n\nend\n"
    assert not pane.is_piped()


async def test_a_step_that_ended_meanwhile(panes: Panes) -> None:
    """Output that came while nobody looked is there; what the pane did after is not."""
    pane = await begin(panes, "echo begun; read x; echo end; (exit 6)")
    pane.type("", "Enter")
    await pane.has_file("status")
    await pane.at_prompt()
    pane.type("echo later", "Enter")
    await until(lambda: b"later" in pane.raw_so_far(), what="more output")
    assert await pane.adopt() == 6
    assert pane.log == "begun\n\nend\n"
    assert not pane.is_piped()


async def test_a_step_whose_pane_died(panes: Panes) -> None:
    """The reason is told."""
    pane = await begin(panes, "echo begun; sleep 1000")
    await panes("dash")
    pane.tmux.run("kill-pane", "-t", pane.pin.pane)
    await until(lambda: not Path(f"/proc/{pane.pin.pid}").exists(), what="the shell's end")
    assert await pane.adopt() is None
    assert pane.end.reason == "pane died"


async def test_a_step_that_was_interrupted(panes: Panes) -> None:
    """The shell is at its prompt, and there is no status."""
    pane = await begin(panes, "echo begun; sleep 1000", "dash")
    pane.type("", "C-c")
    await pane.at_prompt()
    assert await pane.adopt() is None
    assert "without a status" in pane.end.reason


async def test_a_step_whose_end_was_found_out_before(panes: Panes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker was cut off then, and is not waited for again."""
    pane = await panes("bash")
    assert await pane.run("echo once; (exit 2)") == 2
    monkeypatch.setattr(steps, "MARKER_S", 600.0)
    assert await pane.adopt() == 2
    assert pane.log == "once\n"


async def test_a_step_without_files(panes: Panes) -> None:
    """Somebody removed them: it cannot be followed, and says so."""
    pane = await panes("bash")
    pane.index = 9
    assert await pane.adopt() is None
    assert "are gone" in pane.end.reason
