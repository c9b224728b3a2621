"""What is durable, in the past tense, and its bytes.

A fact is one MessagePack array `[tag, field, ...]`. Fields are only ever appended, with defaults, and tags
are never reused: every fact ever written must decode. What a newer version appended does not: to leave it out
would be to lose it. `state.apply` is the only reader of their meaning.
"""

from __future__ import annotations

import msgspec

from tsipc_client.wire.messages import (
    Action,
    Decision,
    MessageType,
    Priority,
    Published,
    Sent,
    Status,
)
from tsipcd.core.aftermath import Aftermath
from tsipcd.core.fact import Fact as _Fact
from tsipcd.core.questions import QuestionFact
from tsipcd.core.records import Due
from tsipcd.core.runs.facts import RunFact
from tsipcd.core.topology import PanePin
from tsipcd.core.triggers.facts import TriggerFact


class MessageAccepted(_Fact, frozen=True, tag="accepted"):
    """A message is ours to deliver."""

    number: int
    source: str
    target: str
    type: MessageType
    body: str
    expires_at: float
    observed: str = ""
    now: bool = False
    raw: bool = False
    key: str = ""
    digest: bytes = b""
    """Of the request, so that its key cannot be used for another."""
    run: int = 0
    step: int = 0
    """The step of `run` it carries, 1 for the first; 0: none."""
    held: str = ""
    """Why it waits from the first moment on; empty: it does not."""
    pane: PanePin | None = None
    """The target, if it names one life of one pane (`%N`)."""
    depth: int = 0
    """How many events in a row led to it; see `tsipcd.core.loops`."""
    secret: bool = False
    """Its body is never shown."""
    capture: bool = False
    due: Due | None = None
    """It is not begun before."""
    priority: Priority = Priority.NORMAL
    retry: int = 0
    """How many attempts of the step came before."""


class EventPublished(_Fact, frozen=True, tag="published"):
    """An event and its whole list of subscribers; each becomes a message, numbered from `first`."""

    first: int
    source: str
    event: str
    data: str
    expires_at: float
    subscribers: tuple[tuple[str, Action], ...]
    observed: str = ""
    key: str = ""
    digest: bytes = b""
    depth: int = 0
    """1 for one that no other event led to."""
    due: int = 0
    """With it a run of each of `workflows` is due, numbered from here on."""
    workflows: tuple[str, ...] = ()


class EventPaused(_Fact, frozen=True, tag="paused"):
    """An event is refused for a while; each session `told` gets a notification, numbered from `first`.

    The publisher is `session` if it is in one, else it calls itself `source`; both empty: all who are in no
    session or answer another event.
    """

    first: int
    session: str
    source: str
    event: str
    reason: str
    until: float
    expires_at: float
    told: tuple[str, ...] = ()


class MessageHeld(_Fact, frozen=True, tag="held"):
    """It waits, for `reason`."""

    number: int
    reason: str


class TypingIntended(_Fact, frozen=True, tag="intended"):
    """From here on it may have been typed into the pinned pane."""

    number: int
    attempt: int
    pin: PanePin
    shell: str = ""


class MessageDelivered(_Fact, frozen=True, tag="delivered"):
    """It was typed, shown or stored."""

    number: int
    detail: str = ""


class StepStarted(_Fact, frozen=True, tag="started"):
    """A step's script was typed; its exit status will come."""

    number: int


class StepFinished(_Fact, frozen=True, tag="finished"):
    """A step's command ended with an exit status."""

    number: int
    exit_code: int
    outputs: tuple[tuple[str, str], ...] = ()
    """What it left for others, in order."""
    fault: str = ""
    """What is wrong with those; empty: nothing."""


class MessageFailed(_Fact, frozen=True, tag="failed"):
    """It can never be delivered, or its step ended without a status."""

    number: int
    reason: str


class MessageExpired(_Fact, frozen=True, tag="expired"):
    """Its time to live ended while it waited."""

    number: int


class MessageCancelled(_Fact, frozen=True, tag="cancelled"):
    """Somebody took it back before it was typed."""

    number: int


class CommandStopAsked(_Fact, frozen=True, tag="stop"):
    """A captured command that runs, or is being typed, is to end: `by` a session, or from none."""

    number: int
    by: str


class MessageDoubted(_Fact, frozen=True, tag="doubted"):
    """Whether it was typed cannot be known."""

    number: int
    reason: str


class AttemptsOutrun(_Fact, frozen=True, tag="outrun"):
    """A pane was typed into under an attempt that this journal had not given out: numbers go on behind it."""

    attempt: int


