"""A journal that a real daemon wrote, to be damaged, and the judgement about what recovery makes of it.

Small segments make the daemon roll over and compact within a few dozen messages; the bytes are as ever.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipcd.core import facts as f
from tsipcd.journal.errors import Corrupt
from tsipcd.journal.journal import Journal
from tsipcd.journal.layout import HEADING_BYTES, Heading, Named, read_heading
from tsipcd.journal.record import header_at, seed_of
from tsipcd.journal.recovery import recover

SMALL_BYTES = 2048
COMPACTED_SEGMENTS = 2
LIVE_FRAMES = 5
LAST_BYTES = 900
"""Of the last record's message: it lies in several sectors."""
ROOM_BYTES = 300

Record = tuple[int, bytes]


def with_small_segments() -> None:
    """For `weakened`: no safeguard is off, only the segments are small."""
    Journal.open.__func__.__kwdefaults__["segment_bytes"] = SMALL_BYTES  # type: ignore[attr-defined]


@contextlib.contextmanager
def in_memory() -> Iterator[Path]:
    """A fresh folder, where syncs cost nothing if the system has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder with an unguessable name in it
    folder = Path(tempfile.mkdtemp(prefix="ti-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Lost(AssertionError):
    """Something acknowledged is not served, or something else is, and nobody is told."""


class Verdict(Enum):
    """What recovery may make of a damaged journal."""

    WHOLE = auto()
    """Every record is there."""
    TORN = auto()
    """The end is missing; it is kept in a copy, and its bytes are told."""
    REFUSED = auto()
    """The file and the byte are told, and nothing was changed."""
    SHORT = auto()
    """The end is missing and nothing is said: what a cut exactly between two frames looks like."""


@dataclass(frozen=True)
class Judged:
    """A verdict and how many records came back."""

    verdict: Verdict
    records: int


@dataclass(frozen=True)
class Sample:
    """The files of a whole journal, by name; what they replay to; what clients were told is accepted."""

    files: dict[str, bytes]
    records: list[Record]
    acknowledged: tuple[str, ...]

    @property
    def snapshot(self) -> str:
        (name,) = [name for name in self.files if name.endswith(".snap")]
        return name

    @property
    def segments(self) -> list[str]:
        return sorted(name for name in self.files if name.endswith(".seg"))

    @property
    def live(self) -> str:
        return self.segments[-1]

    def frames(self, name: str) -> list[int]:
        """Where each frame of the file starts, and where the last one ends."""
        data, heading = self.files[name], self.heading(name)
        seed, offsets = seed_of(heading.identity), [HEADING_BYTES]
        while (header := header_at(data, offsets[-1], seed)) is not None:
            offsets.append(offsets[-1] + header.frame_bytes)
        return offsets

    def heading(self, name: str) -> Heading:
        data = self.files[name]
        return read_heading(data[:8], data, "", Named(int(name[:16]), name))

    def records_to(self, name: str, end: int) -> int:
        """How many records come back when `name`, the last segment, ends at byte `end`."""
        frames = sum(edge <= end for edge in self.frames(name)[1:])
        data, seed = self.files[name], seed_of(self.heading(name).identity)
        headers = [header_at(data, start, seed) for start in self.frames(name)[: frames + 1]]
        before = sum(sequence < int(name[:16]) for sequence, _ in self.records)
        return before + sum(header.payloads for header in headers[:frames] if header is not None)

    def put(self, folder: Path) -> None:
        """A copy of all files, in a folder of its own."""
        folder.mkdir(mode=0o700, parents=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)


def contents(folder: Path) -> dict[str, bytes]:
    """All files and their bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def judge(folder: Path, sample: Sample) -> Judged:
    """What recovery makes of the folder. Raises `Lost` if it is anything that it may not be."""
    before = contents(folder)
    found: list[Record] = []
    try:
        recovered = recover(folder, lambda sequence, payload: found.append((sequence, payload)))
    except Corrupt as refusal:
        if contents(folder) != before:
            raise Lost("a refusal changed the files") from refusal
        if not re.search(r"at byte \d+: ", str(refusal)) or str(folder) not in refusal.path:
            raise Lost(f"the refusal does not say where: {refusal}") from refusal
        return Judged(Verdict.REFUSED, 0)
    recovered.close()
    if found != sample.records[: len(found)]:
        raise Lost("records came back that were never written")
    if not recovered.repaired_bytes:
        return Judged(Verdict.WHOLE if len(found) == len(sample.records) else Verdict.SHORT, len(found))
    (copy,) = [path for path in folder.iterdir() if path.name not in before]
    kept = copy.read_bytes()
    if len(kept) != recovered.repaired_bytes or kept not in before[copy.name.partition(".broken-")[0]]:
        raise Lost("the torn bytes were not kept")
    if not any(f"cut {len(kept)} bytes" in note and copy.name in note for note in recovered.notes):
        raise Lost(f"the torn bytes were not told: {recovered.notes}")
    copy.unlink()
    return Judged(Verdict.TORN, len(found))


