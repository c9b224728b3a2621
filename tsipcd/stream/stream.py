"""Those who listen, and the latest events in memory. A listener holds nothing here but its place.

It asks for the events from a number on, gets some, and asks on: nothing is kept for one that stops reading.
Who is behind reads from the archive, in a thread; the others are answered from memory as events come.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused, WireError
from tsipc_client.wire.messages import EventView, Listen
from tsipcd.core import facts as f
from tsipcd.core.inputs import Call
from tsipcd.server.encode import Packed
from tsipcd.stream.archive import ANSWER_BYTES, SCANNED, SCANNED_WITH_EXPRESSION, Archive, Found, view_of
from tsipcd.stream.block import array, packed
from tsipcd.stream.wanted import Wanted, chosen
from tsipcd.views.flusher import DELAY_S, Flusher

KEPT: Final = 10_000
KEPT_BYTES: Final = 4 << 20
"""Events in memory; twice as much before the older half is let go."""

UNWRITTEN: Final = 200_000
"""Events that wait while the archive cannot be written; then the oldest are lost to listeners."""

REST_S: Final = 100e-6
"""Between two rounds, for each listener that the last one answered: a thousand leave time for others."""

ROUND_S: Final = 0.02
"""How long one round looks for what listeners want before others get their turn."""

_logger = logging.getLogger("tsipcd.stream")


@dataclass(frozen=True, slots=True)
class _Wait:
    """What somebody waits for, and from where on."""

    wanted: Wanted
    start: int
    limit: int


class Stream:
    """Gets only durable facts."""

    def __init__(
        self,
        archive: Archive,
        last_sequence: int,
        *,
        answer: Callable[[Call, Packed], None],
        refuse: Callable[[Call, WireError], None],
        delay_s: float = DELAY_S,
    ) -> None:
        """`last_sequence` is that of the last fact that the archive was told of."""
        self._archive = archive
        self._answer = answer
        self._refuse = refuse
        self._loop = asyncio.get_running_loop()
        self._last = last_sequence
        self._written = archive.last
        self._behind = archive.last
        """Events up to this number are not in memory."""
        self._events: list[EventView] = []
        self._bodies: list[bytes] = []
        self._numbers: list[int] = []
        self._bytes = 0
        self._waits: dict[Call, _Wait] = {}
        self._peers: Counter[int] = Counter()
        self._round: asyncio.TimerHandle | None = None
        self._rests_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._flusher = Flusher("stream", self._write, delay_s=delay_s)
        for event in archive.unwritten:
            self._add(event)
        archive.unwritten = []

    @property
    def flushed_sequence(self) -> int:
        """The archive does not need the facts up to this one any more: the journal may drop them."""
        place = bisect_right(self._numbers, self._written)
        return self._last if place == len(self._numbers) else self._numbers[place] - 1

    def record(self, sequence: int, facts: Sequence[f.Fact]) -> None:
        """`facts` are durable; `sequence` is the last one's."""
        has_come = False
        for number, fact in enumerate(facts, sequence - len(facts) + 1):
            if isinstance(fact, f.EventPublished):
                self._add(view_of(number, fact))
                has_come = True
        self._last = sequence
        if has_come:
            self._flusher.due()
            self._wake()

    def listen(self, call: Call, request: Listen) -> None:
        """Answer now or when there is something."""
        wanted = Wanted(request.events, request.where)
        try:
            if self._stopping:
                raise Refused(ErrorCode.STOPPING, "the daemon is stopping", hint="try again")
            wanted.check()
            if request.start is not None and request.start > self._last + 1:
                raise BadInput(
                    ErrorCode.BAD_PARAMS,
                    f"there is no event {request.start:,} yet: the last number is {self._last:,}",
                    hint="is it a number of another state folder? 0 is the oldest event that is kept",
                )
        except WireError as error:
            self._refuse(call, error)
            return
        if request.start is None and request.since is not None:
            self._begin(call, self._find(call, request.since))
        else:
            start = self._last + 1 if request.start is None else request.start
            self._go_on(call, _Wait(wanted, start, request.limit), stays=request.wait)

    def forget_peer(self, peer: int) -> None:
        """A connection ended."""
        if self._peers[peer] > 0:
            for call in [call for call in self._waits if call.peer == peer]:
                del self._waits[call]
        del self._peers[peer]

    def stop(self) -> None:
        """Send those who wait to the next daemon."""
        self._stopping = True
        for call in self._waits:
            self._refuse(call, Refused(ErrorCode.STOPPING, "the daemon is stopping", hint="try again"))
        self._waits.clear()
        self._peers.clear()

    async def close(self) -> None:
        """Write everything that came, and stop."""
        if self._round is not None:
            self._round.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._flusher.close()
        self._archive.close()

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────

    def _go_on(self, call: Call, wait: _Wait, *, stays: bool) -> None:
        if wait.start <= self._behind:
            self._begin(call, self._read(call, wait))
            return
        found = self._in_memory(wait)
        if found.events or not stays or found.next <= self._last:
            self._answer(call, self._packed(found))
        else:
            self._waits[call] = replace(wait, start=found.next)
            self._peers[call.peer] += 1

    def _in_memory(self, wait: _Wait) -> Found:
        """The first events that are wanted, as many as make an answer."""
        begin = bisect_left(self._numbers, wait.start)
        most = SCANNED_WITH_EXPRESSION // 4 if wait.wanted.where else SCANNED
        events = self._events[begin : begin + most]
        places, looked_at = chosen(wait.wanted, events, wait.limit)
        bodies: list[bytes] = []
        size = 0
        for place in places:
            body = self._bodies[begin + place]
            size += len(body)
            if bodies and size > ANSWER_BYTES:
                return Found(len(bodies), b"".join(bodies), events[place].seq)
            bodies.append(body)
        is_all = begin + looked_at == len(self._events)
        after = self._last + 1 if is_all else self._numbers[begin + looked_at]
        return Found(len(bodies), b"".join(bodies), after)

    async def _read(self, call: Call, wait: _Wait) -> None:
        found = await asyncio.to_thread(self._archive.read, wait.start, wait.wanted, wait.limit)
        self._answer(call, self._packed(found))

    async def _find(self, call: Call, since: float) -> None:
        """Answer where the events of this time begin; whoever asked may have gone, and asks on if not."""
        await self._flusher.flush()
        start = await asyncio.to_thread(self._archive.first_since, since)
        self._answer(call, self._packed(Found(0, b"", start)))

    def _packed(self, found: Found) -> Packed:
        return Packed.of(array(found.events, found.body), found.next, self._archive.forgotten)

    def _begin(self, call: Call, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(call, ended))

    def _ended(self, call: Call, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("events could not be read", exc_info=error)
            self._refuse(call, Broken(ErrorCode.INTERNAL, f"events could not be read: {error}"))

    # ── those who wait ────────────────────────────────────────────────────────────────────────────────────

    def _wake(self) -> None:
        if self._round is None and self._waits:
            self._round = self._loop.call_at(max(self._loop.time(), self._rests_until), self._serve)

    def _serve(self) -> None:
        """Answer those for whom there is something. Those who want the same share the work."""
        self._round = None
        deadline = self._loop.time() + ROUND_S
        known: dict[_Wait, Found] = {}
        answers: dict[_Wait, Packed] = {}
        served = 0
        for call, wait in list(self._waits.items()):
            if wait.start > self._last:
                continue
            found = known.get(wait)
            if found is None:
                if self._loop.time() > deadline:
                    break
                found = known[wait] = self._in_memory(wait)
            if found.events or found.next <= self._last:
                if wait not in answers:
                    answers[wait] = self._packed(found)
                del self._waits[call]
                self._peers[call.peer] -= 1
                self._answer(call, answers[wait])
                served += 1
            else:
                self._waits[call] = replace(wait, start=found.next)
        else:
            self._rests_until = self._loop.time() + served * REST_S
            return
        self._wake()

    # ── memory and disk ───────────────────────────────────────────────────────────────────────────────────

    def _add(self, event: EventView) -> None:
        body = packed(event)
        self._events.append(event)
        self._bodies.append(body)
        self._numbers.append(event.seq)
        self._bytes += len(body)
        if len(self._events) > 2 * KEPT or self._bytes > 2 * KEPT_BYTES:
            self._let_go()

    def _let_go(self) -> None:
        """Drop the oldest that are written; all but `UNWRITTEN` of those that cannot be."""
        written = bisect_right(self._numbers, self._written)
        drop, size = 0, self._bytes
        while drop < written and (len(self._events) - drop > KEPT or size > KEPT_BYTES):
            size -= len(self._bodies[drop])
            drop += 1
        if (lost := len(self._events) - drop - UNWRITTEN) > 0:
            _logger.error("%d events that could not be written are lost to those who listen", lost)
            drop += lost
            size = sum(len(body) for body in self._bodies[drop:])
            self._archive.forgotten = self._numbers[drop - 1]
        if drop:
            self._behind = self._numbers[drop - 1]
            self._written = max(self._written, self._behind)
            self._bytes = size
            del self._events[:drop], self._bodies[:drop], self._numbers[:drop]

    async def _write(self, budget_s: float) -> bool:
        """Write what waits; whether more does. All of it: a burst is one write."""
        del budget_s
        begin = bisect_right(self._numbers, self._written)
        events, bodies = self._events[begin:], self._bodies[begin:]
        if events:
            await asyncio.to_thread(self._archive.append, events, bodies)
            self._written = max(self._written, events[-1].seq)
        return bool(self._numbers and self._numbers[-1] > self._written)
