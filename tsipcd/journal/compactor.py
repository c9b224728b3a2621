"""When and how closed segments are folded into a snapshot: in a child process, started and reaped here.

The child works on files that nobody writes any more; if it dies, nothing is lost and it is tried again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence

from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import Layout
from tsipcd.journal.reading import Closed, Reading

log = logging.getLogger("tsipcd.journal")

COMMAND = (sys.executable, "-m", "tsipcd.journal.compact")
DEADLINE_S = 1800.0
RETRY_S = 60.0
WORTH_SEGMENTS = 4


class Compactor:
    """Knows the closed segments. At most one child at a time."""

    def __init__(self, folder: Folder, reading: Reading, segment_bytes: int) -> None:
        self._folder = folder
        self._closed = list(reading.closed)
        self._snapshot_bytes = reading.snapshot_bytes
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self.command: Sequence[str] = COMMAND
        """What is run, with the folder, the last sequence and our process id."""
        self.worth_bytes = WORTH_SEGMENTS * segment_bytes
        """With less than this in closed segments it is not worth it."""

    @property
    def size_bytes(self) -> int:
        """What the snapshot and the closed segments take on disk."""
        return self._snapshot_bytes + sum(closed.size_bytes for closed in self._closed)

    @property
    def is_running(self) -> bool:
        """A child is at work."""
        return self._task is not None and not self._task.done()

    def add(self, closed: Closed) -> None:
        """A segment is full."""
        self._closed.append(closed)

    def start_if_due(self, keep_from: int) -> None:
        """A child is started if what it may fold outweighs the snapshot that it has to write anew."""
        loop = asyncio.get_running_loop()
        if self.is_running or loop.time() < self._not_before:
            return
        ready = [closed for closed in self._closed if closed.last < keep_from]
        if ready and sum(closed.size_bytes for closed in ready) >= max(
            self.worth_bytes, self._snapshot_bytes
        ):
            self._task = loop.create_task(self._compact(ready[-1].last), name="journal-compaction")

    async def wait(self) -> None:
        """The child that runs now, if one does, has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """No child runs."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _compact(self, upto: int) -> None:
        try:
            said = await self._run_child(upto)
            if said is None:
                self._forget(upto)
                return
        except OSError as exc:
            said = str(exc)
        self._not_before = asyncio.get_running_loop().time() + RETRY_S
        log.warning("compaction up to %d failed and is tried again later: %s", upto, said)

    async def _run_child(self, upto: int) -> str | None:
        """What went wrong; None: nothing."""
        child = await asyncio.create_subprocess_exec(
            *self.command,
            self._folder.path,
            str(upto),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                _, errors = await child.communicate()
        except TimeoutError:
            return f"it took more than {DEADLINE_S:.0f} s"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode == 0:
            return None
        lines = errors.decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line), f"status {child.returncode}")

    def _forget(self, upto: int) -> None:
        """What was folded is in the snapshot now."""
        self._closed = [closed for closed in self._closed if closed.last > upto]
        snapshots = Layout.of(self._folder.names()).snapshots
        self._snapshot_bytes = self._folder.size_of(snapshots[-1].name) if snapshots else 0
