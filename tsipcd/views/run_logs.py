"""`runs/`: what the steps of workflows printed, kept by count. Removes only; steps write it themselves."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Collection

from tsipcd.views.folder import Folder

_NAME = re.compile(r"run-([0-9]{1,18})")
_logger = logging.getLogger("tsipcd.views")


class RunLogs:
    """The folder of the runs' output."""

    def __init__(self, folder: Folder, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def prune(self, running: Collection[int]) -> None:
        """Remove what the oldest runs printed, but the last `keep` and those that still run. For a thread."""
        self._folder.follow()
        numbers = sorted(int(found[1]) for name in self._folder.names() if (found := _NAME.fullmatch(name)))
        for number in numbers[: -self._keep]:
            if number not in running:
                try:
                    shutil.rmtree(f"run-{number}", dir_fd=self._folder.fd)
                except OSError as error:
                    _logger.warning("%s stays: %s", self._folder.path_of(f"run-{number}"), error)
