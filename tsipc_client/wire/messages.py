"""Every request, stream item and result of the protocol, as plain values.

A request class carries its verb in `METHOD`; `RESULTS` names its answer. Field names are the names on the
wire. Times are seconds since the epoch (UTC), durations end in `_s`. The daemon decodes requests straight
into these classes; unknown or mistyped fields are refused. New fields get defaults, so an older peer's
message still means what it meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

WIRE_VERSION = 1
"""Changes when an old peer would misread a new one; has its own golden files, not the package's version."""

MAX_FRAME_BYTES = 1 << 20
"""The largest frame or JSON line, checked before it is read."""

MAX_BODY_BYTES = 1_000_000
"""The largest message or event body, in UTF-8."""

MAX_NAME_BYTES = 255
"""The largest session, event, workflow or label name, in UTF-8."""


class MessageType(StrEnum):
    """What a message asks for."""

    COMMAND = "command"
    NOTIFICATION = "notification"
    DATA = "data"


class Action(StrEnum):
    """What a subscription does with an event."""

    NOTIFY = "notify"
    COMMAND = "command"
    DATA = "data"


class Status(StrEnum):
    """Where a message is on its way. The legal moves are the table in `tsipcd.core.delivery`."""

    ACCEPTED = "accepted"
    HELD = "held"
    INTENT = "intent"
    DELIVERED = "delivered"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    IN_DOUBT = "in-doubt"


class Decision(StrEnum):
    """What a person makes of a message of which nobody can know whether it was typed."""

    REDELIVER = "redeliver"
    """Type it again, wherever its target is now."""
    DROP = "drop"
    """Leave it."""
    DELIVERED = "delivered"
    """It was typed."""


class Priority(StrEnum):
    """Which of the commands that wait for one pane is typed first; among equals, the one that came first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Milestone(StrEnum):
    """How far a message has come when who waits for it is answered; at the latest, when it has ended."""

    DELIVERED = "delivered"
    """It was typed, shown or stored."""
    DONE = "done"
    """Of a captured command, its exit status is known; of any other message, as `delivered`."""


class RunStatus(StrEnum):
    """Where a workflow run is."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    CANCELLING = "cancelling"
    """It is to end: its step is being stopped."""


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who is there: versions, limits, methods. Optional; a client may ask at any time."""

    METHOD: ClassVar[str] = "hello"
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Type a command into `target`, show a notification there, or leave data for it."""

    METHOD: ClassVar[str] = "send"
    source: str
    target: str
    message: str
    type: MessageType = MessageType.COMMAND
    ttl_s: float | None = None
    """How long it may wait before it expires; None: the configured default."""
    now: bool = False
    """Type even if the pane looks busy; a dead pane, copy mode and closed input are never typed into."""
    raw: bool = False
    """Let control characters through to the pane."""
    key: str = ""
    """Idempotency key: the same key again returns the first answer."""
    secret: bool = False
    """No view, listing or log ever shows the body, only its size. Not for notifications."""
    capture: bool = False
    """Run the command as a workflow's step: by a shell at its prompt, its output and exit status kept."""
    at: float | None = None
    """Not before this time; it is the clock's, whatever that is set to."""
    delay_s: float | None = None
    """Not before so much time has passed; instead of `at`."""
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Let `session` receive `event`; a second subscription of the pair replaces its action."""

    METHOD: ClassVar[str] = "subscribe"
    session: str
    event: str
    action: Action = Action.NOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """End the subscription of `session` to `event`; not being subscribed is no error."""

    METHOD: ClassVar[str] = "unsubscribe"
    session: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Hand `event` to all its subscribers, as one atomic fact. `source` may be any label."""

    METHOD: ClassVar[str] = "publish"
    source: str
    event: str
    data: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a workflow, in one session."""

    session: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Create or replace the workflow `name`."""

    METHOD: ClassVar[str] = "workflow"
    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Execute workflow `name` in order; streams `Progress`, answers `RunEnded` when it has ended.

    With `follow` false it answers `RunEnded` with status `running` at once.
    """

    METHOD: ClassVar[str] = "run"
    name: str
    follow: bool = True
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The latest workflow runs, oldest first, at most the last `limit`, ended or not."""

    METHOD: ClassVar[str] = "runs"
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Subscribe `target` to deployments of `source` and create `deploy-SOURCE-to-TARGET`."""

    METHOD: ClassVar[str] = "pipeline"
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The messages: all that wait and the latest that ended, oldest first, at most the last `limit`."""

    METHOD: ClassVar[str] = "queue"
    limit: int = 20
    pending: bool = False
    """Only those that have not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One message's whole story, by its id (`msg-12`, or `12`)."""

    METHOD: ClassVar[str] = "show"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take back a message that was not typed yet (`msg-12`), or end a captured command or a run (`run-3`)."""

    METHOD: ClassVar[str] = "cancel"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Decide about a message that is in doubt, by its id (`msg-12`, or `12`)."""

    METHOD: ClassVar[str] = "resolve"
    id: str
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Answer when a message (`msg-12`, or `12`) has come `until` there; streams `Progress` with no run."""

    METHOD: ClassVar[str] = "wait"
    id: str
    until: Milestone = Milestone.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Who is subscribed to what."""

    METHOD: ClassVar[str] = "subscriptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The last `lines` lines of the event log, oldest first."""

    METHOD: ClassVar[str] = "events"
    lines: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Every session of every tmux server that can be seen."""

    METHOD: ClassVar[str] = "sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """How the daemon is: version, pid, uptime, backlog, journal, tmux servers."""

    METHOD: ClassVar[str] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Drain and exit. Answered before the socket closes."""

    METHOD: ClassVar[str] = "stop"