class DoubtResolved(_Fact, frozen=True, tag="resolved"):
    """It was decided what a message in doubt counts as; `redeliver` begins it, and its run, anew."""

    number: int
    decision: Decision
    by: str
    """Who decided, for people."""
    expires_at: float
    """From now on."""


class Subscribed(_Fact, frozen=True, tag="subscribed"):
    """A subscription was made. For the event log: the table's truth is its file."""

    session: str
    event: str
    action: Action


class Unsubscribed(_Fact, frozen=True, tag="unsubscribed"):
    """A subscription was ended. For the event log, as `Subscribed`."""

    session: str
    event: str


class SessionSeen(_Fact, frozen=True, tag="seen"):
    """A session of this name exists or existed: messages to it may wait for it."""

    name: str


class ClockSet(_Fact, frozen=True, tag="clock"):
    """The wall clock is another than it was; every deadline moves with it."""

    by_s: float


class MessageKept(_Fact, frozen=True, tag="kept"):
    """Snapshots only: a message as it stood."""

    number: int
    source: str
    target: str
    type: MessageType
    body: str
    accepted_at: float
    expires_at: float
    status: Status
    reason: str
    observed: str
    event: str
    now: bool
    raw: bool
    run: int
    step: int
    attempt: int
    pane: PanePin | None
    pin: PanePin | None
    shell: str
    exit_code: int | None
    story: tuple[tuple[float, Status, str], ...]
    decision: Decision | None = None
    redelivered: int = 0
    depth: int = 0
    secret_bytes: int | None = None
    capture: bool = False
    stop_asked_at: float | None = None
    priority: Priority = Priority.NORMAL
    retry: int = 0


class WaitingKept(_Fact, frozen=True, tag="waiting"):
    """Snapshots only: a message that has waited since it was accepted, at `at`, and nothing else happened."""

    number: int
    source: str
    target: str
    type: MessageType
    body: str
    expires_at: float
    held: str = ""
    """Why it waits, if it was held from the first moment on."""
    observed: str = ""
    event: str = ""
    now: bool = False
    raw: bool = False
    pane: PanePin | None = None
    depth: int = 0
    secret_bytes: int | None = None
    capture: bool = False
    priority: Priority = Priority.NORMAL


class DueKept(_Fact, frozen=True, tag="due"):
    """Snapshots only: a message that is kept waits for its time."""

    number: int
    due: Due


class PauseKept(_Fact, frozen=True, tag="pause-kept"):
    """Snapshots only: a pause as it stood; `at` is when it began."""

    session: str
    source: str
    event: str
    reason: str
    until: float
    notices: tuple[int, ...]


class CauseKept(_Fact, frozen=True, tag="cause"):
    """Snapshots only: a command was typed, at `at`, into the pane whose first process is `pane`."""

    pane: int
    depth: int


class CountersKept(_Fact, frozen=True, tag="counters"):
    """Snapshots only: the last numbers given out."""

    message: int
    run: int
    attempt: int


class KeyKept(_Fact, frozen=True, tag="key"):
    """Snapshots only: an idempotency key and what it was answered with."""

    key: str
    digest: bytes
    sent: Sent | None = None
    published: Published | None = None
    run: int = 0


Fact = (
    MessageAccepted
    | EventPublished
    | EventPaused
    | MessageHeld
    | TypingIntended
    | MessageDelivered
    | StepStarted
    | StepFinished
    | MessageFailed
    | MessageExpired
    | MessageCancelled
    | CommandStopAsked
    | MessageDoubted
    | AttemptsOutrun
    | DoubtResolved
    | Aftermath
    | QuestionFact
    | RunFact
    | TriggerFact
    | Subscribed
    | Unsubscribed
    | SessionSeen
    | ClockSet
    | MessageKept
    | WaitingKept
    | DueKept
    | PauseKept
    | CauseKept
    | CountersKept
    | KeyKept
)

Leaving = MessageDelivered | StepFinished | MessageFailed | MessageExpired | MessageCancelled | MessageDoubted
"""After these nothing more is done for a message, unless a person says so."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Fact] = msgspec.msgpack.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """The fact's bytes, as a journal record holds them."""
    return _encoder.encode(fact)


def decode(payload: bytes | memoryview) -> Fact:
    """The fact of a record's bytes. Raises `msgspec.DecodeError` (or its subclass) for anything else."""
    return _decoder.decode(payload)
