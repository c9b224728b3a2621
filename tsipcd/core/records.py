"""What the state holds: messages, runs, and what keys were used for. Changed by `state` only."""

from __future__ import annotations

import msgspec

from tsipc_client.wire.messages import Decision, MessageType, Published, RunStatus, Sent, Status, Step
from tsipcd.core.delivery import ENDED
from tsipcd.core.topology import PanePin


class Message(msgspec.Struct, gc=False):
    """One message, as it stands. Numbers are ids without their `msg-`."""

    number: int
    source: str
    target: str
    type: MessageType
    body: str
    accepted_at: float
    expires_at: float
    status: Status = Status.ACCEPTED
    reason: str = ""
    observed: str = ""
    event: str = ""
    now: bool = False
    raw: bool = False
    run: int = 0
    step: int = 0
    attempt: int = 0
    pane: PanePin | None = None
    """The target, if it names one life of one pane."""
    pin: PanePin | None = None
    """Where it was, or may have been, typed."""
    shell: str = ""
    exit_code: int | None = None
    story: tuple[tuple[float, Status, str], ...] = ()
    """Every move after acceptance: time, status, detail."""
    decision: Decision | None = None
    """What was decided about its last doubt; None: it never was in doubt, or is."""
    redelivered: int = 0
    """How often it was begun anew after a doubt."""
    depth: int = 0
    """How many events in a row led to it."""
    secret_bytes: int | None = None
    """The size of a body that is never shown, and not kept when the message has ended; None: no secret."""

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in ENDED

    @property
    def line_bytes(self) -> int:
        """The size of the longest line that typing it takes."""
        return 0 if self.run else max(len(line.encode()) for line in self.body.split("\n"))

    @property
    def id(self) -> str:
        """Its name on the wire and in files."""
        return f"msg-{self.number}"


class RunRecord(msgspec.Struct):
    """One execution of a workflow, with the definition as it was when it started."""

    number: int
    workflow: str
    steps: tuple[Step, ...]
    started_at: float
    status: RunStatus = RunStatus.RUNNING
    ended_at: float | None = None
    messages: list[int] = msgspec.field(default_factory=list)
    """The message of each step reached so far."""
    depth: int = 0

    @property
    def id(self) -> str:
        """Its name on the wire and in files."""
        return f"run-{self.number}"


class Remembered(msgspec.Struct, frozen=True):
    """What an idempotency key was used for, and its answer."""

    digest: bytes
    sent: Sent | None = None
    published: Published | None = None
    run: int = 0
