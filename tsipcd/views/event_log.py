"""The event log: takes lines on the loop's thread, has them written soon, and shows the last ones.

Every line once, across crashes: the lines of facts that are replayed at start go through `replay`, which
leaves out those that the log has.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from tsipcd.views import tail
from tsipcd.views.flusher import DELAY_S, Flusher
from tsipcd.views.folder import Folder
from tsipcd.views.log_file import FILE, KEEP, MAX_BYTES, LogFile

MAX_WAITING_LINES = 200_000
"""Kept while the log cannot be written; then the oldest are dropped."""

_REPLAY_LINES = 10_000
_logger = logging.getLogger("tsipcd.views")


class EventLog:
    """`events.log` of the journal with the identity `journal`.

    At start: `recover`, then `replay` for each fact of the journal in order, then `append` for new ones once
    they are durable.
    """

    def __init__(
        self,
        folder: Folder,
        *,
        journal: str,
        max_bytes: int = MAX_BYTES,
        keep: int = KEEP,
        delay_s: float = DELAY_S,
    ) -> None:
        self._folder = folder
        self._files = [FILE, *(f"{FILE}.{number}" for number in range(1, keep + 1))]
        self._file = LogFile(folder, journal=journal, max_bytes=max_bytes, keep=keep)
        self._waiting: list[str] = []
        self._dropped = 0
        self._sequence = 0
        """Of the last fact that came."""
        self._flushed = 0
        self._after: int | None = 0
        self._there: Counter[str] = Counter()
        self._flusher = Flusher(FILE, self._write, delay_s=delay_s)

    @property
    def path(self) -> str:
        """Where the log is."""
        return self._file.path

    @property
    def flushed_sequence(self) -> int:
        """The log does not need the facts up to this one any more: the journal may drop them."""
        return self._flushed

    def recover(self) -> None:
        """Find out what the log has. Blocks; once, before everything else. Raises `OSError`."""
        recovered = self._file.recover()
        self._after = recovered.sequence
        self._there = recovered.beyond
        self._sequence = self._flushed = recovered.sequence or 0

    def replay(self, sequence: int, lines: Callable[[], Sequence[str]]) -> None:
        """The lines of a fact that the journal had at start. Blocks when there are many. Raises `OSError`.

        They are made only if the log lacks them: of most facts it has them.
        """
        if self._after is None:
            self._sequence = self._flushed = sequence
            self._file.skip_to(sequence)
            return
        if sequence <= self._after:
            return
        self._sequence = sequence
        for line in lines():
            if self._there[line] > 0:
                self._there[line] -= 1
            else:
                self._waiting.append(line)
        if len(self._waiting) >= _REPLAY_LINES:
            self._file.append(_bytes(self._waiting))
            self._waiting.clear()
            self._file.mark(sequence)
            self._flushed = sequence

    def append(self, sequence: int, lines: Sequence[str]) -> None:
        """The lines of new facts up to `sequence`, which are durable. Written within 250 ms."""
        self._sequence = sequence
        if lines:
            self._waiting.extend(lines)
            self._flusher.due()

    async def flush(self) -> None:
        """Write everything that came; what cannot be written is logged, kept and tried again."""
        await self._flusher.flush()

    async def close(self) -> None:
        """Write everything that came, and stop."""
        await self._flusher.close()
        self._file.close()

    def tail(self, lines: int) -> tuple[list[str], bool]:
        """The last `lines` lines, oldest first; whether an answer cannot hold all of them. Blocks."""
        return tail.tail(self._folder, self._files, lines)

    async def _write(self, budget_s: float) -> bool:
        """Write what waits; whether more does. All of it: a burst is one write."""
        del budget_s
        lines, sequence = self._waiting, self._sequence
        if not lines and sequence == self._flushed:
            return False
        self._waiting = []
        try:
            if lines:
                await asyncio.to_thread(self._file.append, _bytes(lines))
        except OSError:
            self._keep_waiting(lines)
            raise
        # From here on the lines are there, even if their position cannot be written yet.
        await asyncio.to_thread(self._file.mark, sequence)
        self._flushed = sequence
        if self._dropped:
            _logger.warning(
                "%s: %d lines were dropped while it could not be written", self.path, self._dropped
            )
            self._dropped = 0
        return bool(self._waiting)

    def _keep_waiting(self, lines: list[str]) -> None:
        lines.extend(self._waiting)
        excess = max(0, len(lines) - MAX_WAITING_LINES)
        self._dropped += excess
        self._waiting = lines[excess:]


def _bytes(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
