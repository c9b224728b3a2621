"""Events: who receives them, to publish one, and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """Answer to `Subscribe` and `Unsubscribe`: the table's file is durable."""

    session: str
    event: str
    action: Action | None
    """The action now in force; None: not subscribed."""
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Let `session` receive `event`; a second subscription of the pair replaces its action."""

    METHOD: ClassVar[str] = "subscribe"
    RESULT: ClassVar = Subscribed
    session: str
    event: str
    action: Action = Action.NOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """End the subscription of `session` to `event`; not being subscribed is no error."""

    METHOD: ClassVar[str] = "unsubscribe"
    RESULT: ClassVar = Subscribed
    session: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """One subscriber of a published event and the message that carries it."""

    session: str
    action: Action
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Answer to `Publish`: the event and its list of subscribers are durable."""

    event: str
    subscribers: tuple[Fanout, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Hand `event` to all its subscribers, as one atomic fact. `source` may be any label."""

    METHOD: ClassVar[str] = "publish"
    RESULT: ClassVar = Published
    source: str
    event: str
    data: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One row of the table."""

    session: str
    event: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTable:
    """Answer to `Subscriptions`, in the file's order."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Who is subscribed to what."""

    METHOD: ClassVar[str] = "subscriptions"
    RESULT: ClassVar = SubscriptionTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Answer to `Events`; `cut` says that more were asked for than one answer holds."""

    lines: tuple[str, ...]
    path: str
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The last `lines` lines of the event log, oldest first."""

    METHOD: ClassVar[str] = "events"
    RESULT: ClassVar = LogLines
    lines: int = 20
