"""What the state holds: messages, and what keys were used for. Changed by `state` only."""

from __future__ import annotations

from typing import Final

import msgspec

from tsipc_client.wire.messages import (
    Decision,
    MessageType,
    Priority,
    Published,
    Sent,
    Status,
)
from tsipcd.core.delivery import ENDED
from tsipcd.core.topology import PanePin

Story = tuple[tuple[float, Status, str], ...]
"""Moves of a message, each with its time, the status and a detail."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What came with a message beside its text. Most are alike: many messages share one."""

    observed: str = ""
    """The session that sent it, if its sender was seen in one."""
    event: str = ""
    """The one it tells of; empty: none."""
    now: bool = False
    raw: bool = False
    pane: PanePin | None = None
    """The target, if it names one life of one pane."""
    depth: int = 0
    """How many events in a row led to it; see `tsipcd.core.loops`."""
    secret_bytes: int | None = None
    """The size of a body that is never shown, and not kept when the message has ended; None: no secret."""
    capture: bool = False
    """A command by itself that runs as a step does."""
    priority: Priority = Priority.NORMAL
    retry: int = 0
    """How many attempts of the task that it carries came before."""


PLAIN: Final = Envelope()


class Course(msgspec.Struct, frozen=True, gc=False):
    """How far the typing of a message came. Those that wait share `NOT_BEGUN`."""

    attempt: int = 0
    pin: PanePin | None = None
    """Where it was, or may have been, typed."""
    shell: str = ""
    exit_code: int | None = None
    decision: Decision | None = None
    """What was decided about its last doubt; None: it never was in doubt, or is."""
    redelivered: int = 0
    """How often it was begun anew after a doubt."""
    stop_asked_at: float | None = None
    """From then on it is to end, by itself and not with a run; None: nobody asked for that."""


NOT_BEGUN: Final = Course()


class Message(msgspec.Struct, gc=False):
    """One message, as it stands. Numbers are ids without their `msg-`.

    A million of them may wait: what most have in common is kept once.
    """

    number: int
    source: str
    target: str
    type: MessageType
    body: str
    accepted_at: float
    expires_at: float
    status: Status = Status.ACCEPTED
    reason: str = ""
    moves: Story = ()
    """Those of `story`; none while all that happened is that it was held from the first moment on."""
    run: int = 0
    step: int = 0
    envelope: Envelope = PLAIN
    course: Course = NOT_BEGUN

    @property
    def pane(self) -> PanePin | None:
        """The target, if it names one life of one pane."""
        return self.envelope.pane

    @property
    def pin(self) -> PanePin | None:
        """Where it was, or may have been, typed."""
        return self.course.pin

    @property
    def story(self) -> Story:
        """Every move after acceptance."""
        # Made when somebody asks: of a million that wait, it would be a fifth of the memory.
        if not self.moves and self.status is Status.HELD:
            return ((self.accepted_at, Status.HELD, self.reason),)
        return self.moves

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in ENDED

    @property
    def rank(self) -> int:
        """Its priority, to compare."""
        return _RANKS[self.envelope.priority]

    @property
    def is_step(self) -> bool:
        """Whether it runs by a script, and has an exit status in the end."""
        return self.run > 0 or self.envelope.capture

    @property
    def script(self) -> tuple[int, int, int, int]:
        """What names the files of its script: its run and step, or 0 and its number; how often begun anew.

        Last, how many attempts of the step came before.
        """
        run, step = (self.run, self.step) if self.run else (0, self.number)
        return run, step, self.course.redelivered, self.envelope.retry

    @property
    def line_bytes(self) -> int:
        """The size of the longest line that typing it takes."""
        return 0 if self.is_step else max(len(line.encode()) for line in self.body.split("\n"))

    @property
    def id(self) -> str:
        """Its name on the wire and in files."""
        return f"msg-{self.number}"


def time_of(message: Message, status: Status) -> float | None:
    """When it first came to `status`; None: it did not."""
    return next((at for at, moved_to, _ in message.story if moved_to is status), None)


_RANKS: Final = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1}


class Due(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """When a message may be begun."""

    at: float
    moves: bool
    """It is some time from when it was sent, and moves with a clock that is set."""


class Remembered(msgspec.Struct, frozen=True):
    """What an idempotency key was used for, and its answer."""

    digest: bytes
    sent: Sent | None = None
    published: Published | None = None
    run: int = 0
