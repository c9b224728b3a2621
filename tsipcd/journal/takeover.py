"""The first live segment of a new life.

It is never the file that an earlier life wrote, if that can be helped: whether that file's last sync
succeeded is not known, and the kernel may show bytes that the disk never took. What was read from it is
written anew.
"""

from __future__ import annotations

import logging
import os

from tsipcd.journal.errors import SyncFailed
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, heading, segment_name
from tsipcd.journal.reading import Tail
from tsipcd.journal.recovery import Recovered
from tsipcd.journal.reserve import Reserve
from tsipcd.journal.segment import NO_ROOM, Live, begin

log = logging.getLogger("tsipcd.journal")


def first_segment(recovered: Recovered, reserve: Reserve) -> Live | None:
    """Where the first append goes. None: there is no room, and no segment yet that could go on.

    Raises `SyncFailed` if the disk fails.
    """
    try:
        return _first_segment(recovered, reserve)
    except OSError as exc:
        raise SyncFailed(recovered.folder.path, exc.strerror or str(exc)) from exc


def _first_segment(recovered: Recovered, reserve: Reserve) -> Live | None:
    folder, tail = recovered.folder, recovered.reading.tail
    first = tail.file.sequence if tail else recovered.last_sequence + 1
    content = heading(SEGMENT, recovered.identity, first)
    if tail:
        # With our own heading: what an older version wrote may hold newer facts from here on.
        content += tail.good[HEADING_BYTES:]
    try:
        return begin(folder, reserve.take(len(content)), segment_name(first), first, content)
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        log.warning("no room to write the last segment in %s anew: %s", folder.path, exc.strerror)
    return _go_on(folder, tail, content[:HEADING_BYTES]) if tail else None


def _go_on(folder: Folder, tail: Tail, start: bytes) -> Live:
    """The last segment itself, synced, its torn tail made zeros again."""
    fd = folder.open_file(tail.file.name, os.O_RDWR)
    try:
        live = Live(fd, tail.file.sequence, len(tail.good), os.fstat(fd).st_size)
        live.write(bytes(len(tail.torn)))
        if start != tail.good[:HEADING_BYTES]:
            os.pwrite(fd, start, 0)
        os.fsync(fd)
    except BaseException:
        os.close(fd)
        raise
    return live
