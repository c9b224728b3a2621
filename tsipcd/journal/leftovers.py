"""Files beside the living journal: what each is, and whether a person may delete it. Changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tsipcd.journal.layout import SPARE, Layout

_BROKEN = re.compile(r"\d{16}\.seg\.broken-.*")
COPY = ".before-salvage-"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One file or folder."""

    path: str
    size_bytes: int
    what: str
    deletable: bool
    """By a person, at any time, without any loss to the journal."""


def leftovers(directory: Path) -> list[Leftover]:
    """What lies in the journal's folder, or was copied beside it, and is no part of the journal."""
    return [*_inside(directory), *_copies(directory)]


def _inside(directory: Path) -> Iterator[Leftover]:
    names = sorted(os.listdir(directory))  # noqa: PTH208 - names are what is wanted
    layout = Layout.of(names)
    last = layout.snapshots[-1].sequence if layout.snapshots else 0
    covered = {file.name for file in layout.snapshots[:-1]}
    for file, following in zip(layout.segments, layout.segments[1:], strict=False):
        if following.sequence <= last + 1:
            covered.add(file.name)
    living = {file.name for file in (*layout.segments, *layout.snapshots)} - covered | {SPARE}
    for name in names:
        if name in living:
            continue
        if name in covered:
            what, deletable = "an old file that the newest snapshot covers; the next start removes it", False
        elif name.endswith(".tmp"):
            what, deletable = "an unfinished file; the next start removes it", False
        elif _BROKEN.fullmatch(name):
            what, deletable = "the end of an interrupted write, cut off; never acknowledged", True
        else:
            what, deletable = "not of ts-ipc; it is left alone", True
        yield Leftover(str(directory / name), _size_of(directory / name), what, deletable)


def _copies(directory: Path) -> Iterator[Leftover]:
    for copy in sorted(directory.parent.glob(f"{directory.name}{COPY}*")):
        size = sum(_size_of(path) for path in copy.rglob("*"))
        what = "a copy of the journal as it was before `fsck --salvage`"
        yield Leftover(str(copy), size, what, deletable=True)


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
