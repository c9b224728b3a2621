"""To wait for what becomes of a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import Milestone, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Answer to `Wait`: where the message is now, durable. In doubt, it waits for a person."""

    id: str
    status: Status
    reason: str = ""
    exit_code: int | None = None
    """None: there is none, or it cannot be known."""
    log: str = ""
    """What a captured command printed, a path in the state folder; empty before it starts."""
    answer: str = ""
    """Of a question that was answered; the status is `done` then."""
    by: str = ""
    """The session that it was answered from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Answer when a message (`msg-12`, or `12`) has come `until` there; streams `Progress` with no run."""

    METHOD: ClassVar[str] = "wait"
    RESULT: ClassVar = Waited
    id: str
    until: Milestone = Milestone.DONE
