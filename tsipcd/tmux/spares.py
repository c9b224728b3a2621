"""A folder for the next step, made while nobody waits for it: with the empty files that a step needs.

To make a file takes some file systems half a millisecond, and a step needs several; to rename one takes a
tenth of that. Where there is no spare the step makes its files itself: nothing depends on it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from tsipcd.tmux.files import make_folder, open_plain

SPARE: Final = "spare"
"""Below `runs`: there are no runs and messages of that name."""
LOG: Final = "log"
PARTIAL: Final = "partial"

logger = logging.getLogger("tsipcd.tmux.spares")


class Spares:
    """Keeps one spare folder below `runs`, once the first was asked for."""

    def __init__(self, runs: Path, names: tuple[str, ...]) -> None:
        """`names` are the files of a step's folder."""
        self._spare = runs / SPARE
        self._names = (*names, LOG, PARTIAL)
        self._is_ready = False
        self._making: asyncio.Task[None] | None = None

    def place(self, folder: Path, log: Path) -> None:
        """`folder` and `log` may be there now, the folder with empty files. Raises nothing."""
        if self._is_ready and not folder.exists() and not log.exists():
            self._is_ready = False
            try:
                self._spare.rename(folder)
                (folder / LOG).rename(log)
            except OSError as exc:
                logger.info("the spare folder %s is of no use: %s", self._spare, exc)

    def refill(self) -> None:
        """Make a spare, in a thread, if there is none."""
        if not self._is_ready and (self._making is None or self._making.done()):
            self._making = asyncio.get_running_loop().create_task(self._refill(), name="spare folder")

    async def _refill(self) -> None:
        try:
            await asyncio.to_thread(self._make)
        except OSError as exc:
            logger.info("no spare folder can be made: %s", exc)
        else:
            self._is_ready = True

    def _make(self) -> None:
        make_folder(self._spare)
        for name in self._names:
            os.close(open_plain(self._spare / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
