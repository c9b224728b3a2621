"""What the facts add up to: messages, runs, keys and counters. `State.apply` is the same live and in replay.

Nothing here looks at tmux, at clients or at files; nothing here asks for anything. A snapshot is a list of
facts that, applied to an empty state, gives this state again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from sys import intern
from typing import Final

from msgspec.structs import replace

from tsipc_client.wire.messages import (
    Action,
    Decision,
    Fanout,
    MessageType,
    Published,
    Sent,
    Status,
)
from tsipcd.core import clock, keeping
from tsipcd.core import facts as f
from tsipcd.core.aftermath import MessageRetried, MessagesPurged
from tsipcd.core.chains import Chains, pause_notice
from tsipcd.core.delivery import check_move
from tsipcd.core.questions import (
    QuestionAnswered,
    QuestionAsked,
    QuestionClosed,
    QuestionKept,
    Questions,
)
from tsipcd.core.records import Due, Envelope, Message, Remembered
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.facts import RunFact
from tsipcd.core.runs.table import RunTable
from tsipcd.core.triggers.facts import TriggerFact
from tsipcd.core.triggers.records import DueRun
from tsipcd.core.triggers.table import TriggerTable

KEEP_ENDED: Final = 1000
"""Messages that ended stay listed until this many newer ones have ended."""

KEEP_KEYS: Final = 10_000
"""Idempotency keys remembered, the latest first."""

KEEP_NAMES: Final = 10_000
"""Session names remembered as known, the latest seen first."""

OWN_NAME: Final = "ts-ipc"
"""The sender of what the daemon itself has to say."""


def notice(event: str, data: str) -> str:
    """What the subscribers with action `notify` are shown."""
    return f"Event: {event} - {data}" if data else f"Event: {event}"


ACTION_TYPES: Final = {
    Action.NOTIFY: MessageType.NOTIFICATION,
    Action.COMMAND: MessageType.COMMAND,
    Action.DATA: MessageType.DATA,
}


RESOLVED_STATUS: Final = {
    Decision.REDELIVER: Status.ACCEPTED,
    Decision.DROP: Status.CANCELLED,
    Decision.DELIVERED: Status.DELIVERED,
}
"""Where a decision about a doubt takes the message."""


class State:
    """Everything durable, in memory."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        """By number, oldest first: all that have not ended and the latest that have."""
        self.ended: deque[int] = deque()
        self.retried: dict[int, int] = {}
        """Of a dead letter that was sent once more, the other message."""
        self.later: dict[int, Due] = {}
        """When each message may be begun that waits for its time, and moves only then."""
        self.questions = Questions()
        self._table = RunTable()
        self.runs = self._table.runs
        """By number: all that have not ended and the latest that have."""
        # Ordered dicts, because a plain one finds its first key slowly after many of them were dropped.
        self.keys: OrderedDict[str, Remembered] = OrderedDict()
        self.names: OrderedDict[str, None] = OrderedDict()
        """Session names seen, in the order they were last new."""
        self.chains = Chains()
        self.triggers = TriggerTable()
        self.in_doubt = 0
        """How many messages a person has to decide about."""
        self.last_message = 0
        self.last_attempt = 0
        self.last_at = 0.0
        """When the last fact was written that an earlier life left; whoever replays it says so."""

    @property
    def last_run(self) -> int:
        """The number given out last."""
        return self._table.last

    @property
    def under_way(self) -> int:
        """How many messages wait for the world, not for a person."""
        return self.waiting - self.in_doubt

    @property
    def waiting(self) -> int:
        """How many messages have not ended."""
        return len(self.messages) - len(self.ended)

    def apply(self, fact: f.Fact) -> None:
        """Take one fact in; `IllegalMove` or `KeyError` if it cannot follow the earlier ones."""
        match fact:
            case f.MessageAccepted():
                self._accept(fact)
            case f.EventPublished():
                self._publish(fact)
            case f.EventPaused():
                self._pause(fact)
            case f.MessageHeld() | f.MessageFailed():
                self._move(fact.number, _FOR_A_REASON[type(fact)], fact.at, fact.reason)
            case f.TypingIntended():
                self._intend(fact)
            case f.MessageDelivered():
                self._typed(self._move(fact.number, Status.DELIVERED, fact.at, fact.detail), fact.at)
            case f.StepStarted():
                self._start_step(fact)
            case f.StepFinished():
                self._finish_step(fact)
            case f.MessageExpired() | f.MessageCancelled():
                self._move(fact.number, _TAKEN_BACK[type(fact)], fact.at)
            case MessageRetried() | MessagesPurged():
                self._clear_up(fact)
            case QuestionAsked() | QuestionAnswered() | QuestionClosed() | QuestionKept():
                self.questions.apply(fact)
            case f.CommandStopAsked():
                self._ask_to_stop(fact)
            case f.MessageDoubted():
                self._doubt(fact)
            case f.AttemptsOutrun():
                self.last_attempt = max(self.last_attempt, fact.attempt)
            case f.DoubtResolved():
                self._resolve(fact)
            case rf.RunStarted():
                self._table.apply(fact)
                self._remember(fact.key, Remembered(fact.digest, run=fact.number))
                self.triggers.started(fact.due, fact.number)
            case f.Subscribed() | f.Unsubscribed() | f.SessionSeen():
                self._see(fact.name if isinstance(fact, f.SessionSeen) else fact.session)
            case f.ClockSet():
                self._set_clock(fact.by_s)
            case f.MessageKept() | f.WaitingKept() | f.DueKept():
                self._keep(fact)
            case f.PauseKept() | f.CauseKept():
                self.chains.apply(fact)
            case f.CountersKept():
                self.last_message, self._table.last, self.last_attempt = fact.message, fact.run, fact.attempt
            case f.KeyKept():
                self._remember(fact.key, Remembered(fact.digest, fact.sent, fact.published, fact.run))
            case _:
                self._start_and_run(fact)

    def snapshot(self, at: float) -> Iterator[f.Fact]:
        """The facts that rebuild this state from nothing."""
        for name in self.names:
            yield f.SessionSeen(at, name)
        for m in self.messages.values():
            if not m.has_ended:
                yield keeping.kept(at, m)
        # In the order of their ending: the next to be dropped first.
        for number in self.ended:
            yield keeping.kept(at, self.messages[number])
        yield from self._table.snapshot(at)
        for number, again in self.retried.items():
            yield MessageRetried(at, number, again)
        for number, due in self.later.items():
            yield f.DueKept(at, number, due)
        yield from self.questions.snapshot()
        yield from self.chains.snapshot()
        yield from self.triggers.snapshot(at)
        for key, kept in self.keys.items():
            yield f.KeyKept(at, key, kept.digest, kept.sent, kept.published, kept.run)
        # Last, for the clock: when this was written. The messages tell when they were accepted.
        yield f.CountersKept(at, self.last_message, self.last_run, self.last_attempt)

    def _start_and_run(self, fact: TriggerFact | RunFact) -> None:
        if isinstance(fact, TriggerFact):
            self.triggers.apply(fact)
        else:
            self._table.apply(fact)

    def _accept(self, fact: f.MessageAccepted) -> None:
        # By position, and each name once in memory: a million may be replayed, and wait.
        number = fact.number
        secret_bytes = len(fact.body.encode()) if fact.secret else None
        envelope = Envelope(
            fact.observed, "", fact.now, fact.raw, fact.pane, fact.depth, secret_bytes, fact.capture,
            fact.priority, fact.retry,
        )  # fmt: skip
        message = Message(
            number, intern(fact.source), intern(fact.target), fact.type, fact.body, fact.at, fact.expires_at,
            Status.HELD if fact.held else Status.ACCEPTED, intern(fact.held), (), fact.run, fact.step,
            keeping.shared(envelope),
        )  # fmt: skip
        self.messages[number] = message
        if fact.due is not None:
            self.later[number] = fact.due
        self.last_message = max(self.last_message, number)
        if fact.run:
            self._table.begun(message, fact.at)
        if fact.key:
            self._remember(
                fact.key,
                Remembered(
                    fact.digest,
                    sent=Sent(id=message.id, status=message.status, target=fact.target, reason=fact.held),
                ),
            )

    def _publish(self, fact: f.EventPublished) -> None:
        text, source = notice(fact.event, fact.data), intern(fact.source)
        envelope = Envelope(observed=fact.observed, event=fact.event, depth=fact.depth)
        fanout = []
        for number, (session, action) in enumerate(fact.subscribers, fact.first):
            self.messages[number] = Message(
                number, source, intern(session), ACTION_TYPES[action],
                text if action is Action.NOTIFY else fact.data, fact.at, fact.expires_at,
                envelope=envelope,
            )  # fmt: skip
            fanout.append(Fanout(session=session, action=action, id=f"msg-{number}"))
        self.last_message = max(self.last_message, fact.first + len(fact.subscribers) - 1)
        due = DueRun(fact.due, "", fact.at, event=fact.event, source=source, data=fact.data, depth=fact.depth)
        self.triggers.published(due, fact.workflows)
        if fact.key:
            answer = Published(event=fact.event, subscribers=tuple(fanout))
            self._remember(fact.key, Remembered(fact.digest, published=answer))

    def _pause(self, fact: f.EventPaused) -> None:
        envelope = Envelope(event=fact.event)
        for number, session in enumerate(fact.told, fact.first):
            self.messages[number] = Message(
                number, OWN_NAME, session, MessageType.NOTIFICATION, pause_notice(fact), fact.at,
                fact.expires_at, envelope=envelope,
            )  # fmt: skip
        self.last_message = max(self.last_message, fact.first + len(fact.told) - 1)
        self.chains.apply(fact)

    def _intend(self, fact: f.TypingIntended) -> None:
        message = self._move(fact.number, Status.INTENT, fact.at, fact.pin.pane)
        message.course = replace(message.course, attempt=fact.attempt, pin=fact.pin, shell=fact.shell)
        self.last_attempt = max(self.last_attempt, fact.attempt)
        self._typed(message, fact.at)

    def _start_step(self, fact: f.StepStarted) -> None:
        message = self._move(fact.number, Status.STARTED, fact.at)
        self._table.started(message, fact.at)
        self._typed(message, fact.at)

    def _finish_step(self, fact: f.StepFinished) -> None:
        message = self._move(fact.number, Status.DONE, fact.at, f"exit {fact.exit_code}")
        message.course = replace(message.course, exit_code=fact.exit_code)
        self._table.ended(message, fact.outputs, fact.fault)
        self._typed(message, fact.at)

    def _typed(self, message: Message, at: float) -> None:
        if message.pin is not None:
            self.chains.typed(message.pin.pid, message.envelope.depth, at)

    def _move(self, number: int, status: Status, at: float, detail: str = "") -> Message:
        message = self.messages[number]
        check_move(number, message.status, status)
        self.later.pop(number, None)
        self.in_doubt += (status is Status.IN_DOUBT) - (message.status is Status.IN_DOUBT)
        message.moves = keeping.moves_of(message.accepted_at, status, (*message.story, (at, status, detail)))
        message.status = status
        message.reason = intern(detail) if status in _REASONED else ""
        if message.has_ended:
            if message.envelope.secret_bytes is not None:
                message.body = ""
            self._table.ended(message)
            self.ended.append(number)
            self._drop_oldest()
        return message

    def _doubt(self, fact: f.MessageDoubted) -> None:
        message = self._move(fact.number, Status.IN_DOUBT, fact.at, fact.reason)
        message.course = replace(message.course, decision=None)

    def _ask_to_stop(self, fact: f.CommandStopAsked) -> None:
        message = self.messages[fact.number]
        message.course = replace(message.course, stop_asked_at=fact.at)

    def _resolve(self, fact: f.DoubtResolved) -> None:
        detail = f"{fact.decision}, {fact.by}"
        message = self._move(fact.number, RESOLVED_STATUS[fact.decision], fact.at, detail)
        message.expires_at = fact.expires_at
        again = fact.decision is Decision.REDELIVER
        message.course = replace(
            message.course,
            decision=fact.decision,
            redelivered=message.course.redelivered + again,
            stop_asked_at=None,
        )
        if again and message.run:
            self._table.reopen(message)

    def is_dead(self, message: Message) -> bool:
        """Whether it is a letter that never came where it should, and nobody has seen to that."""
        is_lost = message.status is Status.FAILED or message.status is Status.EXPIRED
        return is_lost and not message.run and message.number not in self.retried

    def _clear_up(self, fact: MessageRetried | MessagesPurged) -> None:
        if isinstance(fact, MessageRetried):
            self.retried[fact.number] = fact.again
            return
        for number in fact.numbers:
            del self.messages[number]
            self.retried.pop(number, None)
        self.ended = deque(number for number in self.ended if number in self.messages)

    def _drop_oldest(self) -> None:
        while len(self.ended) > KEEP_ENDED:
            number = self.ended.popleft()
            del self.messages[number]
            self.retried.pop(number, None)

    def _set_clock(self, by_s: float) -> None:
        clock.shift(self.messages.values(), by_s)
        self._table.shift(by_s)
        self.questions.shift(by_s)
        for number, due in self.later.items():
            if due.moves:
                self.later[number] = Due(due.at + by_s, moves=True)

    def _remember(self, key: str, answer: Remembered) -> None:
        if not key:
            return
        self.keys[key] = answer
        if len(self.keys) > KEEP_KEYS:
            self.keys.popitem(last=False)

    def _see(self, name: str) -> None:
        self.names.pop(name, None)
        self.names[name] = None
        if len(self.names) > KEEP_NAMES:
            self.names.popitem(last=False)

    def _keep(self, fact: f.MessageKept | f.WaitingKept | f.DueKept) -> None:
        if isinstance(fact, f.DueKept):
            self.later[fact.number] = fact.due
            return
        message = self.messages[fact.number] = keeping.taken_up(fact)
        self.in_doubt += message.status is Status.IN_DOUBT
        if message.has_ended:
            self.ended.append(fact.number)


_FOR_A_REASON: Final = {f.MessageHeld: Status.HELD, f.MessageFailed: Status.FAILED}

_TAKEN_BACK: Final = {f.MessageExpired: Status.EXPIRED, f.MessageCancelled: Status.CANCELLED}

_REASONED: Final = frozenset({Status.HELD, Status.FAILED, Status.IN_DOUBT})
"""Statuses whose detail is a reason for people."""
