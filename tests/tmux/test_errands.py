"""Effects as tasks: what happens to them when connections break, servers exit and parts fail."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import pytest

from tsipcd.core.effects import AdoptStep, Forget, Inspect, StartStep, StopStep
from tsipcd.core.inputs import Input, Inspected, Outcome, ServerGone, StepEnded, Typed, Verdict
from tsipcd.core.topology import PanePin, Place
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.errands import DEFECT, Errands
from tsipcd.tmux.keys import TypeLine
from tsipcd.tmux.server import Server

if TYPE_CHECKING:
    from tests.tmux.conftest import TmuxServer

pytestmark = pytest.mark.tmux

T = TypeVar("T")


@dataclass
class Gate:
    """Stands for the occupant gate: it never finds anybody ready, and uses its connection."""

    begun: int = 0
    forgotten: list[int] = field(default_factory=list)
    typed_into: list[PanePin] = field(default_factory=list)
    fails: bool = False

    async def inspect(self, effect: Inspect, connection: Connection) -> None:
        assert effect.number == 1
        self.begun += 1
        if self.fails:
            raise ZeroDivisionError
        while True:
            await connection.run("display-message -p look")
            await asyncio.sleep(0.01)

    def forget(self, number: int) -> None:
        self.forgotten.append(number)

    def typed(self, pin: PanePin) -> None:
        self.typed_into.append(pin)


@dataclass
class Runner:
    """Stands for the steps: types one line, then uses its connection until it breaks."""

    emit: Callable[[Input], None]
    line: str = "echo step"
    adopted: int = 0
    stopped: list[int] = field(default_factory=list)

    async def start(self, effect: StartStep, connection: Connection, type_line: TypeLine) -> None:
        if self.line:
            self.emit(await type_line(self.line))
        await self._follow(effect.number, connection)

    async def adopt(self, effect: AdoptStep, connection: Connection) -> None:
        self.adopted += 1
        await self._follow(effect.number, connection)

    def stop(self, effect: StopStep) -> None:
        self.stopped.append(effect.number)

    async def _follow(self, number: int, connection: Connection) -> None:
        assert number == 1
        while True:
            await connection.run("display-message -p look")
            await asyncio.sleep(0.01)


class Bench:
    """Errands on one real server, with stand-ins for the gate and the steps."""

    def __init__(self, tmux: TmuxServer) -> None:
        self.told: list[Input] = []
        self.gate = Gate()
        self.runner = Runner(self.told.append)
        self.tmux = tmux
        self.server = Server(
            tmux.socket,
            binary=tmux.binary,
            folder=tmux.home,
            emit=self.told.append,
            is_double=lambda _server, _life: False,
            slots=asyncio.Semaphore(2),
        )
        self.server.hold(wanted=True)
        self.pin = tmux.pin("%0")
        self.errands = Errands(
            identity="abcdef01",
            folder=tmux.home,
            server_at=lambda _: self.server,
            occupants=self.gate,
            steps=self.runner,
            emit=self.told.append,
        )

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.told if isinstance(event, kind)]

    def inspect(self) -> None:
        place = Place(self.pin.server, "$0", "work")
        self.errands.carry_out(Inspect(1, place, now=False, step=False))

    def start(self) -> None:
        self.errands.carry_out(StartStep(1, 5, self.pin, 1, 1, "echo step", "bash"))

    def kill_client(self) -> None:
        os.kill(int(self.tmux.run("list-clients", "-F", "#{client_pid}")), signal.SIGKILL)


@pytest.fixture
async def bench(tmux_server: TmuxServer) -> AsyncIterator[Bench]:
    made = Bench(tmux_server)
    yield made
    made.server.hold(wanted=False)
    await made.errands.close()
    await made.server.leave()


async def test_an_inspection_goes_on_after_a_break(bench: Bench) -> None:
    """With a new connection, after telling once that it waits."""
    bench.inspect()
    await bench.tmux.until(lambda: bench.gate.begun == 1)
    bench.kill_client()
    await bench.tmux.until(lambda: bench.gate.begun == 2)
    assert [event.verdict for event in bench.all(Inspected)] == [Verdict.WAIT]


async def test_an_inspection_ends_with_the_server(bench: Bench) -> None:
    """`gone` is told after the server's exit was."""
    bench.inspect()
    await bench.tmux.until(lambda: bench.gate.begun == 1)
    bench.tmux.kill()
    await bench.tmux.until(lambda: [e.verdict for e in bench.all(Inspected)][-1:] == [Verdict.GONE])
    assert bench.all(ServerGone)
    assert bench.told.index(bench.all(ServerGone)[0]) < len(bench.told) - 1


