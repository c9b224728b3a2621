"""The tmux sessions that the daemon sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One tmux session."""

    name: str
    server: str
    """The server's socket path."""
    windows: int
    attached: int
    command: str
    """What runs in its active pane."""
    pending: int
    """Messages waiting for it."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """Answer to `Sessions`; `unreachable` names servers that did not answer, and why."""

    sessions: tuple[SessionView, ...]
    unreachable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Every session of every tmux server that can be seen."""

    METHOD: ClassVar[str] = "sessions"
    RESULT: ClassVar = SessionList
