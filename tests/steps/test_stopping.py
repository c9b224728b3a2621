"""Ending a step: its command gets what Ctrl-C would give it, then harder signals; its shell lives on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.steps.conftest import DEADLINE_S, SHELLS, Pane, Panes
from tsipcd.core.effects import StopStep
from tsipcd.tmux import steps, stopping, tty
from tsipcd.tmux.stopping import Stopping

pytestmark = pytest.mark.tmux

every_shell = pytest.mark.parametrize("shell", SHELLS)

Shorten = Callable[..., None]


@pytest.fixture
def shorten(monkeypatch: pytest.MonkeyPatch) -> Shorten:
    """Go on to the next signal at once."""

    def set_(**seconds: float) -> None:
        for name, value in seconds.items():
            monkeypatch.setattr(stopping, name, value)

    return set_


async def stop(pane: Pane, command: str, asked_s: float = 0.0, **order: Any) -> int | None:
    """The exit code of a step that is ended once it has printed `begun`."""
    step = pane.start(command)
    await pane.has_printed("begun\r")
    pane.steps.stop(StopStep(7, asked_s, **order))
    await asyncio.wait_for(step, DEADLINE_S)
    return pane.end.exit_code


async def lives_on(pane: Pane) -> None:
    """The same shell takes the next step."""
    assert await pane.run("echo on") == 0
    assert pane.log == "on\n"
    assert tty.is_alive(pane.pin.pid)


@every_shell
async def test_a_program_is_interrupted(panes: Panes, shell: str) -> None:
    """It ends by SIGINT, what stood behind it is not begun, and the shell takes the next step."""
    pane = await panes(shell)
    assert await stop(pane, "echo begun; sleep 1000; echo second") in (None, 130)
    assert "second" not in pane.log
    await lives_on(pane)


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "ksh"])
async def test_what_the_shell_runs_by_itself_is_interrupted(panes: Panes, shell: str) -> None:
    """A loop without any program ends as for Ctrl-C, and nothing ends the shell."""
    pane = await panes(shell)
    code = await stop(pane, "echo begun; while :; do :; done")
    assert code == 130 if shell == "zsh" else code in (None, 130)
    await lives_on(pane)


async def test_rule_e11_children_end_too_and_each_signal_comes_once(panes: Panes) -> None:
    """The whole process group gets SIGINT, exactly once: a program that cleans up on it is left to do so."""
    pane = await panes("bash")
    script = "trap 'echo caught' INT; echo begun; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done; exit 7"
    assert await stop(pane, f'bash -c "{script}"') == 7
    assert pane.log.count("caught") == 1
    await lives_on(pane)


async def test_rule_e11_a_deaf_program_is_terminated_then_killed(panes: Panes, shorten: Shorten) -> None:
    """SIGTERM follows SIGINT, SIGKILL follows that."""
    pane = await panes("bash")
    command = "bash -c 'trap \"\" INT; echo begun; exec sleep 1000'"
    assert await stop(pane, command, grace_s=0.3) == 128 + signal.SIGTERM
    shorten(TERMINATED_S=0.2)
    command = "bash -c 'trap \"\" INT TERM; echo begun; exec sleep 1000'"
    assert await stop(pane, command, grace_s=0.2) == 128 + signal.SIGKILL
    await lives_on(pane)


async def test_rule_e12_stopping_has_an_end(panes: Panes, shorten: Shorten) -> None:
    """A shell that does not listen is left alone, not killed; the step ends all the same, and says why."""
    pane = await panes("bash")
    shorten(TERMINATED_S=0.1, KILLED_S=0.1)
    command = "trap '' INT; echo begun; until [ -e go ]; do :; done; trap - INT"
    assert await stop(pane, command, grace_s=0.1) is None
    assert pane.end.reason == steps.STILL_RUNS
    assert tty.is_alive(pane.pin.pid)
    (pane.tmux.home / "go").touch()
    await lives_on(pane)


async def test_a_step_may_name_its_first_signal(panes: Panes) -> None:
    """What ends well on another one than Ctrl-C's gets that."""
    pane = await panes("bash")
    script = "trap 'echo hung up; exit 9' HUP; echo begun; while :; do sleep 0.05; done"
    assert await stop(pane, f'bash -c "{script}"', signal="SIGHUP") == 9
    assert "hung up" in pane.log
    await lives_on(pane)


async def test_a_later_life_does_not_interrupt_again(panes: Panes) -> None:
    """SIGINT may have been sent before the daemon died; from there it goes on to the next signal."""
    pane = await panes("bash")
    command = "bash -c 'trap \"echo caught\" INT; echo begun; while :; do sleep 0.1; done'"
    assert await stop(pane, command, asked_s=1.5, grace_s=2.0) == 128 + signal.SIGTERM
    assert "caught" not in pane.log


def test_however_long_it_was_away_it_kills_before_it_gives_up() -> None:
    """A stop that was asked for yesterday still has its last signal to send."""
    long_ago = Stopping(1000.0, 86_400.0)
    assert not long_ago.is_over(1000.0)
    assert long_ago.is_over(1000.0 + stopping.KILLED_S)
