"""The daemon itself: who it is, how it is, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Answer to `Hello`."""

    version: str
    wire_version: int
    limits: dict[str, int]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who is there: versions, limits, methods. Optional; a client may ask at any time."""

    METHOD: ClassVar[str] = "hello"
    RESULT: ClassVar = Welcome
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedEvent:
    """An event that is refused for a while, because it answered itself or came too fast."""

    event: str
    publisher: str
    """Whose: a session or a claimed name; empty: of all who are in no session or answer another event."""
    observed: bool
    """Whether `publisher` is the session it is really published from."""
    until: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """Answer to `DaemonStatus`."""

    version: str
    wire_version: int
    pid: int
    started_at: float
    directory: str
    activation: str
    """`systemd`, or `process` if a client or a person started it."""
    waiting: int
    """Messages that have not ended."""
    held: dict[str, int]
    """Waiting messages by reason, the most frequent ones; the others are `other reasons`."""
    runs: int
    clients: int
    servers: tuple[str, ...]
    journal_bytes: int
    last_sync_s: float | None
    storage_low: bool
    paused: tuple[PausedEvent, ...] = ()
    """Events that are refused now, the latest first; at most 20."""
    in_doubt: int = 0
    """Messages that wait for a person's decision; they count as waiting, too."""
    unreachable: tuple[str, ...] = ()
    """Servers that did not answer when they were last needed, and why."""
    free_bytes: int | None = None
    """Free disk space where the state folder is; None: not known."""
    max_waiting: int = 0
    """The cap on `waiting`; 0: none."""
    max_waiting_per_target: int = 0
    memory_low: bool = False
    """New work is refused, since too little memory is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """How the daemon is: version, pid, uptime, backlog, journal, tmux servers."""

    METHOD: ClassVar[str] = "status"
    RESULT: ClassVar = StatusReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """Answer to `Stop`."""

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Drain and exit. Answered before the socket closes."""

    METHOD: ClassVar[str] = "stop"
    RESULT: ClassVar = Stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """An error on the wire."""

    code: str
    message: str
    hint: str = ""
    data: dict[str, Any] | None = None
