"""Answers of a daemon, as the tests print them. Those named V1 are what the manual of version 1 shows."""

from __future__ import annotations

from dataclasses import replace

from tsipc_client.wire.errors import BadInput, ErrorCode, UnknownSession
from tsipc_client.wire.messages import (
    Action,
    AttemptView,
    Cancelled,
    Change,
    Decision,
    EventTriggerView,
    Explained,
    Fanout,
    FaultView,
    Given,
    GraphView,
    InboxList,
    LogLines,
    MessageType,
    MessageView,
    NeedView,
    NodeView,
    PartView,
    PausedEvent,
    PipelineSaved,
    Progress,
    Published,
    Purged,
    QuestionView,
    Queued,
    Replied,
    Resolved,
    RunEnded,
    RunList,
    RunNow,
    RunStatus,
    RunView,
    Saved,
    ScheduleList,
    ScheduleView,
    Sent,
    SessionList,
    SessionView,
    Shown,
    Status,
    StatusReport,
    Step,
    StepResult,
    StepView,
    Stopping,
    Subscribed,
    Subscription,
    SubscriptionTable,
    Validated,
    WorkflowList,
    WorkflowView,
)

NOON = 1_759_320_000.0
"""2025-10-01 12:00:00 UTC."""

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 red\x1b[31m \u202eevil\u202c \x9b1m tab\there\rback\x08\x7f \u2028 line\u200b"
)
"""Clears the screen, sets the title, turns the text's direction, goes back over what was written."""


def message(
    number: int = 123,
    status: Status = Status.DELIVERED,
    *,
    text: str = 'echo "Test message from blacklist"',
    source: str = "claude-blacklist",
    target: str = "claude-manager",
    reason: str = "",
    exit_code: int | None = None,
    kind: MessageType = MessageType.COMMAND,
) -> MessageView:
    return MessageView(
        id=f"msg-{number}",
        source=source,
        target=target,
        type=kind,
        message=text,
        size_bytes=len(text.encode("utf-8", "replace")),
        timestamp=NOON,
        status=status,
        reason=reason,
        exit_code=exit_code,
    )


QUEUE_OF_V1 = Queued(messages=(message(),), waiting=0)

QUEUE = Queued(
    messages=(
        message(),
        message(124, Status.HELD, text="npm test", reason="no session named claude-manager"),
        message(
            125, Status.FAILED, text="make\nmake install", reason="the pane died", target="claude-planka"
        ),
        message(126, Status.DONE, text="false", exit_code=1),
        message(127, Status.ACCEPTED, text="세션에게 보내는 긴 알림 " * 9, kind=MessageType.NOTIFICATION),
        message(128, Status.EXPIRED, text="x" * 200, source="s" * 60, target="t" * 60, reason="after 1 h"),
        message(129, Status.CANCELLED, text="", kind=MessageType.DATA),
        message(130, Status.IN_DOUBT, text="reboot", reason="tmux died while it was typed"),
        message(131, Status.INTENT),
        message(132, Status.STARTED),
    ),
    waiting=40,
)

HOSTILE_QUEUE = Queued(
    messages=(message(1, Status.HELD, text=HOSTILE, source=HOSTILE, target=HOSTILE, reason=HOSTILE),),
    waiting=1,
)

SUBSCRIPTIONS_OF_V1 = SubscriptionTable(
    subscriptions=(
        Subscription(session="claude-manager", event="deployment", action=Action.NOTIFY),
        Subscription(session="claude-planka", event="deployment", action=Action.NOTIFY),
    )
)

SUBSCRIPTIONS = SubscriptionTable(
    subscriptions=(
        *SUBSCRIPTIONS_OF_V1.subscriptions,
        Subscription(session="claude-manager", event="error", action=Action.COMMAND),
        Subscription(session="세션", event=HOSTILE, action=Action.DATA),
    )
)

EVENTS_OF_V1 = LogLines(
    lines=(
        "2025-10-01T05:15:23+00:00 SEND claude-blacklist → claude-manager [command] msg-123",
        "2025-10-01T05:15:24+00:00 DELIVER claude-manager [command] msg-123",
        "2025-10-01T05:16:10+00:00 PUBLISH claude-blacklist [deployment] → claude-manager",
    ),
    path="/home/user/.config/ts/ipc/events.log",
)

