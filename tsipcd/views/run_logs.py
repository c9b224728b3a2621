"""`runs/`: what steps and captured commands printed, kept by count. Removes only: `tmux.steps` writes."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable

from tsipcd.views.folder import Folder

_NAME = re.compile(r"(run|msg)-([0-9]{1,18})")
_logger = logging.getLogger("tsipcd.views")


class RunLogs:
    """The folder of the runs' output."""

    def __init__(self, folder: Folder, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def prune(self, is_under_way: Callable[[str, int], bool]) -> None:
        """Remove the oldest but the last `keep` runs and as many messages, and those under way. For a thread.

        `is_under_way` gets `run` or `msg`, and a number.
        """
        self._folder.follow()
        numbers: dict[str, list[int]] = {"run": [], "msg": []}
        for name in self._folder.names():
            if found := _NAME.fullmatch(name):
                numbers[found[1]].append(int(found[2]))
        for kind, ones in numbers.items():
            for number in sorted(ones)[: -self._keep]:
                if not is_under_way(kind, number):
                    self._remove(f"{kind}-{number}")

    def _remove(self, name: str) -> None:
        try:
            shutil.rmtree(name, dir_fd=self._folder.fd)
        except OSError as error:
            _logger.warning("%s stays: %s", self._folder.path_of(name), error)
