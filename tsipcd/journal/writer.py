"""The thread that makes payloads durable, in the order in which they came, as many at once as are waiting.

While one batch is being synced the next one gathers; nobody waits artificially. It never drops a batch to
write a later one: if the disk is full it keeps it and tries again. If a sync fails it stops for good, because
the kernel reports such an error once and then forgets what it lost.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple

from tsipcd.journal.errors import Displaced, JournalError, NoRoom, SyncFailed
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import SEGMENT, heading, segment_name
from tsipcd.journal.reading import Closed
from tsipcd.journal.record import FRAME_BYTES, LENGTH_BYTES, encode, seed_of
from tsipcd.journal.reserve import Reserve
from tsipcd.journal.segment import NO_ROOM, Live, begin

log = logging.getLogger("tsipcd.journal")

BATCH_BYTES = 1024 * 1024
"""A batch that is larger makes its first waiter wait for the last."""
RETRY_S = 1.0
"""How often a full disk is tried again."""

Waiter = asyncio.Future[None]


class Entry(NamedTuple):
    """One `append`."""

    payloads: Sequence[bytes]
    waiter: Waiter
    size_bytes: int


class Events(NamedTuple):
    """What the writer tells, from its own thread."""

    synced: Callable[[list[Waiter], int], None]
    """These are durable; so many bytes of payload."""
    changed: Callable[[], None]
    """`is_low` or `is_stalled` may be another."""
    closed: Callable[[Closed], None]
    """A segment is full."""
    ended: Callable[[JournalError | None], None]
    """The thread is done. Whoever still waits is not durable, because of this."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A frame and who waits for it."""

    frame: bytes
    count: int
    waiters: list[Waiter]
    size_bytes: int


