"""Tells when a running step's files change: by inotify; without it, by a look every tenth of a second."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tsipcd.tmux.alarm import Alarm

if TYPE_CHECKING:
    from asyncinotify import Inotify

POLL_S = 0.1


class Changes:
    """One inotify descriptor for all steps: a user may have 128. Kept once opened: to close it takes 1 ms."""

    def __init__(self) -> None:
        self._alarms: dict[Path, tuple[Alarm, bool]] = {}
        self._inotify: Inotify | None = None

    @contextmanager
    def watch(self, folder: Path, log: Path, alarm: Alarm) -> Iterator[None]:
        """Ring `alarm` at once when a file in `folder` is complete, and soon when `log` grows."""
        if sys.platform != "linux":
            poll = asyncio.create_task(_ring_always(alarm))
            try:
                yield
            finally:
                poll.cancel()
            return
        from asyncinotify import Mask  # noqa: PLC0415 - not installed elsewhere

        inotify = self._open()
        watches = [inotify.add_watch(folder, Mask.CLOSE_WRITE), inotify.add_watch(log, Mask.MODIFY)]
        self._alarms[folder] = (alarm, True)
        self._alarms[log] = (alarm, False)
        try:
            yield
        finally:
            del self._alarms[folder], self._alarms[log]
            for watch in watches:
                # A file that was replaced took its watch along.
                with suppress(OSError):
                    inotify.rm_watch(watch)

    def _open(self) -> Inotify:
        from asyncinotify import Inotify  # noqa: PLC0415 - not installed elsewhere

        if self._inotify is None:
            self._inotify = Inotify(sync_timeout=0)
            asyncio.get_running_loop().add_reader(self._inotify.fd, self._read, self._inotify)
        return self._inotify

    def _read(self, inotify: Inotify) -> None:
        while (event := inotify.sync_get()) is not None:
            watch = event.watch
            if watch is None or watch.path not in self._alarms:
                continue
            alarm, at_once = self._alarms[watch.path]
            if at_once:
                alarm.ring()
            else:
                alarm.ring_soon()


async def _ring_always(alarm: Alarm) -> None:
    while True:
        await asyncio.sleep(POLL_S)
        alarm.ring()
