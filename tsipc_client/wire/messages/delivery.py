"""What became of messages: the list, one message's story, and to decide about one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import Decision, MessageType, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message, as listed. In `Queued` a long `message` is cut; `size_bytes` is always the whole."""

    id: str
    source: str
    target: str
    type: MessageType
    message: str
    size_bytes: int
    timestamp: float
    status: Status
    reason: str = ""
    observed: str = ""
    """The session that really sent it, as seen from the socket; empty: not from a pane."""
    event: str = ""
    run: str = ""
    exit_code: int | None = None
    secret: bool = False
    """`message` is not the body, only says how large that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Answer to `Queue`."""

    messages: tuple[MessageView, ...]
    waiting: int
    """All that have not ended, listed here or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The messages: all that wait and the latest that ended, oldest first, at most the last `limit`."""

    METHOD: ClassVar[str] = "queue"
    RESULT: ClassVar = Queued
    limit: int = 20
    pending: bool = False
    """Only those that have not ended."""
    dead: bool = False
    """Only dead letters: by themselves, not steps, failed or expired, and not sent once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One move in a message's story."""

    at: float
    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Answer to `Show`."""

    message: MessageView
    story: tuple[Change, ...]
    expires_at: float | None = None
    pane: str = ""
    """Where it was typed: socket and pane id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One message's whole story, by its id (`msg-12`, or `12`)."""

    METHOD: ClassVar[str] = "show"
    RESULT: ClassVar = Shown
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Answer to `Cancel`: it is durable."""

    id: str
    status: str
    """`cancelled`; or of what runs and is being stopped, `cancelling`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take back a message that was not typed yet (`msg-12`), or end a captured command or a run (`run-3`)."""

    METHOD: ClassVar[str] = "cancel"
    RESULT: ClassVar = Cancelled
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Answer to `Resolve`: the decision is durable. The same decision again gets the same answer."""

    id: str
    decision: Decision
    status: Status
    """Where the message is now."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Decide about a message that is in doubt, by its id (`msg-12`, or `12`)."""

    METHOD: ClassVar[str] = "resolve"
    RESULT: ClassVar = Resolved
    id: str
    decision: Decision
