"""Real shells in real panes, and steps run in them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tsipc_client.wire.printed import plain_text
from tsipcd.core.effects import AdoptStep, Inspect, StartStep
from tsipcd.core.inputs import Input, Inspected, Outcome, StepEnded, StepPrinted, Typed, Verdict
from tsipcd.core.topology import PanePin, Place, ServerId
from tsipcd.tmux.connection import Connection, connect
from tsipcd.tmux.occupant import Occupants
from tsipcd.tmux.steps import Steps, log_path

DEADLINE_S = 20.0

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


async def until(condition: Callable[[], object], *, what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not in time: {what}")
        await asyncio.sleep(0.005)


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
class Pane:
    """One shell in one pane, and what came of the steps it ran."""

    tmux: Tmux
    shell: str
    connection: Connection
    place: Place
    pin: PanePin
    runs: Path
    events: list[Input] = field(default_factory=list)
    steps: Steps = field(init=False)
    index: int = 0

    def __post_init__(self) -> None:
        self.steps = Steps(self.runs, self.events.append)

    async def at_prompt(self) -> None:
        """Until a step may be typed here."""
        answers: list[Input] = []
        gate = Occupants(answers.append)
        await asyncio.wait_for(
            gate.inspect(Inspect(1, self.place, now=False, step=True), self.connection), DEADLINE_S
        )
        last = answers[-1]
        assert isinstance(last, Inspected)
        assert last.verdict is Verdict.READY

    def start(
        self, command: str, *, outcome: Outcome = Outcome.TYPED, wait: bool = True, **order: Any
    ) -> asyncio.Task[None]:
        """A step under way; `run` waits for its end."""
        self.index += 1
        self.events.clear()
        effect = StartStep(7, self.index, self.pin, 3, self.index, command, self.shell, **order)

        async def type_line(text: str) -> Typed:
            if outcome in (Outcome.TYPED, Outcome.UNKNOWN):
                self.type(text, "Enter")
            return Typed(7, self.index, outcome)

        async def go() -> None:
            if wait:
                await self.at_prompt()
            await self.steps.start(effect, self.connection, type_line)

        return asyncio.create_task(go())

    async def run(self, command: str, **order: Any) -> int | None:
        """The exit code of a step."""
        await asyncio.wait_for(self.start(command, **order), DEADLINE_S)
        return self.end.exit_code

    async def adopt(self) -> int | None:
        """The exit code of the step that was started last, as a new life of the daemon finds it out."""
        self.events.clear()
        self.steps = Steps(self.runs, self.events.append)
        effect = AdoptStep(7, self.pin, 3, self.index)
        await asyncio.wait_for(self.steps.adopt(effect, self.connection), DEADLINE_S)
        return self.end.exit_code

    @property
    def end(self) -> StepEnded:
        ends = [event for event in self.events if isinstance(event, StepEnded)]
        assert len(ends) == 1, self.events
        assert self.events[-1] is ends[0]
        return ends[0]

    @property
    def printed(self) -> list[str]:
        return [event.line for event in self.events if isinstance(event, StepPrinted)]

    @property
    def folder(self) -> Path:
        return self.runs / "run-3" / str(self.index)

    @property
    def raw(self) -> bytes:
        return log_path(self.folder).read_bytes()

    @property
    def log(self) -> str:
        return plain_text(self.raw)

    async def has_printed(self, text: str) -> None:
        await until(lambda: text.encode() in self.raw_so_far(), what=f"{text!r} in {self.raw_so_far()!r}")

    async def has_file(self, name: str) -> None:
        """Until the step has left this file."""
        path = self.folder / name
        await until(path.exists, what=str(path))

    def raw_so_far(self) -> bytes:
        log = log_path(self.folder)
        return log.read_bytes() if log.exists() else b""

    def type(self, text: str, *keys: str) -> None:
        if text:
            codes = [f"{byte:02x}" for byte in text.encode()]
            self.tmux.run("send-keys", "-t", self.pin.pane, "-H", *codes)
        if keys:
            self.tmux.run("send-keys", "-t", self.pin.pane, *keys)

    def is_piped(self) -> bool:
        return self.tmux.run("display-message", "-p", "-t", self.pin.pane, "#{pane_pipe}") == "1"

    def screen(self) -> str:
        return self.tmux.run("capture-pane", "-p", "-J", "-S", "-", "-t", self.pin.pane)


class Panes:
    """Makes panes: `await panes("bash")`."""

    def __init__(self, tmux: Tmux) -> None:
        self.tmux = tmux
        self.connection: Connection | None = None
        self.runs = tmux.home / "runs"

    async def __call__(self, shell: str, *command: str, runs: Path | None = None) -> Pane:
        need(shell)
        made = self.tmux.run(
            "new-session", "-d", "-P", "-F", "#{session_id} #{pane_id} #{pane_pid} #{pid} #{start_time}",
            "-s", shell, "-x", "100", "-y", "30", "-c", str(self.tmux.home), *(command or SHELLS[shell]),
        )  # fmt: skip
        session, pane, pane_pid, pid, started = made.split()
        if self.connection is None:
            self.connection = await connect(self.tmux.socket, binary=self.tmux.binary)
        server = ServerId(str(self.tmux.socket), int(pid), int(started))
        pin = PanePin(server, pane, int(pane_pid))
        found = Pane(self.tmux, shell, self.connection, Place(server, session, shell), pin, runs or self.runs)
        await found.at_prompt()
        return found


@pytest.fixture
def tmux(short_path: Path) -> Iterator[Tmux]:
    server = Tmux(short_path)
    yield server
    server.close()


@pytest.fixture
async def panes(tmux: Tmux) -> AsyncIterator[Panes]:
    made = Panes(tmux)
    yield made
    if made.connection is not None:
        await made.connection.close()
