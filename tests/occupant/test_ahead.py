"""Lines that come before the last one was taken in: the gate types none, and does not stumble over others'.

Over every tmux that is found.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.occupant.conftest import SHELLS, Seat, Seats, Tmux, need, until
from tests.occupant.test_occupant import children_of
from tests.occupant.test_occupant_versions import binaries
from tests.occupant.test_prompts import attached
from tsipcd.core.topology import Place
from tsipcd.tmux import occupant
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.sight import Sight, look

pytestmark = pytest.mark.tmux

LONG = "true " + "x" * 150
"""Wraps into several rows of a narrow pane."""


@pytest.fixture(params=binaries())
def tmux(request: pytest.FixtureRequest, short_path: Path) -> Iterator[Tmux]:
    server = Tmux(short_path, request.param)
    yield server
    server.close()


async def dash(sit: Seats) -> Seat:
    """A narrow pane of a shell without a line editor, with the prompt `# `."""
    need("dash")
    seat = await sit("dash", "env", "PS1=# ", "ENV=", "dash", "-i", width=30)
    await seat.becomes("")
    return seat


@pytest.mark.parametrize("more", [LONG, "printf left"], ids=["silent", "printing"])
async def test_prompts_in_a_row_do_not_hold(sit: Seats, more: str) -> None:
    """dash prints a prompt for each line that was typed ahead, `# # # `, and between them what it runs."""
    seat = await dash(sit)
    seat.enter("sleep 1000")
    await seat.becomes("busy: sleep")
    for line in (LONG, more, "true last"):
        seat.enter(line)
    await seat.shows("true last")
    os.kill(int(children_of(seat.pin.pid)[0]), signal.SIGTERM)
    await seat.shows("# #" if more == LONG else "left#")
    await seat.becomes("")
    # A gate that sees the pane for the first time knows no prompt of it.
    seat.gate._panes.clear()
    if more == LONG:
        await seat.becomes("")
    seat.type("echo half")
    await seat.shows("echo half")
    await seat.becomes("half-typed line")


async def test_a_prompt_that_a_person_typed_holds(sit: Seats) -> None:
    """The begin of a comment looks the same: it holds if anybody can have typed it since the last line."""
    seat = await dash(sit)
    with attached(seat) as keyboard:
        await until(lambda: seat.tmux.run("list-clients", "-t", "dash"), what="the client")
        os.write(keyboard, b"# ")
        await seat.shows("# #")
        await seat.becomes("half-typed line")
    await until(lambda: not seat.tmux.run("list-clients", "-t", "dash"), what="no client")
    await seat.becomes("half-typed line")
    seat.gate._panes.clear()
    await seat.becomes("half-typed line")
    # Typed by us after anybody was there.
    seat.gate._pane(seat.pin).typed_at = time.time() + 2
    await seat.becomes("")


class Late:
    """The shell takes in what is typed only after some looks more: they show what the first one showed."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self._seen: Sight | None = None

    async def look(self, connection: Connection, place: Place) -> Sight | None:
        if self._seen is None:
            self._seen = await look(connection, place)
            return self._seen
        self.left -= 1
        return self._seen if self.left >= 0 else await look(connection, place)


@pytest.mark.parametrize("kind", SHELLS)
async def test_the_next_line_waits_until_the_last_is_taken_in(
    sit: Seats, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A prompt that stands there as before is no prompt yet, although its reader sleeps in its read."""
    seat = await sit.shell(kind)
    # However slow this machine is, no look is the last.
    monkeypatch.setattr(occupant, "TAKEN_IN_S", 600.0)
    late = Late(7)
    monkeypatch.setattr(occupant, "look", late.look)
    await seat.watch().opens()
    seat.gate.typed(seat.pin)
    seat.enter("/bin/sleep 1000")
    await until(lambda: seat.running() == "sleep", what="sleep")
    watch = seat.watch()
    # Of dash the kernel tells where it sleeps.
    assert (await watch.first()).reason in {"busy: sleep", "busy: dash"}
    seat.type("", "C-c")
    await watch.opens()


async def test_a_line_without_effect_is_waited_for_only_so_long(
    sit: Seats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen may well look as before: the next line is typed all the same."""
    seat = await sit.shell("bash")
    late = Late(10**9)
    monkeypatch.setattr(occupant, "look", late.look)
    await seat.watch().opens()
    seat.gate.typed(seat.pin)
    assert await seat.watch().opens() == []
