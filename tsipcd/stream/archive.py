"""Published events on disk: files of blocks in the folder `stream`, appended, pruned and read by number.

The journal is the truth until an event is here: at start `recover` says what is here, `replay` takes what the
journal has beyond that, `settle` cuts what it lacks. All methods block. One thread appends, any may read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import EventView
from tsipcd.core import facts as f
from tsipcd.stream.block import (
    BLOCK_BYTES,
    HEADING_BYTES,
    Block,
    block_at,
    blocks,
    events_of,
    heading,
    heading_of,
    is_whole,
    packed,
)
from tsipcd.stream.wanted import Wanted, chosen
from tsipcd.views.folder import Folder, write_all

FOLDER: Final = "stream"
MAX_BYTES: Final = 512 << 20
MAX_AGE_S: Final = 30 * 86_400.0
FILE_BYTES: Final = 8 << 20
"""A file is ended when it has so many."""

ANSWER_BYTES: Final = 256 << 10
"""An answer is ended before it has more, unless one event has."""

SCANNED: Final = 50_000
SCANNED_WITH_EXPRESSION: Final = 2_000
"""Events looked at for one answer: whoever wants few of them asks on."""

_SUFFIX: Final = ".events"
_CHUNK_BYTES: Final = 512 << 10
_REPLAYED: Final = 10_000
_PLACES: Final = 1024
_logger = logging.getLogger("tsipcd.stream")


class Found(NamedTuple):
    """Events for an answer."""

    events: int
    body: bytes
    next: int


@dataclass(slots=True)
class File:
    """One file; what is behind `size` is being written."""

    name: str
    first: int
    before: int
    began_at: float
    size: int


class Archive:
    """The folder's files, oldest first."""

    def __init__(
        self, folder: Folder, identity: bytes, *, max_bytes: int = MAX_BYTES, max_age_s: float = MAX_AGE_S
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._files: tuple[File, ...] = ()
        self._fd = -1
        self.last = 0
        """The number of the last event that is here."""
        self.forgotten = 0
        """Events up to this number are not here any more."""
        self.unwritten: list[EventView] = []
        """What `replay` brought and could not be written."""
        self._places: OrderedDict[int, tuple[str, int]] = OrderedDict()
        """Where readers go on, by the number that comes next."""

    @classmethod
    def open(cls, folder: Folder, identity: str, max_bytes: int, max_age_s: float) -> Self:
        """The archive in the state folder, recovered; of the journal with the `identity`."""
        archive = cls(folder.sub(FOLDER), bytes.fromhex(identity), max_bytes=max_bytes, max_age_s=max_age_s)
        archive.recover()
        return archive

    # ── at start ──────────────────────────────────────────────────────────────────────────────────────────

    def recover(self) -> None:
        """Find out what is here. What a kill tore is cut: the journal still has it."""
        names = [name for name in self._folder.names() if name.endswith(_SUFFIX)]
        self._files = tuple(file for name in names if (file := self._opened(name)) is not None)
        self._cut(through=None)

    def replay(self, sequence: int, fact: f.Fact) -> None:
        """A fact of the journal, in order."""
        if sequence > self.last and isinstance(fact, f.EventPublished):
            self.unwritten.append(view_of(sequence, fact))
            if len(self.unwritten) >= _REPLAYED:
                self._write_replayed()

    def settle(self, last_sequence: int) -> None:
        """The journal ends here: what goes beyond it was lost there, and its numbers will be given anew."""
        self._write_replayed()
        if self.last > last_sequence:
            _logger.error("the events beyond number %d, which the journal lacks, are dropped", last_sequence)
            self._cut(through=last_sequence)
        if self._files:
            self.forgotten = self._files[0].before

    def _write_replayed(self) -> None:
        if not self.unwritten:
            return
        try:
            self.append(self.unwritten, [packed(event) for event in self.unwritten])
        except OSError as error:
            _logger.warning("%s cannot be written: %s", self._folder.path, error)
        else:
            self.unwritten = []

    def _opened(self, name: str) -> File | None:
        """What the file tells; None for one that is none of ours, which is removed."""
        fd = self._folder.open_reading(name)
        if fd is None:
            return None
        try:
            head = heading_of(os.pread(fd, HEADING_BYTES, 0))
            block = block_at(os.pread(fd, BLOCK_BYTES, HEADING_BYTES), 0)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        if head is None or block is None or head.identity != self._identity:
            _logger.warning("%s holds no events of this journal and is removed", self._folder.path_of(name))
            self._folder.remove(name)
            return None
        return File(name, head.first, head.before, block.latest, size)

    def _cut(self, through: int | None) -> None:
        """End with the last whole block, and the last event not above `through`."""
        kept: list[EventView] = []
        while self._files and not kept:
            file = self._files[-1]
            with self._reading(file) as fd:
                end, self.last = HEADING_BYTES, file.before
                for offset, block in _headers(fd, HEADING_BYTES, file.size):
                    body = os.pread(fd, block.body_bytes, offset + BLOCK_BYTES)
                    if not is_whole(block, body):
                        break
                    if through is not None and block.last > through:
                        kept = [event for event in events_of(block, body) if event.seq <= through]
                        break
                    end, self.last = offset + BLOCK_BYTES + block.body_bytes, block.last
            if end > HEADING_BYTES or kept:
                if end < file.size:
                    os.truncate(self._folder.path_of(file.name), end)
                    file.size = end
                break
            self._folder.remove(file.name)
            self._files = self._files[:-1]
        self.last = self.last if through is None else min(self.last, through)
        if kept:
            self.append(kept, [packed(event) for event in kept])

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────

    def append(self, events: Sequence[EventView], bodies: Sequence[bytes]) -> None:
        """On disk, with these bytes, when this returns. Raises `OSError`, and then none of them is here."""
        data = b"".join(blocks(events, bodies))
        file = self._files[-1] if self._files else None
        if file is None or file.size >= FILE_BYTES:
            self._begin(events[0], data)
        else:
            if self._fd < 0:
                self._fd = self._folder.open_appending(file.name)
            self._add(self._fd, file.size, data)
            file.size += len(data)
        self.last = events[-1].seq
        self._prune(time.time())

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _begin(self, event: EventView, data: bytes) -> None:
        """A file with its heading and first blocks, in which `event` comes first."""
        self.close()
        name = f"{event.seq:016d}{_SUFFIX}"
        whole = heading(self._identity, event.seq, self.last) + data
        self._folder.remove(name)
        fd = self._folder.open_appending(name)
        try:
            self._add(fd, 0, whole)
            os.fsync(self._folder.fd)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self._files = (*self._files, File(name, event.seq, self.last, event.at, len(whole)))

    @staticmethod
    def _add(fd: int, size: int, data: bytes) -> None:
        try:
            if os.fstat(fd).st_size != size:
                os.ftruncate(fd, size)
            write_all(fd, data)
            os.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise

    def _prune(self, now: float) -> None:
        while len(self._files) > 1:
            oldest, following = self._files[:2]
            is_old = following.began_at < now - self._max_age_s
            if not is_old and sum(file.size for file in self._files) <= self._max_bytes:
                return
            self._folder.remove(oldest.name)
            self._files = self._files[1:]
            self.forgotten = following.before

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────

    def read(self, start: int, wanted: Wanted, limit: int) -> Found:
        """The first events from number `start` on that are wanted, as many as make an answer."""
        answer = _Answer(start, wanted, limit)
        files, last = self._files, self.last
        at = max(bisect_right([file.first for file in files], start) - 1, 0)
        place = self._places.pop(start, None)
        for index in range(at, len(files)):
            file = files[index]
            offset = place[1] if place is not None and place[0] == file.name else HEADING_BYTES
            place = None
            try:
                with self._reading(file) as fd:
                    offset = _read_on(fd, offset, file.size, answer)
            except (FileNotFoundError, WireError):
                continue  # it was just pruned
            if answer.is_full:
                self._places[answer.next] = (file.name, offset)
                if len(self._places) > _PLACES:
                    self._places.popitem(last=False)
                return answer.found()
            if offset < file.size and index + 1 < len(files):
                _logger.error("%s is damaged at byte %d", self._folder.path_of(file.name), offset)
                self.forgotten = max(self.forgotten, files[index + 1].before)
        answer.next = max(answer.next, last + 1)
        return answer.found()

    def first_since(self, at: float) -> int:
        """The number of the first event of this time or later; the next number if there is none yet."""
        files = self._files
        begin = max((index for index, file in enumerate(files) if file.began_at < at), default=0)
        for file in files[begin:]:
            with contextlib.suppress(FileNotFoundError, WireError), self._reading(file) as fd:
                for offset, block in _headers(fd, HEADING_BYTES, file.size):
                    if block.latest < at:
                        continue
                    for event in events_of(block, os.pread(fd, block.body_bytes, offset + BLOCK_BYTES)):
                        if event.at >= at:
                            return event.seq
        return self.last + 1

    @contextlib.contextmanager
    def _reading(self, file: File) -> Iterator[int]:
        fd = self._folder.open_reading(file.name)
        if fd is None:
            raise FileNotFoundError(file.name)
        try:
            yield fd
        finally:
            os.close(fd)


class _Answer:
    """What one read has found so far."""

    def __init__(self, start: int, wanted: Wanted, limit: int) -> None:
        self.start = start
        self.next = start
        self._wanted = wanted
        self._limit = limit
        self._scans = SCANNED_WITH_EXPRESSION if wanted.where else SCANNED
        self._bodies: list[bytes] = []
        self._count = 0
        self._bytes = 0
        self.is_full = False

    def has_room(self, block: Block) -> bool:
        """Whether the block may be added."""
        self.is_full = self.is_full or (self._count > 0 and self._bytes + block.body_bytes > ANSWER_BYTES)
        return not self.is_full

    def add(self, block: Block, body: bytes) -> bool:
        """Take what is wanted of a whole block; whether all of it was looked at."""
        self._scans -= block.events
        if (
            self._wanted.is_everything
            and block.first >= self.next
            and self._count + block.events <= self._limit
        ):
            self._take(block.events, body)
            self.next = block.last + 1
        else:
            events = [event for event in events_of(block, body) if event.seq >= self.next]
            found, looked_at = chosen(self._wanted, events, self._limit - self._count)
            self._take(len(found), b"".join(packed(events[place]) for place in found))
            self.next = events[looked_at - 1].seq + 1 if looked_at else self.next
        self.is_full = self._scans <= 0 or self._count >= self._limit or self._bytes >= ANSWER_BYTES
        return self.next > block.last

    def _take(self, count: int, body: bytes) -> None:
        self._bodies.append(body)
        self._count += count
        self._bytes += len(body)

    def found(self) -> Found:
        return Found(self._count, b"".join(self._bodies), self.next)


def _read_on(fd: int, offset: int, size: int, answer: _Answer) -> int:
    """Add blocks from `offset` on until the answer is full; where the next one begins."""
    data, begin = b"", offset
    while offset < size:
        block = block_at(data, offset - begin)
        end = offset - begin + BLOCK_BYTES + (block.body_bytes if block is not None else 0)
        if block is None or end > len(data):
            want = max(_CHUNK_BYTES, end - (offset - begin))
            data, begin = os.pread(fd, min(want, size - offset), offset), offset
            block = block_at(data, 0)
            end = BLOCK_BYTES + (block.body_bytes if block is not None else 0)
            if block is not None and end > len(data):
                data = os.pread(fd, end, offset)
        if block is None:
            return offset
        if block.last >= answer.next:
            body = data[offset - begin + BLOCK_BYTES : end]
            if not is_whole(block, body):
                return offset
            if not answer.has_room(block) or not answer.add(block, body):
                return offset
        offset = begin + end
        if answer.is_full:
            return offset
    return offset


def _headers(fd: int, offset: int, size: int) -> Iterator[tuple[int, Block]]:
    """Each block's place and header, up to the first that is none."""
    while offset < size:
        block = block_at(os.pread(fd, BLOCK_BYTES, offset), 0)
        if block is None:
            return
        yield offset, block
        offset += BLOCK_BYTES + block.body_bytes


def view_of(sequence: int, fact: f.EventPublished) -> EventView:
    """The event as its listeners get it."""
    return EventView(
        seq=sequence, at=fact.at, event=fact.event, source=fact.source, data=fact.data, observed=fact.observed
    )