class Writer(threading.Thread):
    """Owns the live segment. Give it entries through `put`; end it with `stop`."""

    def __init__(
        self,
        folder: Folder,
        identity: bytes,
        last_sequence: int,
        live: Live | None,
        *,
        reserve: Reserve,
        events: Events,
    ) -> None:
        super().__init__(name="journal-writer", daemon=True)
        self._folder = folder
        self._identity = identity
        self._seed = seed_of(identity)
        self._next = last_sequence + 1
        self._live = live
        self._reserve = reserve
        self._events = events
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._backlog: deque[Entry] = deque()
        self._held: Batch | None = None
        self._stopping = False
        self._retry_at = 0.0
        self.is_stalled = live is None
        """Nothing can be written until the disk has room."""
        self.last_sync_s = 0.0

    @property
    def is_low(self) -> bool:
        """No spare could be made, or nothing can be written at all."""
        return self._reserve.is_missing or self.is_stalled

    @property
    def live_bytes(self) -> int:
        """What the live segment takes on disk."""
        return self._live.size_bytes if self._live else 0

    def put(self, entry: Entry) -> None:
        """It will be written after all before it."""
        self._queue.put(entry)

    def nudge(self) -> None:
        """A full disk is tried again now."""
        self._queue.put(None)

    def stop(self) -> None:
        """What was put so far is written if it can be, then the thread ends."""
        self._stopping = True
        self._queue.put(None)

    def leftovers(self) -> list[Waiter]:
        """Who still waits. Only after the thread said that it ended."""
        waiters = self._held.waiters if self._held else []
        waiters += [entry.waiter for entry in self._backlog]
        while True:
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return waiters
            if entry is not None:
                waiters.append(entry.waiter)

    def run(self) -> None:
        """The thread's life."""
        error: JournalError | None = None
        try:
            self._serve()
            if self.is_stalled:
                self._take_back()
                error = NoRoom(self._folder.path)
        except Displaced as exc:
            error = exc
        except OSError as exc:
            # The disk's word, not a fault in this code: no traceback.
            log.error("the journal stops: %s", exc)  # noqa: TRY400
            error = SyncFailed(self._folder.path, exc.strerror or str(exc))
        except Exception as exc:
            log.exception("the journal stops")
            error = SyncFailed(self._folder.path, repr(exc))
        finally:
            self._reserve.close()
            if self._live is not None:
                os.close(self._live.fd)
            self._events.ended(error)

    def _serve(self) -> None:
        while True:
            self._gather(wait=True)
            while self._is_wanting and self._step():
                self._gather(wait=False)
            if self._stopping:
                return

    @property
    def _is_wanting(self) -> bool:
        return bool(self._held or self._backlog or self._live is None)

    def _gather(self, *, wait: bool) -> None:
        """All that is queued is in the backlog."""
        nudged = False
        queue = self._queue
        with suppress(Empty):
            while wait or not queue.empty():
                entry = queue.get(wait, RETRY_S if self.is_low else None)
                wait = False
                if entry is None:
                    nudged = True
                else:
                    self._backlog.append(entry)
        if self._reserve.is_missing and (nudged or time.monotonic() >= self._retry_at):
            self._retry_at = time.monotonic() + RETRY_S
            self._reserve.refill()

    def _step(self) -> bool:
        """One batch more is durable, or there is a segment again; false if the disk has no room for it."""
        try:
            if self._held is None:
                self._held = self._form()
            if self._held.count and self._live:
                self._live.write(self._held.frame)
        except OSError as exc:
            if exc.errno not in NO_ROOM:
                raise
            self._stall(exc)
            return False
        self._finish(self._held)
        return True

    def _finish(self, batch: Batch) -> None:
        """The batch, written, is synced, and its waiters are told."""
        if batch.count and self._live:
            started = time.perf_counter()
            self._live.sync()
            self._folder.expect_in_place(self._live.fd)
            self.last_sync_s = time.perf_counter() - started
            self._live.offset += len(batch.frame)
            self._next += batch.count
        self._held = None
        if self.is_stalled:
            self.is_stalled = False
            self._events.changed()
        if batch.waiters:
            self._events.synced(batch.waiters, batch.size_bytes)

    def _form(self) -> Batch:
        """A batch of what is there and fits, taken off the backlog. Rolls over if not even one entry fits."""
        backlog = self._backlog
        need = FRAME_BYTES + backlog[0].size_bytes if backlog else 0
        if self._live is None or need > self._live.room_bytes:
            self._live = self._roll(need)
        limit = min(BATCH_BYTES, self._live.room_bytes) - FRAME_BYTES
        payloads: list[bytes] = []
        waiters: list[Waiter] = []
        size = 0
        while backlog and (not waiters or size + backlog[0].size_bytes <= limit):
            entry = backlog.popleft()
            payloads += entry.payloads
            waiters.append(entry.waiter)
            size += entry.size_bytes
        frame = encode(self._seed, self._next, payloads) if payloads else b""
        return Batch(frame, len(payloads), waiters, size)

    def _roll(self, need_bytes: int) -> Live:
        """A fresh segment; the old one is closed."""
        content = heading(SEGMENT, self._identity, self._next)
        blank = self._reserve.take(need_bytes + len(content))
        live = begin(self._folder, blank, segment_name(self._next), self._next, content)
        old = self._live
        if old is not None:
            old.close()
            self._events.closed(Closed(old.first, self._next - 1, old.offset))
        self._reserve.refill()
        return live

    def _stall(self, exc: OSError) -> None:
        if not self.is_stalled:
            log.warning("the journal in %s waits for room on the disk: %s", self._folder.path, exc.strerror)
            self.is_stalled = True
            self._events.changed()

    def _take_back(self) -> None:
        """Nothing of the batch that could not be written is on disk."""
        if self._live is not None:
            self._live.cut()


def size_of(payloads: Sequence[bytes]) -> int:
    """What the payloads take in a frame."""
    return sum(map(len, payloads)) + LENGTH_BYTES * len(payloads)
