"""The lines of `events.log`. Pure: facts in, lines out.

    TIMESTAMP SEND SOURCE → TARGET [TYPE] msg-N          TIMESTAMP EXPIRE TARGET [TYPE] msg-N
    TIMESTAMP PUBLISH SOURCE [EVENT] → SUBSCRIBER        TIMESTAMP CANCEL TARGET [TYPE] msg-N
    TIMESTAMP DELIVER TARGET [TYPE] msg-N                TIMESTAMP RUN WORKFLOW run-N
    TIMESTAMP HOLD TARGET [TYPE] msg-N (REASON)          TIMESTAMP END WORKFLOW run-N STATUS
    TIMESTAMP FAIL TARGET [TYPE] msg-N (REASON)          TIMESTAMP SUBSCRIBE SESSION [EVENT] ACTION
    TIMESTAMP DOUBT TARGET [TYPE] msg-N (REASON)         TIMESTAMP UNSUBSCRIBE SESSION [EVENT]
    TIMESTAMP RESOLVE TARGET [TYPE] msg-N DECISION (BY)
    TIMESTAMP START TARGET [TYPE] msg-N                      TIMESTAMP STOP TARGET [TYPE] msg-N (BY)
    TIMESTAMP DONE TARGET [TYPE] msg-N exit STATUS       TIMESTAMP PAUSE SOURCE [EVENT] (REASON)

One event is one line, whatever is in the names; a publish has one for each subscriber, or one with `→ -`, and
a message that is held from the first moment on has SEND and HOLD.
In names `%`, white space and characters that do not show as themselves are `%XX`; a name that is just `-` is
`%2D`, an empty one `%`; a bare `-` stands for what is not known. In reasons spaces stay. There are no bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, assert_never

from tsipc_client.wire.messages import MessageType
from tsipc_client.wire.text import is_safe
from tsipcd.core.facts import (
    AttemptsOutrun,
    CauseKept,
    ClockSet,
    CommandStopAsked,
    CountersKept,
    DoubtResolved,
    DueKept,
    EventPaused,
    EventPublished,
    Fact,
    KeyKept,
    MessageAccepted,
    MessageCancelled,
    MessageDelivered,
    MessageDoubted,
    MessageExpired,
    MessageFailed,
    MessageHeld,
    MessageKept,
    PauseKept,
    RunCancelAsked,
    RunFinished,
    RunKept,
    RunStarted,
    SessionSeen,
    StepFinished,
    StepStarted,
    Subscribed,
    TypingIntended,
    Unsubscribed,
    WaitingKept,
)
from tsipcd.views import percent
from tsipcd.views.timestamp import iso

_UNKNOWN = "-"


class Subject(Protocol):
    """What a line tells of a message whose fact carries only its number."""

    @property
    def target(self) -> str:
        """The session it is for."""

    @property
    def type(self) -> MessageType:
        """What it asks for."""


def lines(
    fact: Fact, message: Callable[[int], Subject | None], workflow: Callable[[int], str | None]
) -> tuple[str, ...]:
    """The lines of one fact, without line ends; none for what is no event.

    `message` and `workflow` give what is known of a message and the workflow of a run, by number.
    """
    at = iso(fact.at)
    match fact:
        case MessageAccepted():
            subject = f"{safe_name(fact.target)} [{fact.type}] msg-{fact.number}"
            sent = f"{at} SEND {safe_name(fact.source)} → {subject}"
            return (sent, f"{at} HOLD {subject}{_reason(fact.held)}") if fact.held else (sent,)
        case MessageDelivered():
            return (f"{at} DELIVER {_subject(fact.number, message)}",)
        case EventPublished():
            start = f"{at} PUBLISH {safe_name(fact.source)} [{safe_name(fact.event)}] → "
            return tuple(start + safe_name(session) for session, _ in fact.subscribers) or (start + _UNKNOWN,)
        case EventPaused():
            who = fact.session or fact.source
            publisher = safe_name(who) if who else _UNKNOWN
            return (f"{at} PAUSE {publisher} [{safe_name(fact.event)}]{_reason(fact.reason)}",)
        case MessageHeld():
            return (f"{at} HOLD {_subject(fact.number, message)}{_reason(fact.reason)}",)
        case MessageFailed():
            return (f"{at} FAIL {_subject(fact.number, message)}{_reason(fact.reason)}",)
        case CommandStopAsked():
            return (f"{at} STOP {_subject(fact.number, message)}{_reason(fact.by)}",)
        case MessageDoubted():
            return (f"{at} DOUBT {_subject(fact.number, message)}{_reason(fact.reason)}",)
        case DoubtResolved():
            subject = _subject(fact.number, message)
            return (f"{at} RESOLVE {subject} {fact.decision}{_reason(fact.by)}",)
        case MessageExpired():
            return (f"{at} EXPIRE {_subject(fact.number, message)}",)
        case MessageCancelled():
            return (f"{at} CANCEL {_subject(fact.number, message)}",)
        case StepStarted():
            return (f"{at} START {_subject(fact.number, message)}",)
        case StepFinished():
            return (f"{at} DONE {_subject(fact.number, message)} exit {fact.exit_code}",)
        case RunStarted():
            return (f"{at} RUN {safe_name(fact.workflow)} run-{fact.number}",)
        case RunCancelAsked():
            return (f"{at} CANCEL {_run(fact.number, workflow)}{_reason(fact.by)}",)
        case RunFinished():
            return (f"{at} END {_run(fact.number, workflow)} {fact.status}",)
        case Subscribed():
            pair = f"{safe_name(fact.session)} [{safe_name(fact.event)}]"
            return (f"{at} SUBSCRIBE {pair} {fact.action}",)
        case Unsubscribed():
            return (f"{at} UNSUBSCRIBE {safe_name(fact.session)} [{safe_name(fact.event)}]",)
        case (
            TypingIntended()
            | AttemptsOutrun()
            | SessionSeen()
            | ClockSet()
            | MessageKept()
            | WaitingKept()
            | RunKept()
            | DueKept()
            | CountersKept()
            | KeyKept()
        ):
            return ()
        case PauseKept() | CauseKept():
            return ()
        case _:
            assert_never(fact)


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """`name` as one word of a line, different for different names."""
    if name == _UNKNOWN:
        return percent.escape(name)
    return percent.encode(name, lambda char: char.isspace() or not is_safe(char)) or "%"


def _subject(number: int, message: Callable[[int], Subject | None]) -> str:
    known = message(number)
    if known is None:
        return f"{_UNKNOWN} [{_UNKNOWN}] msg-{number}"
    return f"{safe_name(known.target)} [{known.type}] msg-{number}"


def _run(number: int, workflow: Callable[[int], str | None]) -> str:
    name = workflow(number)
    return f"{_UNKNOWN if name is None else safe_name(name)} run-{number}"


@lru_cache(maxsize=1024)
def _reason(reason: str) -> str:
    if not reason:
        return ""
    shown = percent.encode(reason, lambda char: char != " " and (char.isspace() or not is_safe(char)))
    return f" ({shown})"
