"""Commands are typed exactly once, in order, and nowhere else, whatever is killed while they are typed.

The daemon is killed again and again while commands are on their way to the shells of two tmux servers; at
times its tmux client is killed too, or a server stands still. What was not acknowledged is sent again, with
its key.
Oracle: each pane ran what was sent to it once and in order, nobody else got a key, and nothing is in doubt.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.effort import chance, parts
from tests.faults.stage import WITHIN_S, Line, Seat, Server, Stage, other_releases, shells, signal_all
from tests.faults.stage import mark as leaves
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd.tmux import keys

pytestmark = pytest.mark.tmux

EACH = 50
"""Commands of one test."""
A_LIFE = 10
"""Commands sent during one life of the daemon."""
CONTROL_LIVES = 60
"""Lives within which the negative control must have failed: one in three does."""


@dataclass
class Order:
    """One request that is to be acknowledged once, however often it has to be sent."""

    method: str
    params: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)


class Loop:
    """Feeds a daemon that is killed all the time, and keeps account of what its panes should have run."""

    def __init__(self, stage: Stage, seats: list[Seat], random: Random, tally: Tally) -> None:
        self.stage = stage
        self.seats = seats
        self.random = random
        self.tally = tally
        self.sent: dict[str, list[str]] = {seat.name: [] for seat in seats}
        """By session: the marks of its commands, in order."""
        self.steps: dict[str, list[str]] = {seat.name: [] for seat in seats}
        """By session: the marks of steps, whose place among the commands is free."""
        self.orders: list[Order] = []
        self._open: list[Order] = []
        self._count = 0

    def command(self) -> Order:
        """One more command for a pane, short or long enough to be pasted."""
        seat = self.random.choice(self.seats)
        mark = f"c{self._count}"
        self.sent[seat.name].append(mark)
        text = leaves(mark) + self.random.choice(("", f"; true {'x' * self.random.randrange(300)}"))
        return self._order("send", source="tester", target=seat.name, message=text)

    def run(self) -> Order:
        """One run of a new workflow, a step in each of two panes."""
        steps: list[dict[str, str]] = []
        for seat in self.random.sample(self.seats, 2):
            mark = f"s{self._count}-{len(steps)}"
            self.steps[seat.name].append(mark)
            steps.append({"session": seat.name, "command": leaves(mark)})
        name = f"w{self._count}"
        self.stage.daemon.call("workflow", name=name, steps=steps)
        return self._order("run", name=name, follow=False)

    def _order(self, method: str, **params: Any) -> Order:
        self._count += 1
        return Order(method, {**params, "key": f"key-{self._count}"})

    def live(self, commands: int) -> None:
        """One life of the daemon: commands come, and it is killed in the middle of them."""
        orders = [self.command() for _ in range(commands)]
        if self.random.random() < 0.5:
            orders.append(self.run())
        self.orders += orders
        self._open += orders
        life_s = self.random.uniform(0.1, 0.4)
        handed, half = self._open[:], len(self._open) // 2
        with Line(self.stage.daemon.socket_path) as line:
            for order in handed[:half]:
                line.ask(order.method, order.params)
            time.sleep(life_s)
            for order in handed[half:]:
                line.ask(order.method, order.params)
            self._hurt()
            # The kill is to come while they are typed: some milliseconds after they came.
            time.sleep(self.random.uniform(0.0, 0.03))
            self.stage.daemon.kill()
            self.tally.add("SIGKILLs while typing")
            while answer := line.answer():
                assert "result" in answer, answer
                handed[answer["id"] - 1].answer = answer["result"]
        self._open = [order for order in self._open if not order.answer]
        self.stage.daemon.start()

    def _hurt(self) -> None:
        """Now and then something happens to a tmux server, too."""
        server = self.random.choice(sorted({seat.server.name for seat in self.seats}))
        tmux = self.stage.server(server)
        dice = self.random.random()
        if dice < 0.2:
            signal_all(tmux.control_clients(), signal.SIGKILL)
            self.tally.add("tmux clients killed")
        elif dice < 0.4:
            self._pause(tmux)

    def _pause(self, tmux: Server) -> None:
        """It stands still while the daemon dies, starts and takes up its work again."""
        daemon = self.stage.daemon
        with tmux.stopped():
            time.sleep(self.random.uniform(0.0, 0.03))
            daemon.kill()
            daemon.start()
            time.sleep(self.random.uniform(0.0, 0.3))
        self.tally.add("tmux servers stopped and continued")

    def finish(self) -> list[str]:
        """Let everything be acknowledged and come to its end; the statuses of all messages."""
        with Line(self.stage.daemon.socket_path) as line:
            for order in self._open:
                order.answer = line.result(order.method, **order.params)
        self.stage.settle(list(self.stage.messages()))
        self._end()
        messages = self.stage.messages()
        for order in self.orders:
            assert order.method != "send" or order.answer["id"] in messages, "an acknowledged message is lost"
        for seat in self.seats:
            seat.fence()
        return [message["status"] for message in messages.values()]

    def _end(self) -> None:
        status = self.stage.daemon.call("status")

        def has_ended() -> bool:
            nonlocal status
            status = self.stage.daemon.call("status")
            return not status["waiting"]

        try:
            until(has_ended, what="all is done", within_s=WITHIN_S)
        except AssertionError:
            late = self.stage.daemon.call("queue", limit=1000)
            raise AssertionError(f"not all is done: {status}; {late}; {self.stage.report()}") from None

    @property
    def doubled(self) -> list[str]:
        """Marks that were left twice."""
        return [mark for seat in self.seats for mark in set(seat.marked) if seat.marked.count(mark) > 1]

    @property
    def lost(self) -> list[str]:
        """Marks that were not left."""
        expected = {mark for marks in (self.sent, self.steps) for all_of in marks.values() for mark in all_of}
        return sorted(expected.difference(*(seat.marked for seat in self.seats)))

    @property
    def swapped(self) -> list[str]:
        """Sessions whose commands ran in another order, or that ran what was for others."""
        found = []
        for seat in self.seats:
            steps = set(self.steps[seat.name])
            ran = list(dict.fromkeys(mark for mark in seat.marked if mark not in steps))
            if ran != [mark for mark in self.sent[seat.name] if mark in ran]:
                found.append(seat.name)
        return found


def scene(stage: Stage, kinds: list[str]) -> list[Seat]:
    """A session for each of these shells, on two servers in turn, and a witness on both."""
    seats = [stage.seat("ab"[index % 2], f"{kind}-{index}", kind) for index, kind in enumerate(kinds)]
    for server in "ab":
        stage.witness(server)
    return seats


def drive(stage: Stage, random: Random, tally: Tally, commands: int) -> None:
    """The whole loop with its oracle."""
    seats = scene(stage, [*shells(), "bash"])
    stage.daemon.start()
    loop = Loop(stage, seats, random, tally)
    pids = [stage.server(name).pid for name in "ab"]
    for done in range(0, commands, A_LIFE):
        loop.live(min(A_LIFE, commands - done))
    statuses = loop.finish()
    assert [stage.server(name).pid for name in "ab"] == pids
    tally.add("guarded deliveries", statuses.count("delivered"))
    tally.add("guarded steps", statuses.count("done"))
    tally.add("keystrokes doubled", len(loop.doubled))
    tally.add("commands lost", len(loop.lost))
    tally.add("commands out of order", len(loop.swapped))
    tally.add("keys in another pane", len(stage.witnessed()))
    tally.add("in doubt without cause", statuses.count("in-doubt"))
    assert (loop.doubled, loop.lost, loop.swapped, stage.witnessed()) == ([], [], [], b"")
    assert set(statuses) <= {"delivered", "done"}


@pytest.mark.parametrize(("piece", "commands"), list(enumerate(parts(60, 2000, each=EACH))))
def test_nothing_is_typed_twice_or_lost(
    new_stage: Callable[..., Stage], tally: Tally, piece: int, commands: int
) -> None:
    """Every shell runs every command exactly once, in order, while the daemon is killed over and over."""
    drive(new_stage(), chance("typing", piece), tally, commands)


@pytest.mark.parametrize("binary", other_releases(), ids=lambda path: Path(path).parent.name)
@pytest.mark.parametrize(("piece", "commands"), list(enumerate(parts(20, 100, each=EACH))))
def test_other_releases_of_tmux(
    new_stage: Callable[..., Stage], tally: Tally, binary: str, piece: int, commands: int
) -> None:
    """The same with other releases of tmux."""
    drive(new_stage(binary=binary), chance("typing", binary, piece), tally, commands)


def without_marker() -> None:
    """The guarded list does not ask the pane's marker whether this attempt was typed before."""
    submit: Callable[..., Any] = keys._submit

    async def unmarked(connection: Any, attempt: Any, _marker: str, typed: Any, after: str) -> Any:
        return await submit(connection, attempt, "1", typed, after)

    vars(keys)["_submit"] = unmarked


def test_without_the_marker_commands_are_typed_twice(new_stage: Callable[..., Stage], tally: Tally) -> None:
    """Negative control: the same loop finds duplicates when the guard does not look at the marker."""
    stage = new_stage(weakened=f"{__name__}:{without_marker.__name__}")
    seats = scene(stage, ["bash"] * 4)
    stage.daemon.start()
    loop = Loop(stage, seats, chance("control"), Tally("ignored"))
    lives = 0
    while not loop.doubled:
        lives += 1
        assert lives < CONTROL_LIVES, "the oracle sees no duplicates"
        loop.live(4 * A_LIFE)
    tally.add("negative controls that failed as they must")