SESSIONS = SessionList(
    sessions=(
        SessionView(
            name="claude-blacklist",
            server="/run/tmux-1000/default",
            windows=2,
            attached=1,
            command="bash",
            pending=0,
            aliases=("bl", "blacklist"),
        ),
        SessionView(
            name="세션", server="/run/tmux-1000/other", windows=1, attached=0, command="vim", pending=3
        ),
        SessionView(
            name="a name that is far too long for one row of the list",
            server="/home/user/.tmux/sockets/a-name-that-is-far-too-long",
            windows=11,
            attached=0,
            command="",
            pending=0,
        ),
    ),
    unreachable=("/run/tmux-1000/stuck: no answer in 2 s",),
)

SHOWN = Shown(
    message=MessageView(
        id="msg-124",
        source="monitoring",
        target="claude-manager",
        type=MessageType.COMMAND,
        message="npm test\n\tnpm run build",
        size_bytes=24,
        timestamp=NOON,
        status=Status.DONE,
        observed="claude-blacklist",
        event="deployment",
        run="run-3",
        exit_code=0,
    ),
    story=(
        Change(at=NOON, status=Status.ACCEPTED),
        Change(at=NOON + 0.0012, status=Status.HELD, detail="busy: vim"),
        Change(at=NOON + 62.5, status=Status.INTENT, detail="%3"),
        Change(at=NOON + 62.503, status=Status.STARTED),
        Change(at=NOON + 66.6, status=Status.DONE, detail="exit 0"),
    ),
    expires_at=NOON + 3600,
    pane="%3 of /run/tmux-1000/default",
)

STATUS = StatusReport(
    version="1.0.0",
    wire_version=1,
    pid=4321,
    started_at=NOON - 11_000,
    directory="/home/user/.config/ts/ipc",
    activation="systemd",
    waiting=3,
    held={"no session named claude-x": 2, "busy: vim": 1},
    runs=1,
    clients=2,
    servers=("/run/tmux-1000/default", "/run/tmux-1000/other"),
    journal_bytes=1_234_567,
    last_sync_s=0.0004,
    storage_low=True,
    in_doubt=2,
    unreachable=("/run/tmux-1000/stuck: no answer in 2 s",),
    free_bytes=12_300_000_000,
    max_waiting=1_000_000,
    max_waiting_per_target=1000,
    memory_low=True,
    paused=(
        PausedEvent(
            event="ping",
            publisher="claude-a",
            observed=True,
            until=NOON + 42,
            reason="it answers itself: 9 events in a row caused one another, 8 may",
        ),
    ),
)