KINDS = 12
"""So many kinds of facts are in the sample: of plain ones and of those that snapshots have."""


@contextlib.contextmanager
def sample_journal() -> Iterator[Sample]:
    """The journal of a daemon that was asked for everything there is, and was then killed."""
    folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    tmux = Tmux(folder / "t")
    daemon = Daemon(
        folder / "ipc",
        {"TMUX_TMPDIR": str(tmux.folder)},
        weakened=f"{__name__}:{with_small_segments.__name__}",
    )
    try:
        tmux.session("one")
        tmux.session("two")
        daemon.start()
        acknowledged = _ask_for_everything(daemon)
        acknowledged += _fill(daemon)
        daemon.kill()
        yield _read(folder / "ipc" / "journal", tuple(acknowledged))
    finally:
        daemon.close()
        tmux.close()
        shutil.rmtree(folder, ignore_errors=True)


def _ask_for_everything(daemon: Daemon) -> list[str]:
    def send(**more: object) -> str:
        return str(daemon.call("send", source="one", **{"target": "two", "message": "true", **more})["id"])

    daemon.call("subscribe", session="two", event="built", action="command")
    daemon.call("subscribe", session="one", event="built", action="notify")
    daemon.call("workflow", name="twice", steps=[{"session": s, "command": "true"} for s in ("one", "two")])
    ids = [send(), send(type="data", message="a\0b" + "x" * 600), send(type="notification", key="once")]
    ids.append(send(ttl_s=3600.0, key="a key"))
    published = daemon.call("publish", source="two", event="built", data="true", key="built once")
    ids += [fanout["id"] for fanout in published["subscribers"]]
    assert daemon.call("run", name="twice")["status"] == "success"
    daemon.call("run", name="twice", follow=False, key="in the background")
    daemon.call("unsubscribe", session="one", event="built")
    cancelled = send(type="notification")
    daemon.call("cancel", id=cancelled)
    return [*ids, cancelled]


def _fill(daemon: Daemon) -> list[str]:
    """Go on until there is a snapshot, closed segments behind it, and a live one with some frames."""
    journal = daemon.directory / "journal"
    ids: list[str] = []

    def is_enough() -> bool:
        segments = sorted(journal.glob("*.seg"))
        live = segments[-1].read_bytes().rstrip(b"\0") if segments else b""
        return (
            bool(list(journal.glob("*.snap")))
            and len(segments) > COMPACTED_SEGMENTS
            and live.count(b"\xf7TJ\x01") >= LIVE_FRAMES
            and len(live) < SMALL_BYTES - LAST_BYTES - ROOM_BYTES
            and not list(journal.glob("*.tmp"))
        )

    def send_one() -> bool:
        if is_enough():
            return True
        number = len(ids)
        answer = daemon.call("send", source="one", target="two", message=f": {number} é", key=f"k{number}")
        ids.append(answer["id"])
        return False

    while True:
        until(send_one, what="a snapshot, closed segments and a live one", within_s=120)
        until(lambda: daemon.status_of(ids[-1]) == "delivered", what="all is typed", within_s=60)
        last = daemon.call("send", source="one", target="two", type="notification", message="x" * LAST_BYTES)
        ids.append(last["id"])
        # It begins a new segment if more was written meanwhile than there was room for.
        if max(journal.glob("*.seg")).read_bytes().count(b"\xf7TJ\x01") > LIVE_FRAMES:
            return ids


def _read(journal: Path, acknowledged: tuple[str, ...]) -> Sample:
    records: list[Record] = []
    recover(journal, lambda sequence, payload: records.append((sequence, payload))).close()
    files = {name: data for name, data in contents(journal).items() if name.endswith((".seg", ".snap"))}
    assert len({type(f.decode(payload)) for _, payload in records}) >= KINDS
    return Sample(files, records, acknowledged)
