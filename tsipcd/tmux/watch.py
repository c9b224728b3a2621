"""Tells when a file comes or goes in some folders, without looking again and again where the system can.

Linux has inotify; elsewhere the folders are to be looked at every few seconds, only while a watch is on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

if sys.platform == "linux":
    from asyncinotify import Inotify, Mask

LOOK_S = 5.0
"""Between two looks where there is no inotify."""

logger = logging.getLogger("tsipcd.tmux.watch")


class FolderWatch:
    """Calls back when something changed in one of the folders. Off until `start`."""

    def __init__(
        self,
        places: Callable[[], Iterable[Path]],
        changed: Callable[[], None],
        *,
        written: bool = False,
    ) -> None:
        """With `written` also when the content of a file there did."""
        self._places = places
        self._changed = changed
        self._written = written
        self._task: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether it watches."""
        return self._task is not None

    def start(self) -> None:
        """Watch from now on; calls back once at first."""
        if self._task is None:
            follow = self._follow if sys.platform == "linux" else self._look
            self._task = asyncio.get_running_loop().create_task(follow(), name="watch folders")
            self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Watch no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("folders are not watched any more", exc_info=error)
            self._task = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._changed()

    if sys.platform == "linux":

        async def _follow(self) -> None:
            while True:
                watched = self._existing()
                try:
                    watch = _watch(watched, _MASK | Mask.CLOSE_WRITE if self._written else _MASK)
                except OSError as exc:
                    logger.warning("looking at folders every %g s, inotify says: %s", LOOK_S, exc)
                    self._changed()
                    await self._look()
                    return
                with watch as inotify:
                    # What happened before the watch was set.
                    self._changed()
                    while self._existing() == watched:
                        event = await inotify.get()
                        self._changed()
                        if event.mask & Mask.IGNORED:
                            break

    def _existing(self) -> set[Path]:
        """The folders to watch: for one that is missing, the nearest above it that exists."""
        return {_existing(place) for place in self._places()}


def _existing(place: Path) -> Path:
    return next((path for path in (place, *place.parents) if path.is_dir()), Path("/"))


if sys.platform == "linux":

    def _watch(folders: Iterable[Path], mask: Mask) -> Inotify:
        inotify = Inotify()
        try:
            for folder in folders:
                inotify.add_watch(folder, mask)
        except OSError:
            inotify.close()
            raise
        return inotify

    _MASK = (
        Mask.CREATE
        | Mask.DELETE
        | Mask.MOVED_TO
        | Mask.MOVED_FROM
        | Mask.DELETE_SELF
        | Mask.MOVE_SELF
        | Mask.ONLYDIR
    )
