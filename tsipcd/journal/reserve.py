"""The spare segment: made ahead, in the background, so that the next segment needs no room.

While there is none although one is wanted, the disk is too full for new work.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from tsipcd.journal.folder import Folder
from tsipcd.journal.segment import Blank, make_blank, make_oversize

log = logging.getLogger("tsipcd.journal")


class Reserve:
    """At most one blank. Used by one thread at a time; `changed` is called from any thread."""

    def __init__(self, folder: Folder, size_bytes: int, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._size_bytes = size_bytes
        self._changed = changed
        self._blank: Blank | None = None
        self._maker: threading.Thread | None = None
        self.is_missing = False
        """The last attempt to make a spare failed."""

    @property
    def size_bytes(self) -> int:
        """What the spare takes on disk."""
        return self._blank.size_bytes if self._blank else 0

    def refill(self) -> None:
        """A spare is being made, unless there is one."""
        if self._blank is None and (self._maker is None or not self._maker.is_alive()):
            self._maker = threading.Thread(target=self.refill_now, name="journal-reserve", daemon=True)
            try:
                self._maker.start()
            except RuntimeError:  # the system has no thread for it
                self._maker = None
                self.refill_now()

    def refill_now(self) -> None:
        """There is a spare, or `is_missing` is set."""
        if self._blank is not None:
            return
        was_missing = self.is_missing
        try:
            self._blank = make_blank(self._folder, self._size_bytes)
        except OSError as exc:
            self.is_missing = True
            if not was_missing:
                log.warning(
                    "no room to reserve %d bytes in %s: %s", self._size_bytes, self._folder.path, exc.strerror
                )
        else:
            self.is_missing = False
        if self.is_missing != was_missing:
            self._changed()

    def take(self, size_bytes: int) -> Blank:
        """A blank of at least `size_bytes`, the caller's from now on; an `OSError` if there is none."""
        self.settle()
        if size_bytes > self._size_bytes:
            return make_oversize(self._folder, size_bytes)
        blank, self._blank = self._blank, None
        return blank or make_blank(self._folder, self._size_bytes)

    def settle(self) -> None:
        """Nothing goes on in the background."""
        if self._maker is not None:
            self._maker.join()
            self._maker = None

    def close(self) -> None:
        """The spare stays on disk for the next start."""
        self.settle()
        if self._blank is not None:
            os.close(self._blank.fd)
            self._blank = None
