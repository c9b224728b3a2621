"""`queue/msg-N.json`: one file for each message that waits or ended lately. A view: deleting loses nothing.

Bounds: the newest 10,000 that wait and the last 1,000 that ended have files. While more than that wait, the
file `not-all.txt` says so. Files are replaced whole, so a reader never sees half of one, but not synced.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import time
from collections.abc import Iterable
from typing import Any

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import MessageView
from tsipcd.core.delivery import ENDED
from tsipcd.views import document
from tsipcd.views.flusher import DELAY_S, Flusher
from tsipcd.views.folder import Folder
from tsipcd.views.timestamp import iso

KEEP_ENDED = 1_000
KEEP_WAITING = 10_000
NOTE = "not-all.txt"

_FILE = re.compile(r"(msg-[0-9]+)\.json")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_logger = logging.getLogger("tsipcd.views")


def content(message: MessageView) -> bytes:
    """The file of one message."""
    value: dict[str, Any] = {
        "id": message.id,
        "from": message.source,
        "to": message.target,
        "message": message.message,
        "type": message.type.value,
        "timestamp": iso(message.timestamp),
        "status": message.status.value,
    }
    for key in ("reason", "event", "run", "observed"):
        if text := getattr(message, key):
            value[key] = text
    if message.secret:
        value["secret"] = True
    if message.exit_code is not None:
        value["exit_code"] = message.exit_code
    return document.dump(value)


class QueueView:
    """The folder `queue`. Everything but the writing itself happens on the loop's thread."""

    def __init__(
        self,
        folder: Folder,
        *,
        keep_ended: int = KEEP_ENDED,
        keep_waiting: int = KEEP_WAITING,
        delay_s: float = DELAY_S,
    ) -> None:
        self._folder = folder
        self._keep_ended = keep_ended
        self._keep_waiting = keep_waiting
        # Ids in order of coming, as keys. Together they are the files that should exist.
        self._waiting: dict[str, None] = {}
        self._ended: dict[str, None] = {}
        self._oldest_shown = 0
        """Waiting messages with smaller numbers have lost their file to newer ones."""
        self._on_disk: set[str] = set()
        self._dirty: dict[str, MessageView | None] = {}
        """What is to be written; None: removed. Bounded by the files that are and that should be."""
        self._sweep = False
        self._found: set[str] = set()
        """Files of an earlier life, by id: they may be right as they are. The writing thread's own."""
        self._left_out = False
        self._note_written = False
        self._lost = False
        """The folder was deleted, with all that was in it."""
        self._flusher = Flusher("queue/", self._write, delay_s=delay_s)

    @property
    def incomplete(self) -> bool:
        """Whether files are missing that there is room for: time to `rebuild`."""
        return self._lost or (self._left_out and len(self._waiting) <= self._keep_waiting // 2)

    def rebuild(self, messages: Iterable[MessageView], *, complete: bool = True) -> None:
        """Make the folder show `messages`, oldest first, and nothing else of ours.

        Not `complete`: more wait than these, the newest `KEEP_WAITING` of them.
        """
        self._waiting.clear()
        self._ended.clear()
        self._dirty.clear()
        self._oldest_shown = 0
        self._left_out = not complete
        self._lost = False
        self._sweep = True
        for message in messages:
            self._take(message)
        self._flusher.due()

    def update(self, messages: Iterable[MessageView]) -> None:
        """These came or changed; their `message` is whole. Shown within 250 ms, later in a long burst."""
        for message in messages:
            self._take(message)
        if self._dirty:
            self._flusher.due()

    def remove(self, ids: Iterable[str]) -> None:
        """These are not to be shown any more."""
        for id_ in ids:
            self._waiting.pop(id_, None)
            self._ended.pop(id_, None)
            self._drop(id_)
        if self._dirty:
            self._flusher.due()

    async def flush(self) -> None:
        """Show everything now."""
        await self._flusher.flush()

    async def close(self) -> None:
        """Show everything and stop."""
        await self._flusher.close()

    def _take(self, message: MessageView) -> None:
        id_ = message.id
        if message.status in ENDED:
            self._waiting.pop(id_, None)
            self._ended[id_] = None
            if len(self._ended) > self._keep_ended:
                self._evict(self._ended)
        elif id_ not in self._waiting:
            full = len(self._waiting) >= self._keep_waiting
            if full and _number(id_) < self._oldest_shown:
                return
            self._ended.pop(id_, None)
            self._waiting[id_] = None
            if full:
                self._left_out = True
                self._oldest_shown = max(self._oldest_shown, _number(self._evict(self._waiting)) + 1)
        if self._shows(id_):
            self._dirty[id_] = message

    def _shows(self, id_: str) -> bool:
        return id_ in self._waiting or id_ in self._ended

    def _evict(self, shown: dict[str, None]) -> str:
        oldest = next(iter(shown))
        del shown[oldest]
        self._drop(oldest)
        return oldest

    def _drop(self, id_: str) -> None:
        if id_ in self._on_disk:
            self._dirty[id_] = None
        else:
            self._dirty.pop(id_, None)

    async def _write(self, budget_s: float) -> bool:
        """Write what is dirty, for `budget_s` at most; whether more is."""
        if not (self._dirty or self._sweep):
            return False
        batch, self._dirty = self._dirty, {}
        sweep, self._sweep = self._sweep, False
        self._on_disk.update(id_ for id_, message in batch.items() if message is not None)
        try:
            if sweep:
                keep = self._waiting.keys() | self._ended.keys()
                self._on_disk |= await asyncio.to_thread(self._remove_strays, keep)
            gone = await asyncio.to_thread(self._write_batch, batch, time.monotonic() + budget_s)
            self._on_disk -= gone
            await asyncio.to_thread(self._write_note, capped=self._left_out)
        except OSError:
            self._sweep = self._sweep or sweep
            raise
        finally:
            # What came meanwhile is newer, and what is not shown any more is not to come back.
            left = {id_: view for id_, view in batch.items() if view is None or self._shows(id_)}
            self._dirty = left | self._dirty
        return bool(self._dirty)

    def _write_batch(self, batch: dict[str, MessageView | None], deadline: float) -> set[str]:
        """Write and take from `batch` until the deadline; the ids whose files were removed."""
        gone = set()
        if self._folder.follow():
            self._lost = True
        for id_, message in list(batch.items()):
            if time.monotonic() > deadline:
                break
            file = f"{id_}.json"
            try:
                if message is None:
                    self._folder.remove(file)
                    gone.add(id_)
                else:
                    self._put(id_, file, content(message))
            except OSError as exc:
                if exc.errno in _NO_ROOM:
                    raise
                _logger.warning("%s cannot be written: %s", self._folder.path_of(file), exc)
            del batch[id_]
        return gone

    def _put(self, id_: str, file: str, data: bytes) -> None:
        if id_ in self._found:
            self._found.discard(id_)
            if self._same(file, data):
                return
        self._folder.replace(file, data, durable=False)

    def _same(self, file: str, data: bytes) -> bool:
        try:
            return self._folder.read(file, len(data)) == data
        except WireError:  # larger, or planted
            return False

    def _remove_strays(self, keep: set[str]) -> set[str]:
        """Remove the files of messages that are not to be shown; the ids of the others."""
        self._folder.sweep()
        self._note_written = self._folder.signature(NOTE) is not None
        found = set()
        for file in self._folder.names():
            match = _FILE.fullmatch(file)
            if match is None:
                continue
            if match[1] in keep:
                found.add(match[1])
            else:
                self._folder.remove(file)
        self._found = found
        return found

    def _write_note(self, *, capped: bool) -> None:
        if capped == self._note_written:
            return
        if capped:
            text = (
                f"More than {self._keep_waiting} messages wait; only the newest of them have a file here.\n"
                "`ts-ipc queue` counts them all.\n"
            )
            self._folder.replace(NOTE, text.encode(), durable=False)
        else:
            self._folder.remove(NOTE)
        self._note_written = capped


def _number(id_: str) -> int:
    return int(id_.removeprefix("msg-"))
