"""`events.log` and `events.position` on disk: append, rotate, and after a crash know what is there already.

`events.position` names the journal, the sequence number of the last fact whose lines are in the log, and the
size and inode that the log had then. It is replaced after the lines are synced, and written before the first
byte of a log that has none. So after a crash the log may hold whole or torn lines beyond the recorded size,
never fewer than it says: a torn line is cut, and `recover` hands out the whole ones, so that the facts that
are replayed after the recorded one are not written again.

The log is a view: one that was moved, edited or deleted goes on from how it is found. Knows no facts and no
loop; one caller at a time.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections import Counter
from dataclasses import dataclass

import msgspec

from tsipc_client.wire.errors import WireError
from tsipcd.views.folder import Folder, write_all

FILE = "events.log"
POSITION = "events.position"
MAX_BYTES = 10 << 20
KEEP = 5

_MAX_REREAD_BYTES = 64 << 20
_logger = logging.getLogger("tsipcd.views")


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `events.position` holds."""

    journal: str
    sequence: int
    size_bytes: int
    inode: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """How far the log got in its last life."""

    sequence: int | None
    """The lines of facts up to this one are there; None: of all facts, as far as can be known."""
    beyond: Counter[str]
    """Lines that are there already, of facts after that one."""


class LogFile:
    """The log in the state folder. All methods block and raise `OSError`."""

    def __init__(self, folder: Folder, *, journal: str, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        self._folder = folder
        self._journal = journal
        self._max_bytes = max_bytes
        self._keep = keep
        self._fd = -1
        self._sequence = 0
        self._has_position = True

    @property
    def path(self) -> str:
        """Where the log is."""
        return self._folder.path_of(FILE)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def recover(self) -> Recovered:
        """Open the log, made if missing, and say what it holds of the facts that will be replayed."""
        position = self._read_position()
        self._open()
        found = os.fstat(self._fd)
        if position is None and found.st_size:
            self._end_line(found.st_size)
            self._has_position = False
            return Recovered(None, Counter())
        if position is None:
            self._write_position()
            return Recovered(0, Counter())
        ours = position.journal == self._journal
        self._sequence = position.sequence if ours else 0
        if ours and position.inode == found.st_ino and position.size_bytes <= found.st_size:
            return Recovered(self._sequence, self._lines_from(position.size_bytes, found.st_size))
        self._end_line(found.st_size)
        self._write_position()
        return Recovered(self._sequence, Counter())

    def skip_to(self, sequence: int) -> None:
        """Take the lines of facts up to `sequence` as there; only where `recover` could not tell."""
        self._sequence = sequence

    def append(self, data: bytes) -> None:
        """Write whole lines at the end. When it raises, none of them is there."""
        self._follow()
        if not self._has_position:
            self._write_position()
        size = os.fstat(self._fd).st_size
        try:
            write_all(self._fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, size)
            raise

    def mark(self, sequence: int) -> None:
        """Make durable that all lines of facts up to `sequence` are there; rotate if the log is long."""
        self._follow()
        os.fsync(self._fd)
        self._sequence = sequence
        self._write_position()
        if os.fstat(self._fd).st_size >= self._max_bytes:
            self._rotate()

    def _open(self) -> None:
        """Open the log, made if missing. What is no plain file is removed: never what it points to."""
        try:
            self._fd = self._folder.open_appending(FILE)
        except WireError as exc:
            _logger.warning("%s; a new one is made", exc.message)
            try:
                self._folder.remove(FILE)
            except (IsADirectoryError, PermissionError):  # as Linux and macOS say it
                raise IsADirectoryError(
                    errno.EISDIR, "a folder is in its place: move it away", self.path
                ) from exc
            self._fd = self._folder.open_appending(FILE)

    def _follow(self) -> None:
        """Be on the file that has the log's name now: it may have been moved or deleted."""
        found = self._folder.signature(FILE)
        if self._fd >= 0:
            mine = os.fstat(self._fd)
            if found is not None and found[2] == mine.st_ino:
                return
            self.close()
        self._open()
        self._end_line(os.fstat(self._fd).st_size)
        self._write_position()

    def _end_line(self, size: int) -> None:
        """Put a line end after a last line that has none: somebody else wrote it."""
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            write_all(self._fd, b"\n")

    def _lines_from(self, start: int, size: int) -> Counter[str]:
        """The whole lines from `start`; what is torn after them is cut off."""
        if size - start > _MAX_REREAD_BYTES:
            self._end_line(size)
            return Counter()
        data = b""
        while part := os.pread(self._fd, size - start - len(data), start + len(data)):
            data += part
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._fd, start + whole)
        self._end_line(start + whole)
        return Counter(data[:whole].decode(errors="replace").split("\n")[:-1])

    def _read_position(self) -> Position | None:
        try:
            data = self._folder.read(POSITION)
            position = None if data is None else msgspec.json.decode(data, type=Position)
        except (WireError, msgspec.DecodeError) as exc:
            _logger.warning("%s is not used: %s", self._folder.path_of(POSITION), exc)
            return None
        return position

    def _write_position(self) -> None:
        found = os.fstat(self._fd)
        position = Position(self._journal, self._sequence, found.st_size, found.st_ino)
        self._folder.replace(POSITION, msgspec.json.encode(position) + b"\n")
        self._has_position = True

    def _rotate(self) -> None:
        """Move the log aside; the next line opens a new one."""
        self.close()
        if self._keep == 0:
            self._folder.remove(FILE)
            return
        names = [FILE, *(f"{FILE}.{number}" for number in range(1, self._keep + 1))]
        # Only up to the first gap: a crash between two renames leaves one.
        last = next((i for i, name in enumerate(names) if self._folder.signature(name) is None), self._keep)
        for number in range(last, 0, -1):
            self._folder.rename(names[number - 1], names[number])
