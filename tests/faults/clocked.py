"""A daemon whose wall clock can be set.

libfaketime stands between the daemon and the clock; the file that it reads says by how much the clock is off.
The monotonic clock goes on as it does in a machine whose clock is set.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.stage import Stage
from tests.support.daemon import Daemon
from tests.support.wait import until

LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/*.so.1")]
WITHIN_S = 60.0
HOUR, YEAR = 3_600, 31_536_000


class Clocked:
    """A daemon whose clock can be set."""

    def __init__(self, stage: Stage) -> None:
        if not LIBRARIES:
            pytest.skip("needs libfaketime")
        self.stage = stage
        self.daemon: Daemon = stage.daemon
        self._file = stage.folder / "offset"
        self.set(0)
        self.daemon.environment |= {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, by_s: float) -> None:
        """The clock is so much ahead of the real one, or behind."""
        self.by_s = int(by_s)
        new = self._file.with_suffix(".new")
        new.write_text(f"{self.by_s:+d}\n")
        new.replace(self._file)

    def set_to(self, date: str) -> None:
        """The clock shows that date."""
        self.set(datetime.fromisoformat(date).timestamp() - time.time())

    def left_s(self, message: str) -> float:
        """How long it may still wait, by the daemon's clock."""
        shown = self.daemon.call("show", id=message)
        return float(shown["expires_at"] - (time.time() + self.by_s))

    def hold(self, **more: Any) -> str:
        """A message that waits for a session which is not there."""
        self.daemon.call("subscribe", session="tomorrow", event="e", action="command")
        answer = self.daemon.call("send", source="s", target="tomorrow", message="ls", **more)
        assert answer["status"] == "held"
        return str(answer["id"])

    def expires(self, message: str) -> None:
        """Wait until it is over with it."""
        until(
            lambda: self.daemon.status_of(message) == "expired",
            what=f"{message} expires; now {self.daemon.call('show', id=message)}",
            within_s=WITHIN_S,
        )
