"""Facts about messages that have ended: sent once more, forgotten."""

from __future__ import annotations

from tsipcd.core.fact import Fact


class MessageRetried(Fact, frozen=True, tag="retried"):
    """A dead letter was sent once more, as another message."""

    number: int
    again: int
    """The number of the other one."""


class MessagesPurged(Fact, frozen=True, tag="purged"):
    """Messages that had ended are not listed any more."""

    numbers: tuple[int, ...]


Aftermath = MessageRetried | MessagesPurged
