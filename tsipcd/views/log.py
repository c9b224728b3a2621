"""The lines of `events.log`. Pure: facts in, lines out.

    TIMESTAMP SEND SOURCE → TARGET [TYPE] msg-N          TIMESTAMP EXPIRE TARGET [TYPE] msg-N
    TIMESTAMP PUBLISH SOURCE [EVENT] → SUBSCRIBER        TIMESTAMP CANCEL TARGET [TYPE] msg-N
    TIMESTAMP DELIVER TARGET [TYPE] msg-N                TIMESTAMP RUN WORKFLOW run-N
    TIMESTAMP HOLD TARGET [TYPE] msg-N (REASON)          TIMESTAMP END WORKFLOW run-N STATUS
    TIMESTAMP FAIL TARGET [TYPE] msg-N (REASON)          TIMESTAMP SUBSCRIBE SESSION [EVENT] ACTION
    TIMESTAMP DOUBT TARGET [TYPE] msg-N (REASON)         TIMESTAMP UNSUBSCRIBE SESSION [EVENT]
    TIMESTAMP RESOLVE TARGET [TYPE] msg-N DECISION (BY)      TIMESTAMP RETRY TARGET [TYPE] msg-N msg-M
    TIMESTAMP START TARGET [TYPE] msg-N                      TIMESTAMP STOP TARGET [TYPE] msg-N (BY)
    TIMESTAMP DONE TARGET [TYPE] msg-N exit STATUS       TIMESTAMP PAUSE SOURCE [EVENT] (REASON)

Those of runs are in `run_log`, those of what starts by itself in `trigger_log`.

One event is one line, whatever is in the names; a publish has one for each subscriber, or one with `→ -`, and
a message that is held from the first moment on has SEND and HOLD.
In names `%`, white space and characters that do not show as themselves are `%XX`; a name that is just `-` is
`%2D`, an empty one `%`; a bare `-` stands for what is not known. In reasons spaces stay. There are no bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tsipc_client.wire.messages import MessageType
from tsipcd.core.aftermath import MessageRetried, MessagesPurged
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
    SessionSeen,
    StepFinished,
    StepStarted,
    Subscribed,
    TypingIntended,
    Unsubscribed,
    WaitingKept,
)
from tsipcd.core.questions import QuestionAnswered, QuestionAsked, QuestionClosed, QuestionKept
from tsipcd.core.triggers.facts import TriggerFact
from tsipcd.views.log_words import UNKNOWN, reason, safe_name
from tsipcd.views.run_log import run_lines
from tsipcd.views.timestamp import iso
from tsipcd.views.trigger_log import trigger_lines


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
            return (sent, f"{at} HOLD {subject}{reason(fact.held)}") if fact.held else (sent,)
        case MessageDelivered():
            return (f"{at} DELIVER {_subject(fact.number, message)}",)
        case EventPublished():
            start = f"{at} PUBLISH {safe_name(fact.source)} [{safe_name(fact.event)}] → "
            return tuple(start + safe_name(session) for session, _ in fact.subscribers) or (start + UNKNOWN,)
        case EventPaused():
            who = fact.session or fact.source
            publisher = safe_name(who) if who else UNKNOWN
            return (f"{at} PAUSE {publisher} [{safe_name(fact.event)}]{reason(fact.reason)}",)
        case MessageHeld():
            return (f"{at} HOLD {_subject(fact.number, message)}{reason(fact.reason)}",)
        case MessageFailed():
            return (f"{at} FAIL {_subject(fact.number, message)}{reason(fact.reason)}",)
        case QuestionAnswered():
            return (f"{at} REPLY {_subject(fact.number, message)}{reason(fact.by)}",)
        case MessageRetried():
            return (f"{at} RETRY {_subject(fact.number, message)} msg-{fact.again}",)
        case CommandStopAsked():
            return (f"{at} STOP {_subject(fact.number, message)}{reason(fact.by)}",)
        case MessageDoubted():
            return (f"{at} DOUBT {_subject(fact.number, message)}{reason(fact.reason)}",)
        case DoubtResolved():
            subject = _subject(fact.number, message)
            return (f"{at} RESOLVE {subject} {fact.decision}{reason(fact.by)}",)
        case MessageExpired():
            return (f"{at} EXPIRE {_subject(fact.number, message)}",)
        case MessageCancelled():
            return (f"{at} CANCEL {_subject(fact.number, message)}",)
        case StepStarted():
            return (f"{at} START {_subject(fact.number, message)}",)
        case StepFinished():
            return (f"{at} DONE {_subject(fact.number, message)} exit {fact.exit_code}",)
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
            | DueKept()
            | MessagesPurged()
            | QuestionAsked()
            | QuestionClosed()
            | QuestionKept()
            | CountersKept()
            | KeyKept()
        ):
            return ()
        case PauseKept() | CauseKept():
            return ()
        case _ if isinstance(fact, TriggerFact):
            return trigger_lines(fact)
        case _:
            return run_lines(fact, workflow)


def _subject(number: int, message: Callable[[int], Subject | None]) -> str:
    known = message(number)
    if known is None:
        return f"{UNKNOWN} [{UNKNOWN}] msg-{number}"
    return f"{safe_name(known.target)} [{known.type}] msg-{number}"
