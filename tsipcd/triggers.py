"""What the workflows' files start by themselves: read at start, and whenever one of them changed.

A file that was good and is broken now keeps the triggers it had: when one comes true, the run is refused with
the file's own error, which says more than silence would.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from tsipc_client.wire.errors import WireError
from tsipcd.core.inputs import TriggersRead
from tsipcd.core.triggers.records import Armed, Listening
from tsipcd.views.folder import Signature
from tsipcd.views.workflows import WorkflowStore
from tsipcd.workflows.definition import EventTrigger, ScheduleTrigger, Trigger

if TYPE_CHECKING:
    from tsipcd.workflows.schedule import Schedule

_logger = logging.getLogger("tsipcd.triggers")


class TriggerFiles:
    """The triggers of all workflows, as their files have them."""

    def __init__(self, store: WorkflowStore, folder: str) -> None:
        """`folder` is where the store has its files."""
        self._store = store
        self._folder = folder
        self._changed_at: tuple[int, int] | None = None
        self._is_stale = True
        self._files: dict[str, tuple[Signature | None, tuple[Trigger, ...]]] = {}
        """By workflow: as which its file was read, and what it starts at."""
        self._schedules: dict[tuple[str, str], Schedule | None] = {}
        """By line and zone; None: no schedule."""
        self._told: TriggersRead | None = None
        self._lock = asyncio.Lock()

    def touched(self) -> None:
        """Something in the folder changed."""
        self._is_stale = True

    @property
    def is_stale(self) -> bool:
        """Whether a file may have come, gone or changed since `news`."""
        return self._is_stale or self._changed_at != self._folder_changed_at()

    async def news(self) -> list[TriggersRead]:
        """What the core should know, if it is not what it was told last."""
        async with self._lock:
            if not self.is_stale:
                return []
            self._is_stale, self._changed_at = False, self._folder_changed_at()
            read = await asyncio.to_thread(self._read)
            if read == self._told or (self._told is None and read == TriggersRead((), ())):
                return []
            self._told = read
            return [read]

    def _folder_changed_at(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._folder)  # noqa: PTH116 - before each publish, at half the cost
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _read(self) -> TriggersRead:
        """Blocks. Files that did not change are not read."""
        known, self._files = self._files, {}
        for name in self._store.names():
            self._files[name] = self._triggers_of(name, known.get(name))
        found = [(name, trigger) for name, (_, triggers) in self._files.items() for trigger in triggers]
        armed = [
            Armed(name, trigger, times)
            for name, trigger in found
            if isinstance(trigger, ScheduleTrigger) and (times := self._schedule(name, trigger)) is not None
        ]
        listening = [Listening(name, trigger) for name, trigger in found if isinstance(trigger, EventTrigger)]
        return TriggersRead(tuple(armed), tuple(listening))

    def _triggers_of(
        self, name: str, known: tuple[Signature | None, tuple[Trigger, ...]] | None
    ) -> tuple[Signature | None, tuple[Trigger, ...]]:
        signature = None
        try:
            signature = self._store.signature(name)
            if known is not None and known[0] == signature:
                return known
            return signature, self._store.read(name).workflow.on
        except (WireError, OSError) as error:
            triggers = known[1] if known is not None else ()
            if triggers:
                _logger.warning("workflow %s starts by itself, and cannot be read: %s", name, error)
            return signature, triggers

    def _schedule(self, name: str, trigger: ScheduleTrigger) -> Schedule | None:
        from tsipcd.workflows.schedule import Schedule, ScheduleError  # noqa: PLC0415 - few need it

        key = (trigger.cron, trigger.timezone)
        if key not in self._schedules:
            try:
                self._schedules[key] = Schedule(*key)
            except ScheduleError as error:
                _logger.warning("workflow %s: %s; %s", name, error.message, error.hint)
                self._schedules[key] = None
        return self._schedules[key]
