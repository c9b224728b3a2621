"""What the facts add up to: messages, runs, keys and counters. `State.apply` is the same live and in replay.

Nothing here looks at tmux, at clients or at files; nothing here asks for anything. A snapshot is a list of
facts that, applied to an empty state, gives this state again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from sys import intern
from typing import Final, assert_never

from msgspec.structs import replace

from tsipc_client.wire.messages import (
    Action,
    Decision,
    Fanout,
    MessageType,
    Published,
    RunStatus,
    Sent,
    Status,
)
from tsipcd.core import clock, keeping
from tsipcd.core import facts as f
from tsipcd.core.chains import Chains, pause_notice
from tsipcd.core.delivery import check_move
from tsipcd.core.records import Due, Envelope, Message, Remembered, RunRecord

KEEP_ENDED: Final = 1000
"""Messages that ended stay listed until this many newer ones have ended."""

KEEP_RUNS: Final = 200
"""The same for runs."""

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
        self.later: dict[int, Due] = {}
        """When each message may be begun that waits for its time, and moves only then."""
        self.runs: dict[int, RunRecord] = {}
        # Ordered dicts, because a plain one finds its first key slowly after many of them were dropped.
        self.keys: OrderedDict[str, Remembered] = OrderedDict()
        self.names: OrderedDict[str, None] = OrderedDict()
        """Session names seen, in the order they were last new."""
        self.chains = Chains()
        self.in_doubt = 0
        """How many messages a person has to decide about."""
        self.last_message = 0
        self.last_run = 0
        self.last_attempt = 0
        self.last_at = 0.0
        """When the last fact was written that an earlier life left; whoever replays it says so."""

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
                self._typed(self._move(fact.number, Status.STARTED, fact.at), fact.at)
            case f.StepFinished():
                self._finish_step(fact)
            case f.MessageExpired() | f.MessageCancelled():
                self._move(fact.number, _TAKEN_BACK[type(fact)], fact.at)
            case f.CommandStopAsked():
                self._ask_to_stop(fact)
            case f.MessageDoubted():
                self._doubt(fact)
            case f.AttemptsOutrun():
                self.last_attempt = max(self.last_attempt, fact.attempt)
            case f.DoubtResolved():
                self._resolve(fact)
            case f.RunStarted() | f.RunCancelAsked() | f.RunFinished() | f.RunKept():
                self._change_runs(fact)
            case f.Subscribed() | f.Unsubscribed():
                self._see(fact.session)
            case f.ClockSet():
                self._set_clock(fact.by_s)
            case f.DueKept():
                self.later[fact.number] = fact.due
            case f.SessionSeen():
                self._see(fact.name)
            case f.MessageKept() | f.WaitingKept():
                self._keep(fact)
            case f.PauseKept() | f.CauseKept():
                self.chains.apply(fact)
            case f.CountersKept():
                self.last_message, self.last_run, self.last_attempt = fact.message, fact.run, fact.attempt
            case f.KeyKept():
                self._remember(fact.key, Remembered(fact.digest, fact.sent, fact.published, fact.run))
            case _:
                assert_never(fact)

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
        for run in self.runs.values():
            yield f.RunKept(
                at,
                run.number,
                run.workflow,
                run.steps,
                run.status,
                run.started_at,
                run.ended_at,
                tuple(run.messages),
                run.depth,
                run.cancel_asked_at,
                tuple(run.ends.values()),
            )
        for number, due in self.later.items():
            yield f.DueKept(at, number, due)
        yield from self.chains.snapshot()
        for key, kept in self.keys.items():
            yield f.KeyKept(at, key, kept.digest, kept.sent, kept.published, kept.run)
        # Last, for the clock: when this was written. The messages tell when they were accepted.
        yield f.CountersKept(at, self.last_message, self.last_run, self.last_attempt)

    def _accept(self, fact: f.MessageAccepted) -> None:
        # By position, and each name once in memory: a million may be replayed, and wait.
        number = fact.number
        secret_bytes = len(fact.body.encode()) if fact.secret else None
        envelope = Envelope(
            fact.observed, "", fact.now, fact.raw, fact.pane, fact.depth, secret_bytes, fact.capture,
            fact.priority,
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
            self.runs[fact.run].messages.append(number)
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

    def _finish_step(self, fact: f.StepFinished) -> None:
        message = self._move(fact.number, Status.DONE, fact.at, f"exit {fact.exit_code}")
        message.course = replace(message.course, exit_code=fact.exit_code)
        self._note_end(message)
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
            self._note_end(message)
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
            run = self.runs[message.run]
            run.status, run.ended_at, run.cancel_asked_at = RunStatus.RUNNING, None, None

    def _note_end(self, message: Message) -> None:
        """Let the run of a step that ended know how."""
        run = self.runs.get(message.run) if message.run else None
        if run is not None:
            run.note_end(message)

    def _drop_oldest(self) -> None:
        while len(self.ended) > KEEP_ENDED:
            del self.messages[self.ended.popleft()]

    def _change_runs(self, fact: f.RunStarted | f.RunCancelAsked | f.RunFinished | f.RunKept) -> None:
        match fact:
            case f.RunStarted():
                self.runs[fact.number] = RunRecord(
                    fact.number, fact.workflow, fact.steps, fact.at, depth=fact.depth
                )
                self.last_run = max(self.last_run, fact.number)
                self._remember(fact.key, Remembered(fact.digest, run=fact.number))
            case f.RunCancelAsked():
                run = self.runs[fact.number]
                run.status, run.cancel_asked_at = RunStatus.CANCELLING, fact.at
            case f.RunFinished():
                run = self.runs[fact.number]
                run.status, run.ended_at = fact.status, fact.at
                self._drop_oldest_run()
            case f.RunKept():
                self.runs[fact.number] = RunRecord(
                    fact.number, fact.workflow, fact.steps, fact.started_at, fact.status, fact.ended_at,
                    list(fact.messages), fact.depth, fact.cancel_asked_at,
                    {end.step: end for end in fact.ends},
                )  # fmt: skip
                for number in fact.messages:
                    # A snapshot from before runs kept the ends has only the messages.
                    if (message := self.messages.get(number)) is not None:
                        self._note_end(message)

    def _drop_oldest_run(self) -> None:
        if len(self.runs) > KEEP_RUNS:
            oldest = next((run.number for run in self.runs.values() if run.has_ended), None)
            if oldest is not None:
                del self.runs[oldest]

    def _set_clock(self, by_s: float) -> None:
        clock.shift(self.messages.values(), by_s)
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

    def _keep(self, fact: f.MessageKept | f.WaitingKept) -> None:
        message = self.messages[fact.number] = keeping.taken_up(fact)
        self.in_doubt += message.status is Status.IN_DOUBT
        if message.has_ended:
            self.ended.append(fact.number)


_FOR_A_REASON: Final = {f.MessageHeld: Status.HELD, f.MessageFailed: Status.FAILED}

_TAKEN_BACK: Final = {f.MessageExpired: Status.EXPIRED, f.MessageCancelled: Status.CANCELLED}

_REASONED: Final = frozenset({Status.HELD, Status.FAILED, Status.IN_DOUBT})
"""Statuses whose detail is a reason for people."""
