"""One request of each method with its answer, and a stream item: what the golden files hold as bytes."""

from __future__ import annotations

from tsipc_client.wire import messages as m

NUMBER = 7
"""The id of every sample request."""

STEP = m.StepView(
    index=1,
    session="claude-blacklist",
    command="npm test",
    status=m.Status.DONE,
    id="msg-12",
    exit_code=0,
    started_at=1759295723.25,
    ended_at=1759295724.5,
    log="/home/u/.config/ts/ipc/runs/run-3/1.log",
    last_line="ok",
)
NEXT_STEP = m.StepView(index=2, session="claude-manager", command="docker-compose up -d", status=None)
ROW = m.Subscription(session="claude-manager", event="deployment", action=m.Action.NOTIFY)
SUBSCRIBED = m.Subscribed(session="claude-manager", event="deployment", action=m.Action.NOTIFY, changed=True)
STEPS = (
    m.Step(session="claude-blacklist", command="npm test"),
    m.Step(session="claude-manager", command="docker-compose up -d"),
)
SAVED = m.Saved(
    name="deploy-full", path="/home/u/.config/ts/ipc/workflows/deploy-full.json", steps=STEPS, replaced=False
)
MESSAGE = m.MessageView(
    id="msg-123",
    source="claude-blacklist",
    target="세션",
    type=m.MessageType.COMMAND,
    message="docker ps",
    size_bytes=9,
    timestamp=1759295723.25,
    status=m.Status.HELD,
    reason="busy: sleep",
)

RUN_ENDED = m.RunEnded(
    run="run-3",
    workflow="deploy-full",
    status=m.RunStatus.RUNNING,
    steps=(STEP, NEXT_STEP),
    started_at=1759295723.25,
    ended_at=None,
)

