"""Everything that can happen to the core, as values. The runtime brings them; `machine.handle` takes them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tsipc_client.wire.messages import Request, Subscription
from tsipcd.core.topology import PanePin, Place, ServerId, Session
from tsipcd.core.triggers.records import Armed, Listening
from tsipcd.workflows.definition import Workflow


class Call(msgspec.Struct, frozen=True, gc=False):
    """Whom to answer: one request on one connection."""

    peer: int
    id: int | str | None
    """The request's id on its connection."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """What the socket tells about who asks."""

    pid: int = 0
    session: str = ""
    """The session whose pane the peer's process descends from; empty: none, or it cannot be known."""
    pane: int = 0
    """That pane's first process."""


class Asked(msgspec.Struct, frozen=True):
    """A request came in."""

    call: Call
    caller: Caller
    request: Request


class RunAsked(msgspec.Struct, frozen=True):
    """A `Run` request, with the definition that the workflow's file holds now."""

    call: Call
    caller: Caller
    workflow: Workflow
    follow: bool
    key: str
    inputs: tuple[tuple[str, str], ...] = ()
    """As they were written."""
    begin_with: str = ""
    """The step to begin with; empty: the first."""
    library: tuple[Workflow, ...] = ()
    """The workflows that are steps of it, or of one of them."""


class TriggersRead(msgspec.Struct, frozen=True):
    """What the workflows' files start by themselves, at start and whenever that changed."""

    schedules: tuple[Armed, ...]
    events: tuple[Listening, ...]


class DueRead(msgspec.Struct, frozen=True):
    """The definition for a run that is due, as its file has it now."""

    due: int
    workflow: Workflow | None
    """None: there is none that could be run; `fault` says why."""
    library: tuple[Workflow, ...] = ()
    """The workflows that are steps of it, or of one of them."""
    fault: str = ""


class PeerGone(msgspec.Struct, frozen=True, gc=False):
    """A connection ended: nothing more can be said to it."""

    peer: int


class SubscriptionsRead(msgspec.Struct, frozen=True):
    """The subscription file's content, at start and whenever it was edited by hand."""

    table: tuple[Subscription, ...]


class NamesRead(msgspec.Struct, frozen=True):
    """The neighbouring tools' files: aliases (short to full) and labelled session names."""

    aliases: dict[str, str]
    labelled: tuple[str, ...]


class ServerSeen(msgspec.Struct, frozen=True):
    """All sessions of one server, replacing what was known of its socket. Ours are not among them."""

    server: ServerId
    sessions: tuple[Session, ...]
    farthest: int = 0
    """The highest attempt that any of its panes was typed into under, by this journal or a copy of it."""


class ServerGone(msgspec.Struct, frozen=True, gc=False):
    """No server answers at this socket any more: it exited."""

    socket: str


class Looked(msgspec.Struct, frozen=True, gc=False):
    """tmux was looked at: every server that answers was told of. Of each other one `silent` says why not."""

    silent: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What the occupant gate says about typing into a pane."""

    READY = "ready"
    WAIT = "wait"
    """Look again later; the edge tells by itself when (a new `Inspected`)."""
    GONE = "gone"
    """The place does not exist any more, or another session has its name."""


class Inspected(msgspec.Struct, frozen=True, gc=False):
    """The occupant gate's answer about the place of one message."""

    number: int
    verdict: Verdict
    reason: str = ""
    """For people: `busy: sleep`, `copy mode`, `half-typed line`, ..."""
    pin: PanePin | None = None
    """The pane it looked at; set for `ready`."""
    shell: str = ""
    """The shell at its prompt there (`bash`); empty if another program reads the line."""
    place: Place | None = None
    """Set for `gone`: what was looked for."""


class Outcome(StrEnum):
    """What came of one submission of a guarded typing list."""

    TYPED = "typed"
    ALREADY = "already"
    """The pane's marker, which is the reason then, says that this attempt was typed before."""
    REFUSED = "refused"
    """The guard held: nothing was typed by this attempt, now or before."""
    GONE = "gone"
    """The pane or its server is gone: this submission typed nothing, an earlier one may have."""
    UNKNOWN = "unknown"
    """No answer within the deadline, or the connection broke: it may have been typed, or may still be."""


class Typed(msgspec.Struct, frozen=True, gc=False):
    """The outcome of `TypeKeys` or `StartStep`."""

    number: int
    attempt: int
    outcome: Outcome
    reason: str = ""


class TextShown(msgspec.Struct, frozen=True, gc=False):
    """A notification was put on `clients` clients; 0: nobody is attached."""

    number: int
    clients: int
    reason: str = ""
    """Why not, if it failed although the session exists."""


class DataStored(msgspec.Struct, frozen=True, gc=False):
    """`SESSION.data` holds the message, durable; or `error` says why not."""

    number: int
    error: str = ""


class StepEnded(msgspec.Struct, frozen=True, gc=False):
    """A step's command ended, or can never be known to end."""

    number: int
    exit_code: int | None
    """None: it ended without a status (pane died, interrupted); `reason` says how."""
    reason: str = ""
    outputs: tuple[tuple[str, str], ...] = ()
    """What it wrote to `$TS_OUTPUT`."""
    fault: str = ""
    """What is wrong with that; empty: nothing."""


class StepPrinted(msgspec.Struct, frozen=True, gc=False):
    """A running step printed; `line` is the last visible line."""

    number: int
    line: str


class Ticked(msgspec.Struct, frozen=True, gc=False):
    """The deadline the core asked for has come."""


class ClockSet(msgspec.Struct, frozen=True, gc=False):
    """Somebody set the wall clock by so much, while the daemon ran."""

    by_s: float


class StorageChanged(msgspec.Struct, frozen=True, gc=False):
    """Room for new work ran out (`low`) or came back."""

    low: bool


class MemoryChanged(msgspec.Struct, frozen=True, gc=False):
    """Memory for new work ran out (`low`) or came back."""

    low: bool


class DrainAsked(msgspec.Struct, frozen=True, gc=False):
    """The daemon is to stop: accept nothing new, start nothing new."""


Input = (
    Asked
    | RunAsked
    | TriggersRead
    | DueRead
    | PeerGone
    | SubscriptionsRead
    | NamesRead
    | ServerSeen
    | ServerGone
    | Looked
    | Inspected
    | Typed
    | TextShown
    | DataStored
    | StepEnded
    | StepPrinted
    | Ticked
    | ClockSet
    | StorageChanged
    | MemoryChanged
    | DrainAsked
)
