"""Messages as a snapshot keeps them: into facts, and back. `taken_up(kept(at, m))` is `m` again.

A million may wait: what most have in common is kept once in memory, and what only waited is written shorter.
"""

from __future__ import annotations

from functools import lru_cache
from sys import intern

from tsipc_client.wire.messages import Status
from tsipcd.core import facts as f
from tsipcd.core.delivery import WAITING
from tsipcd.core.records import NOT_BEGUN, Course, Envelope, Message, Story


def kept(at: float, m: Message) -> f.MessageKept | f.WaitingKept:
    """The fact that a snapshot of the time `at` has for it."""
    envelope, course = m.envelope, m.course
    if m.status in WAITING and not (m.moves or m.run) and course is NOT_BEGUN:
        # Half as long to read: so is the start after a kill.
        return f.WaitingKept(
            m.accepted_at, m.number, m.source, m.target, m.type, m.body, m.expires_at, m.reason,
            envelope.observed, envelope.event, envelope.now, envelope.raw, envelope.pane, envelope.depth,
            envelope.secret_bytes, envelope.capture, envelope.priority,
        )  # fmt: skip
    return f.MessageKept(
        at, m.number, m.source, m.target, m.type, m.body, m.accepted_at, m.expires_at, m.status, m.reason,
        envelope.observed, envelope.event, envelope.now, envelope.raw, m.run, m.step, course.attempt,
        envelope.pane, course.pin, course.shell, course.exit_code, m.story, course.decision,
        course.redelivered, envelope.depth, envelope.secret_bytes, envelope.capture, course.stop_asked_at,
        envelope.priority, envelope.retry,
    )  # fmt: skip


def taken_up(fact: f.MessageKept | f.WaitingKept) -> Message:
    """The message that a snapshot kept."""
    envelope = shared(
        Envelope(
            fact.observed,
            fact.event,
            fact.now,
            fact.raw,
            fact.pane,
            fact.depth,
            fact.secret_bytes,
            fact.capture,
            fact.priority,
            fact.retry if isinstance(fact, f.MessageKept) else 0,
        )
    )
    # By position, and each name once in memory.
    if isinstance(fact, f.WaitingKept):
        return Message(
            fact.number, intern(fact.source), intern(fact.target), fact.type, fact.body, fact.at,
            fact.expires_at, Status.HELD if fact.held else Status.ACCEPTED, intern(fact.held),
            envelope=envelope,
        )  # fmt: skip
    course = Course(
        fact.attempt, fact.pin, fact.shell, fact.exit_code, fact.decision, fact.redelivered,
        fact.stop_asked_at,
    )  # fmt: skip
    return Message(
        fact.number, intern(fact.source), intern(fact.target), fact.type, fact.body, fact.accepted_at,
        fact.expires_at, fact.status, intern(fact.reason),
        moves_of(fact.accepted_at, fact.status, fact.story), fact.run, fact.step,
        envelope, NOT_BEGUN if course == NOT_BEGUN else course,
    )  # fmt: skip


def moves_of(accepted_at: float, status: Status, story: Story) -> Story:
    """What has to be kept of a message's story."""
    is_all = len(story) == 1 and status is Status.HELD and story[0][0] == accepted_at
    return () if is_all else story


@lru_cache(maxsize=256)
def shared(envelope: Envelope) -> Envelope:
    """One for all messages that came alike."""
    return envelope
