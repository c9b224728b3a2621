"""Folds closed segments into a snapshot: `python -m tsipcd.journal.compact FOLDER UPTO [PARENT]`.

Runs beside the live journal and never touches the segment that is being written. At any moment the folder
holds all facts: the old files are removed only when the new snapshot is on disk under its name.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from tsipcd.core import facts
from tsipcd.core.state import State
from tsipcd.journal import meaning
from tsipcd.journal.errors import Corrupt, JournalError
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, Layout, Named, read_heading
from tsipcd.journal.reading import read_segment
from tsipcd.journal.snapshot import read_snapshot, write_snapshot

_CHECK_EVERY = 1024
_LOOK_EVERY = 16
"""Payloads between two looks at the clock."""
_WORK_S = 0.0003
_REST_S = 0.0009
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NICE = 10
_NUMBERS = 2
_USAGE_STATUS = 2


class Fold(Protocol):
    """What becomes of payloads: a state that takes them in and can be written down as fewer."""

    def apply(self, payload: bytes) -> None:
        """Take one in."""

    def snapshot(self) -> Iterator[bytes]:
        """Payloads that, applied to an empty state, give this one."""


class Orphaned(JournalError):
    """The daemon that wanted the compaction is gone; a new one may want the folder."""

    def __str__(self) -> str:
        return "the daemon that started this compaction is gone"


class Slices:
    """Works for a third of a millisecond, then rests three times as long.

    Linux lets a process go on for some 3 ms before one of a higher priority gets its processor. On a machine
    with few of them a send that comes meanwhile would wait for so long, at any of its steps. The lowest class
    (SCHED_IDLE) would not do: on a busy machine a killed child would take seconds to let go of the folder.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def rest(self) -> None:
        """Rest if it is time to."""
        if time.perf_counter() - self._began >= _WORK_S:
            time.sleep(_REST_S)
            self._began = time.perf_counter()


class FactFold:
    """The core's own state."""

    def __init__(self) -> None:
        self._state = State()

    def apply(self, payload: bytes) -> None:
        """Take one fact in."""
        meaning.apply(self._state, payload)

    def snapshot(self) -> Iterator[bytes]:
        """The state as facts."""
        return map(facts.encode, self._state.snapshot(time.time()))


def compact(
    directory: Path | str,
    upto: int,
    fold: Fold,
    *,
    parent: int = 0,
    rest: Callable[[], None] = lambda: None,
) -> int:
    """A snapshot covers every closed segment that ends at or before `upto`; how many were folded.

    With `parent` set it gives up, by `Orphaned`, soon after this process has another parent. `rest` is called
    again and again, to let others work.
    """
    folder = Folder.existing(directory)
    try:
        folder.lock()
        return _Compaction(folder, fold, parent, rest).run(upto)
    finally:
        folder.close()


class _Compaction:
    def __init__(self, folder: Folder, fold: Fold, parent: int, rest: Callable[[], None]) -> None:
        self._folder = folder
        self._fold = fold
        self._parent = parent
        self._rest = rest
        self._applied = 0

    def run(self, upto: int) -> int:
        self._expect_parent()
        layout = Layout.of(self._folder.names())
        base = layout.snapshots[-1].sequence if layout.snapshots else 0
        pairs = pairwise(layout.segments)
        closed = [file for file, following in pairs if base < following.sequence - 1 <= upto]
        if not closed:
            return 0
        last = self._read(layout, closed)
        write_snapshot(self._folder, self._identity_of(closed[0]), last, self._checked(self._fold.snapshot()))
        for file in (*layout.snapshots, *(file for file in layout.segments if file.sequence <= last)):
            self._folder.remove(file.name)
            self._rest()
        self._folder.sync()
        return len(closed)

    def _read(self, layout: Layout, closed: list[Named]) -> int:
        """Everything up to the last of `closed` is folded; its last sequence."""
        identity = self._identity_of(closed[0])
        following = 1
        if layout.snapshots:
            newest = layout.snapshots[-1]
            read_snapshot(self._folder, newest, self._apply)
            following = newest.sequence + 1
        for file in closed:
            if file.sequence != following:
                raise Corrupt(
                    self._folder.path, file.name, 0, f"record {following} comes next: a segment is missing"
                )
            following = read_segment(
                self._folder, file, identity, lambda _sequence, payload: self._apply(payload)
            )
        return following - 1

    def _identity_of(self, file: Named) -> bytes:
        start = self._folder.read_file(file.name, HEADING_BYTES)
        return read_heading(SEGMENT, start, self._folder.path, file).identity

    def _apply(self, payload: bytes) -> None:
        self._fold.apply(payload)
        self._count()

    def _checked(self, payloads: Iterator[bytes]) -> Iterator[bytes]:
        for payload in payloads:
            self._count()
            yield payload

    def _count(self) -> None:
        self._applied += 1
        if self._applied % _LOOK_EVERY == 0:
            self._rest()
        if self._applied % _CHECK_EVERY == 0:
            self._expect_parent()

    def _expect_parent(self) -> None:
        if self._parent and os.getppid() != self._parent:
            raise Orphaned


def end_with_parent() -> None:
    """From now on the kernel ends this process with its parent, even while it is stopped. Linux only.

    A child that lived on, stopped, would hold the folder's lock against the next daemon.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str], make_fold: Callable[[], Fold] = FactFold) -> int:
    """The child process; its exit status."""
    try:
        directory, *numbers = arguments
        upto, parent = map(int, numbers if len(numbers) == _NUMBERS else [*numbers, "0"])
    except ValueError:
        sys.stderr.write("usage: python -m tsipcd.journal.compact FOLDER UPTO [PARENT]\n")
        return _USAGE_STATUS
    end_with_parent()
    os.nice(_NICE)
    # It makes no garbage that reference counts leave, and to look for some takes milliseconds at a time.
    gc.disable()
    try:
        compact(directory, upto, make_fold(), parent=parent, rest=Slices().rest)
    except (JournalError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
