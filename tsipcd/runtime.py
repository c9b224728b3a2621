"""The only loop: input -> core -> journal -> effects. Decides nothing and knows no edge by name.

Inputs that come while others are being made durable are decided at once and go with the next write, so a
burst shares its syncs. What was decided leaves in the order it was decided, each after its own facts are on
disk. But while the disk takes its time, or nothing more, those who only look or are declined get their
answers: these promise nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from tsipc_client.wire import messages as m
from tsipcd.alarm import Alarm
from tsipcd.clock import Clock
from tsipcd.core import facts as f
from tsipcd.core.effects import Effect, Fail, Reply
from tsipcd.core.inputs import ClockSet, Input, Ticked
from tsipcd.core.machine import Machine

MAX_BATCH: Final = 512
"""Inputs decided before the loop looks at its sockets again."""

LATE_S: Final = 0.5
"""So long an answer that promises nothing waits for facts that were decided before it."""

_READ: Final = (m.Queued, m.Shown, m.SubscriptionTable, m.SessionList)

_logger = logging.getLogger("tsipcd.runtime")


class Journal(Protocol):
    """What the loop needs of the journal."""

    @property
    def last_sequence(self) -> int:
        """Of the last payload handed over."""

    def append(self, payloads: Sequence[bytes]) -> asyncio.Future[None]:
        """Make them durable together; done when they are, with an exception if they are not."""


class Runtime:
    """Feeds the core, keeps the order of its answers, and wakes it at its deadlines."""

    def __init__(
        self,
        machine: Machine,
        journal: Journal,
        *,
        perform: Callable[[Sequence[Effect]], None],
        record: Callable[[int, Sequence[f.Fact]], None],
        on_failure: Callable[[BaseException, Sequence[Effect]], None],
        on_settled: Callable[[], None],
    ) -> None:
        """`perform` gets effects whose facts are durable; `record` the durable facts and their last sequence.

        `on_failure` gets what cannot be carried out any more because the journal or a decision failed; it is
        called for each turn that was waiting. `on_settled` is called after each batch of decisions.
        """
        self._machine = machine
        self._journal = journal
        self._perform = perform
        self._record = record
        self._on_failure = on_failure
        self._on_settled = on_settled
        self._inputs: deque[Input] = deque()
        self._scheduled = False
        self._pending: deque[tuple[asyncio.Future[None], int, list[f.Fact], list[Effect]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._turned = asyncio.Event()
        self._alarm = Alarm(self._tick)
        self._late: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._clock = Clock()

    def restore(self) -> None:
        """Once, after replay: go on from where an earlier life stopped."""
        self._commit(*self._machine.restore(time.time()))
        self._after_turns()

    def feed(self, event: Input) -> None:
        """Something happened. Decided soon, in order."""
        self._inputs.append(event)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def put(self, event: Input) -> None:
        """The same for one of many; `decide` comes after the last of them."""
        self._inputs.append(event)

    def decide(self) -> None:
        """What was put is decided now, up to `MAX_BATCH`; a turn of the loop later would be felt."""
        if self._inputs and not self._scheduled:
            self._scheduled = True
            self._drain()

    @property
    def is_idle(self) -> bool:
        """Whether everything fed is decided, durable and carried out."""
        return not self._inputs and not self._pending

    async def until_idle(self) -> None:
        """Return when `is_idle` held once, or the journal failed."""
        while not self.is_idle:
            if self._pending:
                await asyncio.wait({self._pending[-1][0]})
            await asyncio.sleep(0)

    def close(self) -> None:
        """Wait for no deadline any more."""
        self._alarm.close()

    async def until_next_turn(self) -> None:
        """Return when something was decided after this call."""
        await self._turned.wait()

    def _drain(self) -> None:
        facts: list[f.Fact] = []
        effects: list[Effect] = []
        try:
            if by_s := self._clock.set_by_s():
                _logger.warning("the clock was set by %+.0f s; what waits keeps the time it had left", by_s)
                self._inputs.appendleft(ClockSet(by_s))
                self._timer_at = None
            now = time.time()
            for _ in range(min(len(self._inputs), MAX_BATCH)):
                event = self._inputs.popleft()
                new_facts, new_effects = self._machine.handle(event, now)
                facts += new_facts
                effects += new_effects
        except Exception as error:
            # The state may hold facts that are not on disk: only a new life, from the journal, is sound.
            _logger.exception("a decision failed")
            self._on_failure(error, effects)
            return
        self._commit(facts, effects)
        if self._inputs:
            self._loop.call_soon(self._drain)
        else:
            self._scheduled = False
        self._after_turns()

    def _commit(self, facts: list[f.Fact], effects: list[Effect]) -> None:
        """Let `effects` out once `facts`, and all facts before them, are durable."""
        if facts:
            future = self._journal.append([f.encode(fact) for fact in facts])
            self._pending.append((future, self._journal.last_sequence, facts, effects))
            if future.done():
                self._loop.call_soon(self.release)
            self._watch_lateness()
        elif self._pending:
            # They were decided on top of facts that are not durable yet.
            self._pending[-1][3].extend(effects)
            self._watch_lateness()
        elif effects:
            self._perform(effects)

    def release(self) -> None:
        """The journal has told what is durable and what is not: let out what waited for that, in order."""
        while self._pending and self._pending[0][0].done():
            future, sequence, facts, effects = self._pending.popleft()
            error = future.exception() if not future.cancelled() else asyncio.CancelledError()
            if error is not None:
                self._on_failure(error, effects)
                continue
            try:
                self._perform(effects)
                self._record(sequence, facts)
            except Exception as failure:
                # What was decided did not happen, and nobody else will see to it in this life.
                _logger.exception("what was decided could not be carried out")
                self._on_failure(failure, effects)

    def _watch_lateness(self) -> None:
        if self._late is None:
            self._late = self._loop.call_later(LATE_S, self._let_out)

    def _let_out(self) -> None:
        """The disk takes its time: whoever was promised nothing does not wait for it."""
        self._late = None
        for _, _, _, effects in self._pending:
            free = [effect for effect in effects if _promises_nothing(effect)]
            effects[:] = [effect for effect in effects if not _promises_nothing(effect)]
            self._perform(free)
        if self._pending:
            self._watch_lateness()

    def _after_turns(self) -> None:
        self._turned.set()
        self._turned.clear()
        deadline = self._machine.next_deadline
        if deadline != self._timer_at:
            self._timer_at = deadline
            self._alarm.set(deadline)
        self._on_settled()

    def _tick(self) -> None:
        self._timer_at = None
        self.feed(Ticked())


def _promises_nothing(effect: Effect) -> bool:
    return isinstance(effect, Fail) or (isinstance(effect, Reply) and isinstance(effect.result, _READ))
