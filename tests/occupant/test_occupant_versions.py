"""The gate over every tmux that is found: what it asks, each of them answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.occupant.conftest import Seats, Tmux

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


async def test_every_reason_of_the_pane_itself(sit: Seats) -> None:
    """Ready, busy, half typed, copy mode, full screen, input off, dead."""
    seat = await sit.shell("bash")
    assert (await seat.ask()).shell == "bash"
    seat.enter("sleep 1000")
    await seat.becomes("busy: sleep")
    seat.type("", "C-c")
    await seat.becomes("")
    seat.type("echo half")
    await seat.becomes("half-typed line")
    seat.type("", "C-u")
    await seat.becomes("")
    seat.tmux.run("copy-mode", "-t", seat.pin.pane)
    await seat.becomes("copy mode")
    seat.tmux.run("send-keys", "-t", seat.pin.pane, "-X", "cancel")
    seat.enter("less /etc/passwd")
    await seat.becomes("full-screen program: less")
    seat.type("q")
    await seat.becomes("")
    seat.tmux.run("select-pane", "-d", "-t", seat.pin.pane)
    await seat.becomes("input is off")
    seat.tmux.run("select-pane", "-e", "-t", seat.pin.pane)
    seat.tmux.run("set-option", "-w", "-t", seat.pin.pane, "remain-on-exit", "on")
    seat.enter("exit")
    await seat.becomes("pane is dead")


async def test_a_change_of_mode_is_noticed(sit: Seats) -> None:
    """A message that waits for copy mode goes on when it ends."""
    seat = await sit.shell("bash")
    seat.tmux.run("copy-mode", "-t", seat.pin.pane)
    watch = seat.watch()
    assert (await watch.first()).reason == "copy mode"
    seat.tmux.run("send-keys", "-t", seat.pin.pane, "-X", "cancel")
    await watch.opens()
