"""Whose journal lies in a folder, told before it is replayed. Reads one heading, changes nothing."""

from __future__ import annotations

from pathlib import Path

from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, SNAPSHOT, Layout, read_heading


def identity_of(directory: Path | str) -> str:
    """The identity of the journal in `directory`, eight hex digits; empty if there is no journal yet.

    Raises what `recover` raises if the file that tells is damaged or no plain file of ours.
    """
    try:
        folder = Folder.existing(directory)
    except FileNotFoundError:
        return ""
    try:
        layout = Layout.of(folder.names())
        for magic, files in ((SNAPSHOT, layout.snapshots), (SEGMENT, layout.segments)):
            if files:
                start = folder.read_file(files[-1].name, HEADING_BYTES)
                return read_heading(magic, start, folder.path, files[-1]).identity.hex()
        return ""
    finally:
        folder.close()
