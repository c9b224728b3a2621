"""Questions that sessions were asked: their facts, and the table of what they add up to.

A question lives longer than the notification that shows it: until it is answered, taken back, or its time is
over. What was closed is remembered for a while, so that whoever asks late still gets the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from tsipc_client.wire.messages import Status
from tsipcd.core.fact import Fact

KEEP_CLOSED: Final = 1000
"""Closed questions are remembered until this many newer ones are closed."""


class QuestionAsked(Fact, frozen=True, tag="asked"):
    """A notification that was just accepted is a question to a session."""

    number: int
    source: str
    session: str
    text: str
    expires_at: float


class QuestionAnswered(Fact, frozen=True, tag="answered"):
    """Somebody answered it: `by` a session, or from none."""

    number: int
    answer: str
    by: str


class QuestionClosed(Fact, frozen=True, tag="unanswered"):
    """It will not be answered any more: expired, cancelled or failed."""

    number: int
    status: Status


class QuestionKept(Fact, frozen=True, tag="question"):
    """Snapshots only: a question as it stood; `at` is when it was asked."""

    number: int
    source: str
    session: str
    text: str
    expires_at: float
    status: Status | None
    answer: str
    by: str


QuestionFact = QuestionAsked | QuestionAnswered | QuestionClosed | QuestionKept


class Question(msgspec.Struct):
    """One question, by the number of its message."""

    number: int
    source: str
    session: str
    text: str
    asked_at: float
    expires_at: float
    status: Status | None = None
    """None: it is open; `done`: it was answered."""
    answer: str = ""
    by: str = ""


class Questions:
    """All that are open, and the latest that are closed."""

    def __init__(self) -> None:
        self.by_number: dict[int, Question] = {}
        self._closed: deque[int] = deque()

    def open_for(self, session: str) -> list[Question]:
        """Those that a session has to answer, oldest first."""
        return [x for x in self.by_number.values() if x.status is None and x.session == session]

    def apply(self, fact: QuestionFact) -> None:
        """Take one fact in; `KeyError` if it is about a question that nobody asked."""
        match fact:
            case QuestionAsked():
                self._put(
                    Question(fact.number, fact.source, fact.session, fact.text, fact.at, fact.expires_at)
                )
            case QuestionKept():
                self._put(
                    Question(
                        fact.number, fact.source, fact.session, fact.text, fact.at, fact.expires_at,
                        fact.status, fact.answer, fact.by,
                    )
                )  # fmt: skip
            case QuestionAnswered():
                question = self.by_number[fact.number]
                question.answer, question.by = fact.answer, fact.by
                self._close(question, Status.DONE)
            case QuestionClosed():
                self._close(self.by_number[fact.number], fact.status)

    def shift(self, by_s: float) -> None:
        """The clock was set: what had an hour left still has one."""
        for question in self.by_number.values():
            question.expires_at += by_s

    def snapshot(self) -> Iterator[QuestionKept]:
        """The facts that rebuild this table: the closed ones in the order of their closing."""
        closed = [self.by_number[number] for number in self._closed]
        for x in (*(each for each in self.by_number.values() if each.status is None), *closed):
            yield QuestionKept(
                x.asked_at, x.number, x.source, x.session, x.text, x.expires_at, x.status, x.answer, x.by
            )

    def _put(self, question: Question) -> None:
        self.by_number[question.number] = question
        if question.status is not None:
            self._closed.append(question.number)

    def _close(self, question: Question, status: Status) -> None:
        question.status = status
        self._closed.append(question.number)
        while len(self._closed) > KEEP_CLOSED:
            del self.by_number[self._closed.popleft()]
