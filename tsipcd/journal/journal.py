"""The journal as the event loop sees it: append, and be told when it is durable.

Only the loop's thread may call it. It does no I/O itself once it is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable, Sequence

from tsipcd.journal.compactor import Compactor
from tsipcd.journal.errors import JournalError, NoRoom, SyncFailed
from tsipcd.journal.recovery import Recovered
from tsipcd.journal.reserve import Reserve
from tsipcd.journal.segment import SEGMENT_BYTES
from tsipcd.journal.takeover import first_segment
from tsipcd.journal.writer import Entry, Events, Waiter, Writer, size_of

log = logging.getLogger("tsipcd.journal")

CLOSE_DEADLINE_S = 3.0
"""A disk that does not answer must not keep the daemon from ending."""


class Journal:
    """An open journal. Get one from `Journal.open`; end it with `close`."""

    def __init__(
        self,
        recovered: Recovered,
        on_low: Callable[[bool], None],
        on_told: Callable[[], None],
        segment_bytes: int,
    ) -> None:
        reading, self._folder = recovered.reading, recovered.folder
        self.identity = recovered.identity.hex()
        """Eight hex digits, random, of this journal for good."""
        self.last_sequence = recovered.last_sequence
        """Of the last payload that was appended, durable or not yet."""
        self.pending_bytes = 0
        """Appended and not yet durable."""
        self._loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[SyncFailed] = self._loop.create_future()
        """Done when the disk failed: nothing more can become durable; the daemon must end."""
        self._on_low = on_low
        self._on_told = on_told
        self._was_low = False
        self._error: JournalError | None = None
        self._ended = asyncio.Event()
        self._closing = False
        self.compactor = Compactor(self._folder, reading, segment_bytes)
        self._reserve = Reserve(self._folder, segment_bytes, lambda: self._tell(self._changed))
        self._writer = Writer(
            self._folder,
            recovered.identity,
            self.last_sequence,
            first_segment(recovered, self._reserve),
            reserve=self._reserve,
            events=Events(
                synced=lambda waiters, size: self._tell(self._synced, waiters, size),
                changed=lambda: self._tell(self._changed),
                closed=lambda closed: self._tell(self.compactor.add, closed),
                ended=lambda error: self._tell(self._end, error),
            ),
        )

    @classmethod
    def open(
        cls,
        recovered: Recovered,
        *,
        on_low: Callable[[bool], None] = lambda _low: None,
        on_told: Callable[[], None] = lambda: None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Journal:
        """The journal, ready for appends; its folder is its own from now on.

        Blocks for some 20 ms: the last segment is written anew, because it cannot be known whether an earlier
        life saw its last sync. `on_low` is called soon after if the disk is nearly full, and at each change;
        `on_told` each time after waiters were told, in the same turn of the loop.
        Raises `SyncFailed` if the disk fails.
        """
        journal = cls(recovered, on_low, on_told, segment_bytes)
        journal.start()
        return journal

    def start(self) -> None:
        """The spare is made and the thread runs. Once, by `open`."""
        self._reserve.refill_now()
        self._loop.call_soon(self._changed)
        try:
            self._writer.start()
        except RuntimeError as exc:
            raise OSError(errno.EAGAIN, "no thread can be started") from exc

    def append(self, payloads: Sequence[bytes]) -> Waiter:
        """Done when all `payloads` are durable; after a crash all of them are there, or none.

        In order: when it is done, all earlier ones are. Without payloads it only waits for those. It waits
        while the disk is full, and raises `SyncFailed` if the disk fails, `NoRoom` if the journal was closed
        while the disk was full.
        """
        if self._closing:
            raise RuntimeError("append to a journal that was closed")
        waiter: Waiter = self._loop.create_future()
        if self._error is not None:
            waiter.set_exception(self._error)
            return waiter
        size = size_of(payloads)
        self.pending_bytes += size
        self.last_sequence += len(payloads)
        self._writer.put(Entry(payloads, waiter, size))
        return waiter

    @property
    def is_low(self) -> bool:
        """The disk is too full for new work; what is left is for the outcomes of accepted work."""
        return self._writer.is_low

    @property
    def is_stalled(self) -> bool:
        """Nothing becomes durable until the disk has room."""
        return self._writer.is_stalled

    @property
    def last_sync_s(self) -> float:
        """How long the last sync took."""
        return self._writer.last_sync_s

    @property
    def size_bytes(self) -> int:
        """What the journal takes on disk, about."""
        return self.compactor.size_bytes + self._writer.live_bytes + self._reserve.size_bytes

    def retry_reserve(self) -> None:
        """A full disk is tried again now. It is anyway, every second."""
        self._writer.nudge()

    def maybe_compact(self, keep_from: int) -> None:
        """Fold closed segments into a snapshot, in a child process, if it is worth it and none is at it.

        `keep_from`: the first sequence that a view has not written yet; from there on nothing is folded.
        """
        self.compactor.start_if_due(keep_from)

    async def close(self) -> None:
        """What was appended is durable, or its waiters know; the compaction's child is ended."""
        if not self._closing:
            self._closing = True
            self._writer.stop()
        await self.compactor.close()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._ended.wait()
        except TimeoutError:
            # The traceback would say nothing more.
            log.error("the disk under %s does not answer; ending", self._folder.path)  # noqa: TRY400
            self._end(SyncFailed(self._folder.path, "it does not answer"))
        else:
            self._folder.close()

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(what, *arguments)

    def _synced(self, waiters: list[Waiter], size: int) -> None:
        self.pending_bytes -= size
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._on_told()

    def _changed(self) -> None:
        low = self._writer.is_low
        if low != self._was_low:
            self._was_low = low
            self._on_low(low)

    def _end(self, error: JournalError | None) -> None:
        self._error = error
        for waiter in self._writer.leftovers():
            if not waiter.done():
                waiter.set_exception(error or NoRoom(self._folder.path))
        self.pending_bytes = 0
        if isinstance(error, SyncFailed) and not self.failed.done():
            self.failed.set_result(error)
        self._ended.set()
        self._on_told()
