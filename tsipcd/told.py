"""What the daemon tells about itself, on stderr: for the journal of systemd, or for whoever started it."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

from tsipc_client.wire.text import visible


class _Formatter(logging.Formatter):
    """One line each, that moves no terminal; under systemd with the priority in front that journald knows."""

    _PRIORITY: Final = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}

    def format(self, record: logging.LogRecord) -> str:
        line = visible(super().format(record).replace("\n", " | "))
        if "JOURNAL_STREAM" in os.environ:
            return f"<{self._PRIORITY.get(record.levelname, 6)}>{line}"
        return f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S%z')} {record.levelname} {line}"


def set_up(*, verbose: bool) -> None:
    """From now on what the daemon logs goes to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    for name in ("tsipcd", "asyncio"):
        root = logging.getLogger(name)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG if verbose and name == "tsipcd" else logging.INFO)
        root.propagate = False