SENT = Sent(id="msg-123", status=Status.ACCEPTED, target="claude-manager")
SENT_HELD = Sent(
    id="msg-124", status=Status.HELD, target="claude-manager", reason="no session named claude-manager"
)
SUBSCRIBED = Subscribed(session="claude-manager", event="deployment", action=Action.NOTIFY, changed=True)
UNSUBSCRIBED = Subscribed(session="claude-manager", event="deployment", action=None, changed=True)
NOT_SUBSCRIBED = Subscribed(session="claude-manager", event="deployment", action=None, changed=False)
PUBLISHED = Published(
    event="deployment",
    subscribers=(
        Fanout(session="claude-manager", action=Action.NOTIFY, id="msg-125"),
        Fanout(session="claude-planka", action=Action.COMMAND, id="msg-126"),
    ),
)
PUBLISHED_TO_NOBODY = Published(event="deployment", subscribers=())
SAVED = Saved(
    name="deploy-full",
    path="/home/user/.config/ts/ipc/workflows/deploy-full.json",
    steps=(
        Step(session="claude-blacklist", command="npm run build"),
        Step(session="claude-manager", command="docker-compose up -d"),
    ),
    replaced=False,
)
_WARNING = FaultView(line=4, column=9, what="this condition is always the same: true", is_error=False)
_ERROR = FaultView(line=7, column=5, what="a step has no key rum", hint="did you mean run?")
SAVED_TEXT = Saved(
    name="cicd",
    path="/home/user/.config/ts/ipc/workflows/cicd.json",
    steps=(Step(session="claude-blacklist", command="npm run build"),),
    replaced=True,
    warnings=(_WARNING,),
)
INVALID = Validated(file="a.yml", valid=False, faults=(_WARNING, _ERROR))
VALID = Validated(file="/home/user/.config/ts/ipc/workflows/cicd.json", valid=True, faults=(), steps=3)
WORKFLOWS = WorkflowList(
    workflows=(
        WorkflowView(
            name="cicd",
            path="/home/user/.config/ts/ipc/workflows/cicd.yml",
            steps=5,
            sessions=("claude-blacklist", "claude-manager"),
            starts=("deployment", "0 3 * * * Europe/Berlin"),
        ),
        WorkflowView(
            name="mine", path="/w/mine.json", steps=0, sessions=(), problem="/w/mine.json: line 1: no"
        ),
    )
)
GRAPH = GraphView(
    name="cicd",
    nodes=(
        NodeView(id="build", session="claude-blacklist", command="npm run build", kind="command"),
        NodeView(id="unit", session="claude-blacklist", command="npm test", kind="command", needs=("build",),
                 combinations=6),
        NodeView(id="lint", session="claude-sec", command="npm run lint", kind="command", needs=("build",)),
        NodeView(id="ok", session="", command="Deploy?", kind="approval", needs=("unit", "lint")),
        NodeView(id="up", session="claude-manager", command="./up.sh", kind="command", needs=("ok",),
                 condition="inputs.env == 'prod'"),
        NodeView(id="docs", session="claude-planka", command="make docs", kind="command"),
        NodeView(id="end", session="claude-manager", command="rm -rf x", kind="command", phase="finally"),
    ),
)  # fmt: skip
PIPELINE_SAVED = PipelineSaved(subscription=SUBSCRIBED, workflow=SAVED)
CANCELLED = Cancelled(id="msg-123", status="cancelled")
REPLIED = Replied(id="msg-123", source="claude-blacklist")
INBOX = InboxList(
    session="claude-manager",
    questions=(
        QuestionView(id="msg-9", source="a", question="Which branch?", asked_at=NOON, expires_at=NOON + 60),
        QuestionView(id="msg-12", source="ci", question="Go on?\nAll green.", asked_at=NOON, expires_at=NOON),
    ),
    unanswered=2,
)
PURGED = Purged(purged=3)
RESOLVED = Resolved(id="msg-130", decision=Decision.REDELIVER, status=Status.ACCEPTED)
RESOLVED_HELD = Resolved(
    id="msg-130", decision=Decision.REDELIVER, status=Status.HELD, reason="no session claude-manager yet"
)
STOPPING = Stopping(pid=4321)


def step(
    index: int,
    status: Status | None,
    *,
    exit_code: int | None = None,
    reason: str = "",
    last_line: str = "",
    log: str = "",
    command: str = "",
) -> StepView:
    """Step `index` starts 10 s after the one before it, and takes 4.1 s."""
    began = status in {Status.STARTED, Status.DONE}
    start = NOON + 10 * (index - 1)
    return StepView(
        index=index,
        session="claude-blacklist" if index < 3 else "claude-manager",
        command=command or f"npm run step-{index}",
        status=status,
        id=f"msg-{200 + index}",
        reason=reason,
        exit_code=exit_code,
        started_at=start if began else None,
        ended_at=start + 4.1 if status is Status.DONE else None,
        log=log,
        last_line=last_line,
    )


def news(view: StepView) -> Progress:
    return Progress(run="run-3", workflow="deploy-full", steps=5, step=view)


RUN_NEWS = (
    news(step(1, Status.ACCEPTED)),
    news(step(1, Status.STARTED)),
    news(step(1, Status.STARTED, last_line="compiled 12 of 99")),
    news(step(1, Status.STARTED, last_line="compiled 99 of 99")),
    news(step(1, Status.DONE, exit_code=0, last_line="compiled 99 of 99")),
    news(step(2, Status.HELD, reason="busy: vim")),
    news(step(2, Status.HELD, reason="busy: less")),
    news(step(2, Status.STARTED)),
    news(step(2, Status.STARTED, last_line="FAIL test/a.js")),
    news(step(2, Status.DONE, exit_code=1, last_line="FAIL test/a.js")),
)


