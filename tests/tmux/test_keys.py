"""Typing: what arrives, what is refused, and that an attempt arrives at most once."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsipcd.core.inputs import Outcome
from tsipcd.core.topology import PanePin
from tsipcd.tmux.connection import Connection, TmuxError, connect
from tsipcd.tmux.keys import Attempt, is_short, pasteable, type_text

if TYPE_CHECKING:
    from tests.tmux.conftest import TmuxServer

pytestmark = pytest.mark.tmux

SHELLS = {
    "bash": ("bash", "--noprofile", "--norc"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
    "dash": ("dash",),
    "ksh": ("ksh",),
}
AWKWARD = [
    "x;",
    "y;;",
    ";",
    "a ; b",
    "it's \"q\" \\ $HOME `id` ~ #{pid} #(touch pwned) %H 50%d !x",
    "세션 ünïcödé 🚀",
    "-t %0",
    "tab\there",
    "long " + "0123456789" * 60,
]


def attempt(pin: PanePin, number: int, text: str, *, pause: bool = False) -> Attempt:
    return Attempt("0badcafe", number, pin, text, pause)


def reader(server: TmuxServer, name: str, *, mode: str = "") -> tuple[PanePin, Path]:
    """A pane whose program writes every byte that it reads to a file."""
    out = server.home / f"{name}.out"
    script = f"stty raw -echo; printf '{mode}'; printf go; exec cat > {out}"
    pane = server.new_session(name, "sh", "-c", script)
    server.wait_until(lambda: "go" in server.capture(pane))
    return server.pin(pane), out


async def arrived(server: TmuxServer, out: Path, expected: bytes) -> None:
    await server.until(lambda: len(out.read_bytes()) >= len(expected))
    assert out.read_bytes() == expected


@pytest.mark.parametrize("text", AWKWARD)
async def test_text_arrives_byte_for_byte(
    tmux_server: TmuxServer, connection: Connection, text: str
) -> None:
    """Semicolons, quotes, formats, dates and options in a text are typed, not interpreted."""
    pin, out = reader(tmux_server, "raw")
    assert await type_text(connection, attempt(pin, 1, text), tmux_server.home) == (Outcome.TYPED, "")
    await arrived(tmux_server, out, text.encode() + b"\r")
    assert tmux_server.run("list-buffers") == ""
    assert not list(tmux_server.home.glob("tsipc-*"))
