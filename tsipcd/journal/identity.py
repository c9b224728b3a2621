"""Which journal a folder holds, before it is read. Changes nothing."""

from __future__ import annotations

from pathlib import Path

from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, SNAPSHOT, Layout, read_heading


def identity_of(directory: Path | str) -> str:
    """The eight hex digits of the journal in `directory`; empty if there is none yet.

    Raises `Corrupt`, `Newer`, `Unsafe` or an `OSError`.
    """
    folder = Folder.open(directory)
    try:
        layout = Layout.of(folder.names())
        for magic, files in ((SNAPSHOT, layout.snapshots), (SEGMENT, layout.segments)):
            if files:
                start = folder.read_file(files[-1].name)[:HEADING_BYTES]
                return read_heading(magic, start, folder.path, files[-1]).identity.hex()
        return ""
    finally:
        folder.close()
