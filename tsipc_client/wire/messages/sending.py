"""To send a message, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import MessageType, Priority, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Answer to `Send` and `Retry`: the message is durable."""

    id: str
    status: Status
    """`accepted`: on its way; `held`: waiting, see `reason`."""
    target: str
    """The session's full name, after aliases."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Type a command into `target`, show a notification there, or leave data for it."""

    METHOD: ClassVar[str] = "send"
    RESULT: ClassVar = Sent
    source: str
    target: str
    message: str
    type: MessageType = MessageType.COMMAND
    ttl_s: float | None = None
    """How long it may wait before it expires; None: the configured default."""
    now: bool = False
    """Type even if the pane looks busy; a dead pane, copy mode and closed input are never typed into."""
    raw: bool = False
    """Let control characters through to the pane."""
    key: str = ""
    """Idempotency key: the same key again returns the first answer."""
    secret: bool = False
    """No view, listing or log ever shows the body, only its size. Not for notifications."""
    capture: bool = False
    """Run the command as a workflow's step: by a shell at its prompt, its output and exit status kept."""
    at: float | None = None
    """Not before this time; it is the clock's, whatever that is set to."""
    delay_s: float | None = None
    """Not before so much time has passed; instead of `at`."""
    priority: Priority = Priority.NORMAL
    ask: bool = False
    """It is a question, which the session's `inbox` has until somebody replies. For notifications."""