Request = (
    Hello
    | Send
    | Subscribe
    | Unsubscribe
    | Publish
    | Workflow
    | Run
    | Pipeline
    | Queue
    | Show
    | Cancel
    | Resolve
    | Subscriptions
    | Events
    | Sessions
    | DaemonStatus
    | Stop
    | Runs
    | Wait
)

REQUESTS: tuple[type[Request], ...] = (
    Hello,
    Send,
    Subscribe,
    Unsubscribe,
    Publish,
    Workflow,
    Run,
    Pipeline,
    Queue,
    Show,
    Cancel,
    Resolve,
    Subscriptions,
    Events,
    Sessions,
    DaemonStatus,
    Stop,
    Runs,
    Wait,
)
"""Every request class, in the order `hello` lists their methods."""


# ── results ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Answer to `Hello`."""

    version: str
    wire_version: int
    limits: dict[str, int]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Answer to `Send`: the message is durable."""

    id: str
    status: Status
    """`accepted`: on its way; `held`: waiting, see `reason`."""
    target: str
    """The session's full name, after aliases."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """Answer to `Subscribe` and `Unsubscribe`: the table's file is durable."""

    session: str
    event: str
    action: Action | None
    """The action now in force; None: not subscribed."""
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """One subscriber of a published event and the message that carries it."""

    session: str
    action: Action
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Answer to `Publish`: the event and its list of subscribers are durable."""

    event: str
    subscribers: tuple[Fanout, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Answer to `Workflow`: the file is durable."""

    name: str
    path: str
    steps: tuple[Step, ...]
    replaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSaved:
    """Answer to `Pipeline`."""

    subscription: Subscribed
    workflow: Saved


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a run, as it is now."""

    index: int
    """1 for the first."""
    session: str
    command: str
    status: Status | None
    """None: not reached yet."""
    id: str = ""
    """The message that carries it."""
    reason: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    log: str = ""
    """What it printed, a path in the state folder; empty before it starts."""
    last_line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Streamed by `Run` and `Wait`: a step changed, or printed something (`last_line`)."""

    run: str
    workflow: str
    steps: int
    step: StepView


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """Answer to `Run`."""

    run: str
    workflow: str
    status: RunStatus
    steps: tuple[StepView, ...]
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run, as listed."""

    run: str
    workflow: str
    status: RunStatus
    steps: int
    """How many it has."""
    done: int
    """How many of them exited with 0."""
    step: int
    """The one that is under way, or was the last; 0: none was begun."""
    session: str
    """That step's."""
    reason: str
    """Why that step waits, or how it went wrong; empty: neither."""
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunList:
    """Answer to `Runs`."""

    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message, as listed. In `Queued` a long `message` is cut; `size_bytes` is always the whole."""

    id: str
    source: str
    target: str
    type: MessageType
    message: str
    size_bytes: int
    timestamp: float
    status: Status
    reason: str = ""
    observed: str = ""
    """The session that really sent it, as seen from the socket; empty: not from a pane."""
    event: str = ""
    run: str = ""
    exit_code: int | None = None
    secret: bool = False
    """`message` is not the body, only says how large that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Answer to `Queue`."""

    messages: tuple[MessageView, ...]
    waiting: int
    """All that have not ended, listed here or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One move in a message's story."""

    at: float
    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Answer to `Show`."""

    message: MessageView
    story: tuple[Change, ...]
    expires_at: float | None = None
    pane: str = ""
    """Where it was typed: socket and pane id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Answer to `Cancel`: it is durable."""

    id: str
    status: str
    """`cancelled`; or of what runs and is being stopped, `cancelling`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Answer to `Wait`: where the message is now, durable. In doubt, it waits for a person."""

    id: str
    status: Status
    reason: str = ""
    exit_code: int | None = None
    """None: there is none, or it cannot be known."""
    log: str = ""
    """What a captured command printed, a path in the state folder; empty before it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Answer to `Resolve`: the decision is durable. The same decision again gets the same answer."""

    id: str
    decision: Decision
    status: Status
    """Where the message is now."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One row of the table."""

    session: str
    event: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTable:
    """Answer to `Subscriptions`, in the file's order."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Answer to `Events`; `cut` says that more were asked for than one answer holds."""

    lines: tuple[str, ...]
    path: str
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One tmux session."""

    name: str
    server: str
    """The server's socket path."""
    windows: int
    attached: int
    command: str
    """What runs in its active pane."""
    pending: int
    """Messages waiting for it."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """Answer to `Sessions`; `unreachable` names servers that did not answer, and why."""

    sessions: tuple[SessionView, ...]
    unreachable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedEvent:
    """An event that is refused for a while, because it answered itself or came too fast."""

    event: str
    publisher: str
    """Whose: a session or a claimed name; empty: of all who are in no session or answer another event."""
    observed: bool
    """Whether `publisher` is the session it is really published from."""
    until: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """Answer to `DaemonStatus`."""

    version: str
    wire_version: int
    pid: int
    started_at: float
    directory: str
    activation: str
    """`systemd`, or `process` if a client or a person started it."""
    waiting: int
    """Messages that have not ended."""
    held: dict[str, int]
    """Waiting messages by reason, the most frequent ones; the others are `other reasons`."""
    runs: int
    clients: int
    servers: tuple[str, ...]
    journal_bytes: int
    last_sync_s: float | None
    storage_low: bool
    paused: tuple[PausedEvent, ...] = ()
    """Events that are refused now, the latest first; at most 20."""
    in_doubt: int = 0
    """Messages that wait for a person's decision; they count as waiting, too."""
    unreachable: tuple[str, ...] = ()
    """Servers that did not answer when they were last needed, and why."""
    free_bytes: int | None = None
    """Free disk space where the state folder is; None: not known."""
    max_waiting: int = 0
    """The cap on `waiting`; 0: none."""
    max_waiting_per_target: int = 0
    memory_low: bool = False
    """New work is refused, since too little memory is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """Answer to `Stop`."""

    pid: int


Result = (
    Welcome
    | Sent
    | Subscribed
    | Published
    | Saved
    | PipelineSaved
    | RunEnded
    | Queued
    | Shown
    | Cancelled
    | Resolved
    | SubscriptionTable
    | LogLines
    | SessionList
    | StatusReport
    | Stopping
    | RunList
    | Waited
)

RESULTS: dict[type[Request], type[Result]] = {
    Hello: Welcome,
    Send: Sent,
    Subscribe: Subscribed,
    Unsubscribe: Subscribed,
    Publish: Published,
    Workflow: Saved,
    Run: RunEnded,
    Pipeline: PipelineSaved,
    Queue: Queued,
    Show: Shown,
    Cancel: Cancelled,
    Resolve: Resolved,
    Subscriptions: SubscriptionTable,
    Events: LogLines,
    Sessions: SessionList,
    DaemonStatus: StatusReport,
    Stop: Stopping,
    Runs: RunList,
    Wait: Waited,
}
"""What each request is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """An error on the wire."""

    code: str
    message: str
    hint: str = ""
    data: dict[str, Any] | None = None