def ended(status: RunStatus, *, log: str = "") -> RunEnded:
    second = (
        step(2, Status.DONE, exit_code=1, log=log)
        if status is RunStatus.FAILURE
        else step(2, Status.DONE, exit_code=0)
        if status is RunStatus.SUCCESS
        else step(2, Status.CANCELLED, reason="cancelled by hand")
    )
    return RunEnded(
        run="run-3",
        workflow="deploy-full",
        status=status,
        steps=(step(1, Status.DONE, exit_code=0), second),
        started_at=NOON,
        ended_at=NOON + 14.1,
    )


DETACHED = RunEnded(
    run="run-3",
    workflow="deploy-full",
    status=RunStatus.RUNNING,
    steps=(step(1, None), step(2, None)),
    started_at=NOON,
    ended_at=None,
)

RUN_NOW = RunNow(id="run-3", status=RunStatus.RUNNING, paused=True)
EXPLAINED = Explained(
    run="run-3",
    workflow="deploy-full",
    status=RunStatus.FAILURE,
    step=StepView(
        index=3, session="claude-manager", command="docker-compose up -d", status=None, name="deploy",
        reason="if: inputs.env == 'prod'", result=StepResult.SKIPPED,
    ),
    why="It was skipped, since its condition was false: inputs.env == 'prod'.",
    condition="inputs.env == 'prod'",
    trace=(PartView(text="inputs.env", value='"staging"'),),
    needs=(NeedView(name="build", result=StepResult.SUCCESS), NeedView(name="ok", result=None)),
    attempts=(
        AttemptView(
            attempt=1, id="msg-9", status=Status.DONE, reason="", exit_code=2, started_at=NOON,
            ended_at=NOON + 4.1, log="runs/run-3/3.log",
        ),
    ),
    outputs=(Given(name="tag", value="v1"),),
)  # fmt: skip

UNKNOWN_SESSION = UnknownSession(
    ErrorCode.UNKNOWN_SESSION,
    "no session named claude-manger",
    hint="did you mean claude-manager?\nlist them: ts-ipc sessions",
    data={"nearest": ["claude-manager"]},
)
HOSTILE_ERROR = BadInput(ErrorCode.BAD_PARAMS, HOSTILE, hint=HOSTILE)

RUNS = RunList(
    runs=(
        RunView(
            run="run-7", workflow="deploy-full", status=RunStatus.SUCCESS, steps=2, done=2, step=2,
            session="claude-manager", reason="", started_at=1759295723.0, ended_at=1759295764.0,
        ),
        RunView(
            run="run-8", workflow="배포", status=RunStatus.FAILURE, steps=2, done=0, step=1,
            session="claude-blacklist", reason="exit 1", started_at=1759295783.0, ended_at=1759295797.5,
        ),
        RunView(
            run="run-9", workflow=HOSTILE, status=RunStatus.RUNNING, steps=3, done=1, step=2,
            session="claude-manager", reason=HOSTILE, started_at=1759295813.0, ended_at=None,
        ),
    )
)  # fmt: skip

SCHEDULE = ScheduleList(
    schedules=(
        ScheduleView(
            workflow="nightly",
            cron="0 3 * * *",
            timezone="Europe/Berlin",
            catchup_s=21_600.0,
            next_at=NOON + 46_800,
            offset_s=7200,
            last_at=NOON - 39_600,
            last_run="run-3",
        ),
        ScheduleView(
            workflow="once",
            cron="0 0 1 1 *",
            timezone="UTC",
            catchup_s=0.0,
            next_at=None,
            offset_s=0,
            last_at=None,
            last_run="",
        ),
    ),
    events=(
        EventTriggerView(
            workflow="deploy-full",
            event="deployment",
            source="claude-blacklist",
            condition="event.data == 'x'",
        ),
        EventTriggerView(workflow="tests", event="pushed", source="", condition=""),
    ),
)

HOSTILE_SCHEDULE = ScheduleList(
    schedules=(replace(SCHEDULE.schedules[0], workflow=HOSTILE, cron=HOSTILE, timezone=HOSTILE),),
    events=(EventTriggerView(workflow=HOSTILE, event=HOSTILE, source=HOSTILE, condition=HOSTILE),),
)
