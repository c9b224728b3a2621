"""Nothing leaves before its facts are durable, and everything leaves in the order it was decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.talk import SERVER, session
from tsipc_client.wire import messages as m
from tsipcd import runtime
from tsipcd.core import inputs as i
from tsipcd.core.effects import Effect
from tsipcd.core.machine import Machine
from tsipcd.core.state import State
from tsipcd.runtime import Runtime


class Disk:
    """A journal whose syncs end when the test says so."""

    def __init__(self) -> None:
        self.last_sequence = 0
        self.waiting: list[asyncio.Future[None]] = []

    def append(self, payloads: Sequence[bytes]) -> asyncio.Future[None]:
        self.last_sequence += len(payloads)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


class Scene:
    """A runtime on a disk of our own, and all that came out of it."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.effects: list[Effect] = []
        self.recorded: list[tuple[int, int]] = []
        self.failed: list[Effect] = []
        self.carried_out = asyncio.Event()
        self.ended_with: list[str] = []
        self.machine = Machine(State())
        self.runtime = Runtime(
            self.machine,
            self.disk,
            perform=self.perform,
            record=lambda sequence, facts: self.recorded.append((sequence, len(facts))),
            on_failure=self.fail,
            on_settled=lambda: None,
        )

    def perform(self, effects: Sequence[Effect]) -> None:
        self.effects.extend(effects)
        if effects:
            self.carried_out.set()

    def fail(self, error: BaseException, effects: Sequence[Effect]) -> None:
        self.ended_with.append(type(error).__name__)
        self.failed.extend(effects)

    async def feed(self, *events: i.Input) -> None:
        for event in events:
            self.runtime.feed(event)
        await asyncio.sleep(0)

    async def sync(self, error: Exception | None = None) -> None:
        waiter = self.disk.waiting.pop(0)
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
        self.runtime.release()
        await asyncio.sleep(0)

    def names(self) -> list[str]:
        return [type(effect).__name__ for effect in self.effects]


def ask(number: int, request: m.Request) -> i.Asked:
    return i.Asked(i.Call(1, number), i.Caller(), request)


SEE = i.ServerSeen(SERVER, (session("a", 1),))
SEND = m.Send(source="x", target="a", message="ls")


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_reply_waits_for_its_facts(scene: Scene) -> None:
    """Before the sync returned, nothing is said and nothing is asked of tmux."""
    await scene.feed(SEE, ask(1, SEND))
    assert scene.effects == []
    await scene.sync()
    assert scene.names() == ["Reply", "Inspect"]
    assert scene.recorded == [(2, 2)]


async def test_a_burst_shares_a_sync_and_the_next_goes_on_meanwhile(scene: Scene) -> None:
    """Inputs fed together are one append; later ones are decided before the first is durable."""
    await scene.feed(SEE, *(ask(n, SEND) for n in range(5)))
    await scene.feed(ask(9, SEND))
    assert len(scene.disk.waiting) == 2
    assert scene.machine.state.last_message == 6


async def test_order_is_kept_when_syncs_end_out_of_order(scene: Scene) -> None:
    """What was decided later never leaves earlier."""
    await scene.feed(SEE, ask(1, SEND))
    await scene.feed(ask(2, SEND))
    scene.disk.waiting.pop(1).set_result(None)
    await asyncio.sleep(0)
    assert scene.effects == []
    await scene.sync()
    assert [x.call.id for x in scene.effects if hasattr(x, "call")] == [1, 2]


async def test_an_answer_that_saw_undurable_facts_waits_for_them(scene: Scene) -> None:
    """A listing decided on top of a message that is not durable yet is not shown before it is."""
    await scene.feed(SEE, ask(1, SEND))
    await scene.feed(ask(2, m.Queue()))
    assert scene.effects == []
    await scene.sync()
    assert scene.names() == ["Reply", "Inspect", "Reply"]


async def test_an_answer_that_promises_nothing_does_not_wait_for_a_disk_that_hangs(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing leaves when it has waited long enough; what was promised still waits for its facts."""
    monkeypatch.setattr(runtime, "LATE_S", 0.0)
    await scene.feed(SEE, ask(1, SEND), ask(2, m.Queue()))
    await asyncio.wait_for(scene.carried_out.wait(), 30)
    assert [(type(x).__name__, x.call.id) for x in scene.effects if hasattr(x, "call")] == [("Reply", 2)]
    await scene.sync()
    assert scene.names() == ["Reply", "Reply", "Inspect"]


async def test_an_answer_without_facts_leaves_at_once(scene: Scene) -> None:
    """With nothing on its way to the disk there is nothing to wait for."""
    await scene.feed(ask(1, m.Queue()))
    assert scene.names() == ["Reply"]


async def test_a_failed_sync_carries_nothing_out(scene: Scene) -> None:
    """What was waiting is handed back, so that every caller is told that the outcome is unknown."""
    await scene.feed(SEE, ask(1, SEND))
    await scene.sync(OSError("disk"))
    assert scene.effects == []
    assert [type(x).__name__ for x in scene.failed] == ["Reply", "Inspect"]


async def test_a_failed_decision_ends_this_life(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its facts may be applied and not on disk: nothing more is written or said on top of them."""
    await scene.feed(SEE)
    await scene.sync()

    def fail(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(scene.machine, "handle", fail)
    await scene.feed(ask(1, SEND))
    await scene.feed(ask(2, m.Queue()))
    assert scene.ended_with == ["ValueError"]
    assert scene.disk.waiting == []
    assert scene.effects == []
