"""Panes with real shells, and the gate's answers about them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tsipcd.core.effects import Inspect
from tsipcd.core.inputs import Input, Inspected, Verdict
from tsipcd.core.topology import PanePin, Place, ServerId
from tsipcd.tmux.connection import Connection, connect
from tsipcd.tmux.occupant import Occupants

DEADLINE_S = 15.0

SHELLS = {
    "bash": ("bash", "--noprofile", "--norc"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
    "dash": ("dash", "-i"),
    "ksh": ("ksh", "-i"),
}


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@dataclass
class Tmux:
    """A private tmux server with an empty configuration."""

    home: Path
    binary: str = "tmux"
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMUX_TMPDIR": str(self.home),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
        }

    @property
    def socket(self) -> Path:
        return self.home / f"tmux-{os.getuid()}" / "default"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.binary, "-u", "-f", "/dev/null", *arguments],
            env=self.environment,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr.decode()}"
        return done.stdout.decode(errors="replace").removesuffix("\n")

    def close(self) -> None:
        subprocess.run([self.binary, "kill-server"], env=self.environment, capture_output=True, check=False)


@dataclass
class Seat:
    """One session, its pane, and the gate in front of it."""

    tmux: Tmux
    name: str
    connection: Connection
    gate: Occupants
    place: Place
    pin: PanePin
    answers: list[Inspected] = field(default_factory=list)

    def type(self, text: str, *keys: str) -> None:
        """As a person would, but fast; `keys` are names such as `Enter`."""
        if text:
            self.tmux.run("send-keys", "-t", self.pin.pane, "-H", *(f"{byte:02x}" for byte in text.encode()))
        if keys:
            self.tmux.run("send-keys", "-t", self.pin.pane, *keys)

    def enter(self, text: str) -> None:
        self.type(text, "Enter")

    def screen(self) -> str:
        return self.tmux.run("capture-pane", "-p", "-t", self.pin.pane).rstrip()

    def running(self) -> str:
        return self.tmux.run("display-message", "-p", "-t", self.pin.pane, "#{pane_current_command}")

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.screen(), what=f"{text!r} on the screen of {self.name}")

    async def ask(self, *, now: bool = False, step: bool = False, place: Place | None = None) -> Inspected:
        """The gate's first answer."""
        watch = self.watch(now=now, step=step, place=place)
        try:
            return await watch.first()
        finally:
            await watch.stop()

    async def becomes(self, reason: str, *, step: bool = False) -> None:
        """Until the gate holds for `reason`; `""`: until it opens."""
        seen: list[str] = []

        async def look() -> None:
            while reason not in seen[-1:]:
                watch = self.watch(step=step)
                try:
                    await watch.until_reason(reason)
                finally:
                    await watch.stop()
                    seen.extend(answer.reason for answer in watch.answers)

        try:
            await asyncio.wait_for(look(), DEADLINE_S)
        except TimeoutError:
            raise AssertionError(
                f"not in time: {reason!r}, but {seen[-4:]}; on the screen:\n{self.screen()}"
            ) from None

    def watch(self, *, now: bool = False, step: bool = False, place: Place | None = None) -> Watch:
        return Watch(self, Inspect(7, place or self.place, now, step))


class Watch:
    """One `inspect` under way."""

    def __init__(self, seat: Seat, effect: Inspect) -> None:
        self.answers: list[Inspected] = []
        self._gate = seat.gate
        seat.gate._emit = self._take
        self._task = asyncio.create_task(seat.gate.inspect(effect, seat.connection))

    def _take(self, answer: Input) -> None:
        assert isinstance(answer, Inspected)
        self.answers.append(answer)

    async def first(self) -> Inspected:
        await until(lambda: self.answers or self._task.done(), what="an answer of the gate")
        if not self.answers:
            self._task.result()
        return self.answers[0]

    async def until_reason(self, reason: str) -> None:
        """Returns when `reason` was answered, or when the gate opened."""
        await until(
            lambda: self._task.done() or (self.answers and self.answers[-1].reason == reason),
            what=lambda: f"{reason!r}, but {self.answers[-3:]}",
        )
        if self._task.done():
            self._task.result()

    async def opens(self) -> list[str]:
        """The reasons until it opened."""
        await asyncio.wait_for(self._task, DEADLINE_S)
        assert self.answers[-1].verdict is Verdict.READY, self.answers
        return [answer.reason for answer in self.answers[:-1]]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(
    condition: Callable[[], object], *, what: str | Callable[[], str], deadline_s: float = DEADLINE_S
) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not in time: {what() if callable(what) else what}")
        await asyncio.sleep(0.005)


@pytest.fixture
def tmux(short_path: Path) -> Iterator[Tmux]:
    server = Tmux(short_path)
    yield server
    server.close()


Sit = Callable[..., "asyncio.Future[Seat]"]


class Seats:
    """Makes sessions; call it with a name, the command, and more of its environment."""

    def __init__(self, tmux: Tmux) -> None:
        self.tmux = tmux
        self.connection: Connection | None = None

    async def __call__(
        self, name: str, *command: str, width: int = 100, env: dict[str, str] | None = None
    ) -> Seat:
        extra = [word for key, value in (env or {}).items() for word in ("-e", f"{key}={value}")]
        if extra and self.tmux.run("-V").split()[-1] < "3.2":
            pytest.skip("this tmux has no new-session -e")
        made = self.tmux.run(
            "new-session", "-d", "-P", "-F", "#{session_id} #{pane_id} #{pane_pid} #{pid} #{start_time}",
            "-s", name, "-x", str(width), "-y", "30", "-c", str(self.tmux.home), *extra, *command,
        )  # fmt: skip
        session, pane, pane_pid, pid, started = made.split()
        if self.connection is None:
            self.connection = await connect(self.tmux.socket, binary=self.tmux.binary)
        server = ServerId(str(self.tmux.socket), int(pid), int(started))
        place, pin = Place(server, session, name), PanePin(server, pane, int(pane_pid))
        return Seat(self.tmux, name, self.connection, Occupants(lambda _: None), place, pin)

    async def shell(self, kind: str, *, width: int = 100, env: dict[str, str] | None = None) -> Seat:
        need(kind)
        seat = await self(kind, *SHELLS[kind], width=width, env=env)
        await seat.becomes("")
        return seat


@pytest.fixture
async def sit(tmux: Tmux) -> AsyncIterator[Seats]:
    seats = Seats(tmux)
    yield seats
    if seats.connection is not None:
        await seats.connection.close()