SAMPLES: tuple[tuple[m.Request, m.Result], ...] = (
    (
        m.Hello(client="example/1"),
        m.Welcome(
            version="1.0.0",
            wire_version=1,
            limits={"frame_bytes": m.MAX_FRAME_BYTES, "body_bytes": m.MAX_BODY_BYTES},
            methods=("hello", "send"),
        ),
    ),
    (
        m.Send(
            source="claude-blacklist",
            target="claude-manager",
            message="Deployed ✓",
            type=m.MessageType.NOTIFICATION,
            ttl_s=90.5,
            key="0f3a",
        ),
        m.Sent(id="msg-123", status=m.Status.ACCEPTED, target="claude-manager"),
    ),
    (m.Subscribe(session="claude-manager", event="deployment"), SUBSCRIBED),
    (
        m.Unsubscribe(session="claude-manager", event="deployment"),
        m.Subscribed(session="claude-manager", event="deployment", action=None, changed=True),
    ),
    (
        m.Publish(source="claude-blacklist", event="deployment", data="v1.2.3"),
        m.Published(
            event="deployment",
            subscribers=(m.Fanout(session="claude-manager", action=m.Action.NOTIFY, id="msg-124"),),
        ),
    ),
    (m.Workflow(name="deploy-full", steps=STEPS), SAVED),
    (
        m.Workflows(),
        m.WorkflowList(
            workflows=(
                m.WorkflowView(
                    name="cicd", path="/w/cicd.yml", steps=3, sessions=("claude-a",), starts=("deployment",)
                ),
            )
        ),
    ),
    (m.Rm(name="cicd"), m.Removed(name="cicd", path="/w/cicd.yml")),
    (
        m.Graph(name="cicd"),
        m.GraphView(
            name="cicd", nodes=(m.NodeView(id="a", session="claude-a", command="make", kind="command"),)
        ),
    ),
    (
        m.Validate(text="steps: [{run: x}]", file="a.yml", strict=True),
        m.Validated(
            file="a.yml",
            valid=False,
            faults=(m.FaultView(line=1, column=9, what="session is missing in this step", hint="add it"),),
        ),
    ),
    (
        m.Run(name="deploy-full", follow=False),
        RUN_ENDED,
    ),
    (
        m.Pipeline(source="claude-blacklist", target="claude-manager"),
        m.PipelineSaved(subscription=SUBSCRIBED, workflow=SAVED),
    ),
    (m.Queue(limit=100, pending=True), m.Queued(messages=(MESSAGE,), waiting=1)),
    (
        m.Show(id="msg-123"),
        m.Shown(
            message=MESSAGE,
            story=(
                m.Change(at=1759295723.25, status=m.Status.ACCEPTED),
                m.Change(at=1759295723.5, status=m.Status.HELD, detail="busy: sleep"),
            ),
            expires_at=1759382123.25,
        ),
    ),
    (m.Reply(id="msg-123", answer="yes"), m.Replied(id="msg-123", source="claude-blacklist")),
    (
        m.Inbox(session="claude-manager"),
        m.InboxList(
            session="claude-manager",
            questions=(
                m.QuestionView(id="msg-9", source="a", question="Go on?", asked_at=1.5, expires_at=61.5),
            ),
            unanswered=1,
        ),
    ),
    (m.Retry(id="msg-123"), m.Sent(id="msg-130", status=m.Status.ACCEPTED, target="claude-manager")),
    (m.Purge(id="msg-123"), m.Purged(purged=1)),
    (
        m.Wait(id="msg-123", until=m.Milestone.DELIVERED),
        m.Waited(id="msg-123", status=m.Status.DONE, exit_code=3, log="runs/msg-123/1.log"),
    ),
    (
        m.Listen(events=("deployment", "build.**"), start=41, where="event.source == 'ci'", limit=10),
        m.Heard(
            events=(
                m.EventView(
                    seq=41,
                    at=1759295723.25,
                    event="build.app",
                    source="ci",
                    data="ok ✓",
                    observed="claude-ci",
                ),
            ),
            next=42,
            forgotten=7,
        ),
    ),
    (m.Cancel(id="msg-123"), m.Cancelled(id="msg-123", status="cancelled")),
    (
        m.Resolve(id="msg-123", decision=m.Decision.REDELIVER),
        m.Resolved(id="msg-123", decision=m.Decision.REDELIVER, status=m.Status.ACCEPTED),
    ),
    (m.Subscriptions(), m.SubscriptionTable(subscriptions=(ROW,))),
    (
        m.Events(lines=2),
        m.LogLines(
            lines=(
                "2025-10-01T05:15:23+00:00 SEND claude-blacklist → claude-manager [command] msg-123",
                "2025-10-01T05:15:24+00:00 DELIVER claude-manager [command] msg-123",
            ),
            path="/home/u/.config/ts/ipc/events.log",
        ),
    ),
    (
        m.Sessions(),
        m.SessionList(
            sessions=(
                m.SessionView(
                    name="claude-manager",
                    server="/tmp/tmux-1000/default",  # noqa: S108 - a name, never opened
                    windows=2,
                    attached=1,
                    command="bash",
                    pending=1,
                    aliases=("manager",),
                ),
            )
        ),
    ),
    (
        m.DaemonStatus(),
        m.StatusReport(
            version="1.0.0",
            wire_version=1,
            pid=4711,
            started_at=1759295000.0,
            directory="/home/u/.config/ts/ipc",
            activation="process",
            waiting=1,
            held={"busy: sleep": 1},
            runs=0,
            clients=1,
            servers=("/tmp/tmux-1000/default",),  # noqa: S108 - a name, never opened
            journal_bytes=4096,
            last_sync_s=0.0005,
            storage_low=False,
            in_doubt=1,
            unreachable=("/tmp/tmux-1000/other: no answer",),  # noqa: S108 - as above
            free_bytes=1 << 30,
            max_waiting=1000,
        ),
    ),
    (m.Stop(), m.Stopping(pid=4711)),
    (
        m.Runs(limit=5),
        m.RunList(
            runs=(
                m.RunView(
                    run="run-3",
                    workflow="deploy-full",
                    status=m.RunStatus.RUNNING,
                    steps=2,
                    done=1,
                    step=2,
                    session="claude-manager",
                    reason="busy: vim",
                    started_at=1759295723.25,
                    ended_at=None,
                ),
            )
        ),
    ),
    (
        m.Schedule(),
        m.ScheduleList(
            schedules=(
                m.ScheduleView(
                    workflow="nightly",
                    cron="0 3 * * *",
                    timezone="Europe/Berlin",
                    catchup_s=21600.0,
                    next_at=1759366800.0,
                    offset_s=7200,
                    last_at=None,
                    last_run="",
                ),
            ),
            events=(
                m.EventTriggerView(workflow="deploy-full", event="pushed", source="", condition="event.data"),
            ),
        ),
    ),
    (m.Pause(id="run-3"), m.RunNow(id="run-3", status=m.RunStatus.RUNNING, paused=True)),
    (m.Resume(id="run-3"), m.RunNow(id="run-3", status=m.RunStatus.RUNNING, paused=False)),
    (
        m.Approve(id="run-3", step="ok"),
        m.RunNow(id="run-3", status=m.RunStatus.RUNNING, paused=False),
    ),
    (m.Reject(id="run-3"), m.RunNow(id="run-3", status=m.RunStatus.REJECTED, paused=False)),
    (m.Rerun(id="run-3", failed=True, begin_with="deploy", follow=False, key="k-2"), RUN_ENDED),
    (m.Watch(id="run-3", follow=True), RUN_ENDED),
    (
        m.Explain(id="run-3", step="deploy"),
        m.Explained(
            run="run-3",
            workflow="deploy-full",
            status=m.RunStatus.PARTIAL,
            step=STEP,
            why="It succeeded.",
            condition="inputs.env == 'prod'",
            trace=(m.PartView(text="inputs.env", value='"prod"'),),
            needs=(m.NeedView(name="build", result=m.StepResult.SUCCESS), m.NeedView(name="ok", result=None)),
            attempts=(
                m.AttemptView(
                    attempt=1,
                    id="msg-12",
                    status=m.Status.DONE,
                    reason="",
                    exit_code=0,
                    started_at=1759295723.25,
                    ended_at=1759295724.5,
                    log="runs/run-3/1.log",
                ),
            ),
            outputs=(m.Given(name="tag", value="v1"),),
        ),
    ),
)

RESULTS: dict[type[m.Request], m.Result] = {type(request): result for request, result in SAMPLES}

PROGRESS = m.Progress(
    run="run-3",
    workflow="deploy-full",
    steps=2,
    step=STEP,
)
