"""The closed sets of words that the protocol knows."""

from __future__ import annotations

from enum import StrEnum


class MessageType(StrEnum):
    """What a message asks for."""

    COMMAND = "command"
    NOTIFICATION = "notification"
    DATA = "data"


class Action(StrEnum):
    """What a subscription does with an event."""

    NOTIFY = "notify"
    COMMAND = "command"
    DATA = "data"


class Status(StrEnum):
    """Where a message is on its way. The legal moves are the table in `tsipcd.core.delivery`."""

    ACCEPTED = "accepted"
    HELD = "held"
    INTENT = "intent"
    DELIVERED = "delivered"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    IN_DOUBT = "in-doubt"


class Decision(StrEnum):
    """What a person makes of a message of which nobody can know whether it was typed."""

    REDELIVER = "redeliver"
    """Type it again, wherever its target is now."""
    DROP = "drop"
    """Leave it."""
    DELIVERED = "delivered"
    """It was typed."""


class Priority(StrEnum):
    """Which of the commands that wait for one pane is typed first; among equals, the one that came first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Milestone(StrEnum):
    """How far a message has come when who waits for it is answered; at the latest, when it has ended."""

    DELIVERED = "delivered"
    """It was typed, shown or stored."""
    DONE = "done"
    """Of a captured command, its exit status is known; of any other message, as `delivered`."""
    ANSWERED = "answered"
    """Of a question, somebody replied."""


class RunStatus(StrEnum):
    """Where a workflow run is."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    CANCELLING = "cancelling"
    """It is to end: what runs of it is being stopped."""
    QUEUED = "queued"
    """It waits for its turn in its concurrency group."""
    PARTIAL = "partial"
    """A step went wrong that is allowed to; else it is a success."""
    TIMED_OUT = "timed-out"
    REJECTED = "rejected"
    """Somebody was asked, and said no."""


class StepResult(StrEnum):
    """How a step of a run ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    INTERRUPTED = "interrupted"
    """How its command ended cannot be known."""
    REJECTED = "rejected"
