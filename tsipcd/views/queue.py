"""`queue/msg-N.json`: one file for each message that waits or ended lately. A view: deleting loses nothing.

Bounds: the newest 10,000 that wait and the last 1,000 that ended have files. While more than that wait, the
file `not-all.txt` says so. Files are replaced whole, so a reader never sees half of one, but not synced.

A change costs the hot path the noting of a number. What is to be shown of the message is asked for when files
are written, so whatever came and went between two writes has no file at all.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import MessageView
from tsipcd.views import document
from tsipcd.views.flusher import DELAY_S, Flusher
from tsipcd.views.folder import Folder
from tsipcd.views.timestamp import iso

KEEP_ENDED = 1_000
KEEP_WAITING = 10_000
NOTE = "not-all.txt"

CHUNK: Final = 100
"""Files that are written before the loop's thread is asked for more."""

_FILE = re.compile(r"msg-([0-9]+)\.json")
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


class Source(Protocol):
    """What the folder shows. On the loop's thread."""

    def listed(self, waiting: int, ended: int) -> tuple[set[int], bool]:
        """The newest `waiting` messages that wait and the last `ended` that ended; whether no more wait."""

    def view(self, number: int) -> MessageView | None:
        """A message as it is now, its text whole; None: there is no such message any more."""

    async def settled(self) -> bool:
        """Return when all that was shown until now is durable; false if that takes too long."""


class QueueView:
    """The folder `queue`. Everything but the writing itself happens on the loop's thread."""

    def __init__(
        self,
        folder: Folder,
        source: Source,
        *,
        keep_ended: int = KEEP_ENDED,
        keep_waiting: int = KEEP_WAITING,
        delay_s: float = DELAY_S,
    ) -> None:
        self._folder = folder
        self._source = source
        self._keep_ended = keep_ended
        self._keep_waiting = keep_waiting
        self._changed: set[int] = set()
        self._on_disk: set[int] = set()
        """Messages that may have a file."""
        self._inherited: set[int] | None = None
        """Files of an earlier life that may be right as they are; None: nobody has looked for them yet."""
        self._note_written = False
        self._flusher = Flusher("queue/", self._write, delay_s=delay_s)

    def start(self) -> None:
        """Put right what an earlier life left, soon."""
        self._flusher.due()

    def changed(self, numbers: Sequence[int]) -> None:
        """These messages came or changed. Shown within 250 ms, later in a long burst."""
        if numbers:
            self._changed.update(numbers)
            self._flusher.due()

    async def flush(self) -> None:
        """Show everything now."""
        await self._flusher.flush()

    async def close(self) -> None:
        """Show everything and stop."""
        await self._flusher.close()

    async def _write(self, budget_s: float) -> bool:
        """Write what is not as it should be, for `budget_s` at most; whether more is not."""
        deadline = time.monotonic() + budget_s
        is_first = self._inherited is None
        await asyncio.to_thread(self._look)
        listed, complete = self._source.listed(self._keep_waiting, self._keep_ended)
        # Of what is not to be shown nothing is kept: a burst costs no memory.
        self._changed = set(listed) if is_first else self._changed & listed
        gone = self._on_disk - listed
        await asyncio.to_thread(self._remove, gone)
        self._on_disk -= gone
        await asyncio.to_thread(self._write_note, capped=not complete)
        wrong = sorted(self._changed | (listed - self._on_disk))
        for start in range(0, len(wrong), CHUNK):
            if time.monotonic() > deadline or not await self._show(wrong[start : start + CHUNK]):
                self._changed.update(wrong[start:])
                break
        return bool(self._changed)

    async def _show(self, numbers: list[int]) -> bool:
        """Write the files of these messages; false, and none is, if what they show is not durable soon."""
        self._changed.difference_update(numbers)
        views = {number: view for number in numbers if (view := self._source.view(number)) is not None}
        if not await self._source.settled():
            return False
        self._on_disk.update(views)
        try:
            await asyncio.to_thread(self._put_all, views)
        except OSError:
            self._changed.update(numbers)
            raise
        return True

    # ── in a thread ───────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Be where the folder is now, and know what files of ours it holds."""
        if self._folder.follow():
            self._on_disk.clear()
            self._note_written = False
        if self._inherited is None:
            self._folder.sweep()
            names = self._folder.names()
            self._on_disk.update(int(match[1]) for name in names if (match := _FILE.fullmatch(name)))
            self._inherited = set(self._on_disk)
            self._note_written = NOTE in names

    def _remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._folder.remove(_file(number))

    def _put_all(self, views: dict[int, MessageView]) -> None:
        for number, view in views.items():
            try:
                self._put(number, content(view))
            except OSError as exc:
                if exc.errno in _NO_ROOM:
                    raise
                _logger.warning("%s cannot be written: %s", self._folder.path_of(_file(number)), exc)

    def _put(self, number: int, data: bytes) -> None:
        if self._inherited and number in self._inherited:
            self._inherited.discard(number)
            if self._same(_file(number), data):
                return
        self._folder.replace(_file(number), data, durable=False)

    def _same(self, file: str, data: bytes) -> bool:
        try:
            return self._folder.read(file, len(data)) == data
        except WireError:  # larger, or planted
            return False

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


def _file(number: int) -> str:
    return f"msg-{number}.json"
