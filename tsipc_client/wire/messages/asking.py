"""Questions to a session, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """Answer to `Reply`: it is durable."""

    id: str
    source: str
    """Who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer a question (`msg-12`, or `12`); `-` is the one that the caller's session was asked last."""

    METHOD: ClassVar[str] = "reply"
    RESULT: ClassVar = Replied
    id: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """One question that waits for an answer."""

    id: str
    source: str
    question: str
    asked_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxList:
    """Answer to `Inbox`, oldest first; at most 200 of all that are `unanswered`."""

    session: str
    questions: tuple[QuestionView, ...]
    unanswered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What a session was asked and has not answered."""

    METHOD: ClassVar[str] = "inbox"
    RESULT: ClassVar = InboxList
    session: str = "."
