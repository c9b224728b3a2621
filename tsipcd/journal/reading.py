"""Reading a journal from its folder, in order, without changing a byte of it.

The newest snapshot first, then the segments behind it. Raises `Corrupt` for anything but a whole journal, of
which the last segment may end in a torn tail, and `Newer` for what only a newer version understands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsipcd.journal.errors import Corrupt, Unfit
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, Layout, Named, read_heading
from tsipcd.journal.record import HEADER_BYTES, Kind, header_at, payloads_of, seed_of
from tsipcd.journal.repair import Verdict, judge
from tsipcd.journal.snapshot import read_snapshot

Apply = Callable[[int, bytes], None]
"""Takes the sequence and the bytes of a payload; all of a snapshot come with the snapshot's sequence.

May raise `Unfit`."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment that is full and will not change."""

    first: int
    last: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The last segment: `good` are its bytes up to the last whole record, `torn` what follows but zeros."""

    file: Named
    good: bytes
    torn: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found."""

    identity: bytes | None
    """None: the folder is empty."""
    last_sequence: int
    records: int
    read_bytes: int
    snapshot: Named | None
    snapshot_bytes: int
    covered: tuple[str, ...]
    """Files that the snapshot has made useless."""
    closed: tuple[Closed, ...]
    tail: Tail | None


def read_journal(folder: Folder, apply: Apply) -> Reading:
    """Every payload, in order, to `apply`."""
    return _Reader(folder, apply).read()


def read_segment(folder: Folder, file: Named, identity: bytes, apply: Apply) -> int:
    """Every payload of a closed segment to `apply`; the sequence that comes next. Raises `Corrupt`."""
    reader = _Reader(folder, apply)
    reader.identity = identity
    reader.next = file.sequence
    reader.read_closed(file)
    return reader.next


class _Reader:
    def __init__(self, folder: Folder, apply: Apply) -> None:
        self._folder = folder
        self._apply = apply
        self.identity: bytes | None = None
        self.next = 1
        self._records = 0
        self._read_bytes = 0

    def read(self) -> Reading:
        layout = Layout.of(self._folder.names())
        snapshot = layout.snapshots[-1] if layout.snapshots else None
        snapshot_bytes = self._read_snapshot(snapshot) if snapshot else 0
        segments = list(layout.segments)
        covered = [file.name for file in layout.snapshots[:-1]]
        while len(segments) > 1 and segments[1].sequence <= self.next:
            covered.append(segments.pop(0).name)
        closed: list[Closed] = []
        for file in segments[:-1]:
            size = self.read_closed(file)
            closed.append(Closed(file.sequence, self.next - 1, size))
        tail = self._read_last(segments[-1]) if segments else None
        return Reading(
            identity=self.identity,
            last_sequence=self.next - 1,
            records=self._records,
            read_bytes=self._read_bytes,
            snapshot=snapshot,
            snapshot_bytes=snapshot_bytes,
            covered=tuple(covered),
            closed=tuple(closed),
            tail=tail,
        )

    def _read_snapshot(self, file: Named) -> int:
        def apply(payload: bytes) -> None:
            self._apply(file.sequence, payload)

        self.identity, count = read_snapshot(self._folder, file, apply)
        size = self._folder.size_of(file.name)
        self.next = file.sequence + 1
        self._records += count
        self._read_bytes += size
        return size

    def read_closed(self, file: Named) -> int:
        """The segment's payloads; its size. Only zeros may follow its last record."""
        data = self._begin(file)
        end = self._replay(file, data)
        ending = judge(data, end, self.next, seed_of(self._known()))
        if ending.verdict is not Verdict.CLEAN:
            reason = ending.reason or "its records break off here, and later segments follow"
            raise Corrupt(self._folder.path, file.name, end, reason)
        return len(data)

    def _read_last(self, file: Named) -> Tail:
        data = self._begin(file)
        end = self._replay(file, data)
        ending = judge(data, end, self.next, seed_of(self._known()))
        if ending.verdict is Verdict.DAMAGED:
            raise Corrupt(self._folder.path, file.name, end, ending.reason)
        torn = data[end:].rstrip(b"\0") if ending.verdict is Verdict.TORN else b""
        return Tail(file, data[:end], torn)

    def _begin(self, file: Named) -> bytes:
        """The segment's bytes, when it is the one that comes next."""
        if file.sequence != self.next:
            reason = f"it begins at record {file.sequence}, but {self.next} comes next: a segment is missing"
            raise Corrupt(self._folder.path, file.name, 0, reason)
        try:
            data = self._folder.read_file(file.name)
        except OSError as exc:
            raise Corrupt(self._folder.path, file.name, 0, f"it cannot be read: {exc.strerror}") from exc
        identity, _ = read_heading(SEGMENT, data, self._folder.path, file)
        if identity != (self.identity or identity):
            raise Corrupt(self._folder.path, file.name, 0, f"it belongs to another journal, {identity.hex()}")
        self.identity = identity
        return data

    def _replay(self, file: Named, data: bytes) -> int:
        """Apply whole records from the heading on; where the first place without one is."""
        offset, sequence, seed, apply = HEADING_BYTES, self.next, seed_of(self._known()), self._apply
        while True:
            header = header_at(data, offset, seed)
            if header is None or header.sequence != sequence:
                break
            body = offset + HEADER_BYTES
            payloads = payloads_of(header, data[body : offset + header.frame_bytes], seed)
            if payloads is None:
                break
            if header.kind != Kind.PAYLOADS:
                raise Corrupt(self._folder.path, file.name, offset, f"a record of kind {header.kind}")
            try:
                for payload in payloads:
                    apply(sequence, payload)
                    sequence += 1
            except Unfit as exc:
                raise exc.at(self._folder.path, file.name, offset, sequence, f"record {sequence}") from exc
            offset += header.frame_bytes
        self._records += sequence - self.next
        self._read_bytes += len(data)
        self.next = sequence
        return offset

    def _known(self) -> bytes:
        if self.identity is None:
            raise AssertionError("a heading is read before any record")
        return self.identity