async def test_a_forgotten_inspection_stops(bench: Bench) -> None:
    """Its task is gone, and so is its entry."""
    bench.inspect()
    await bench.tmux.until(lambda: bench.gate.begun == 1)
    bench.errands.carry_out(Forget(1))
    await bench.tmux.until(lambda: not bench.errands._tasks)
    assert bench.gate.forgotten == [1]
    assert bench.errands._inspections == {}
    bench.errands.carry_out(Forget(2))


async def test_a_step_is_stopped_at_once(bench: Bench) -> None:
    """It needs no connection, and no task of its own."""
    bench.errands.carry_out(StopStep(1, 0.0))
    assert bench.runner.stopped == [1]
    assert not bench.errands._tasks


async def test_a_defect_is_logged_and_answered(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The core gets an answer to every effect, even if a part fails in a way nobody thought of."""
    bench.gate.fails = True
    bench.inspect()
    await bench.tmux.until(lambda: bench.all(Inspected))
    assert bench.all(Inspected) == [Inspected(1, Verdict.WAIT, DEFECT)]
    assert "ZeroDivisionError" in caplog.text


async def test_a_step_is_adopted_after_a_break(bench: Bench) -> None:
    """Its line was typed: it is followed further, and not typed again."""
    bench.start()
    await bench.tmux.until(lambda: bench.all(Typed))
    assert bench.all(Typed) == [Typed(1, 5, Outcome.TYPED)]
    for count in (1, 2):
        bench.kill_client()
        await bench.tmux.until(lambda count=count: bench.runner.adopted == count)  # type: ignore[misc]
        await bench.tmux.until(lambda: bench.server.is_current)
    assert len(bench.all(Typed)) == 1


async def test_a_step_ends_with_its_server(bench: Bench) -> None:
    """There is no status any more: it ended without one."""
    bench.start()
    await bench.tmux.until(lambda: bench.all(Typed))
    bench.tmux.kill()
    await bench.tmux.until(lambda: bench.all(StepEnded))
    assert [(e.number, e.exit_code) for e in bench.all(StepEnded)] == [(1, None)]


async def test_a_step_that_was_not_typed_is_unknown_after_a_break(bench: Bench) -> None:
    """The connection broke before its line was typed: the core hands it in again."""
    bench.runner.line = ""
    bench.start()
    await bench.tmux.until(lambda: bench.server.is_current)
    bench.kill_client()
    await bench.tmux.until(lambda: bench.all(Typed))
    assert bench.all(Typed)[0].outcome is Outcome.UNKNOWN


async def test_a_step_of_another_life_is_gone(bench: Bench) -> None:
    """Neither started nor adopted: its pane is not there."""
    other = PanePin(bench.pin.server.__class__(bench.pin.server.socket, 1, 1), "%0", 1)
    bench.errands.carry_out(StartStep(1, 5, other, 1, 1, "echo step", "bash"))
    bench.errands.carry_out(AdoptStep(2, other, 1, 2))
    await bench.tmux.until(lambda: bench.all(Typed) and bench.all(StepEnded))
    assert bench.all(Typed)[0].outcome is Outcome.GONE
    assert bench.all(StepEnded)[0].exit_code is None
