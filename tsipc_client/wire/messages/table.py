"""All requests and all results, and which result answers which request."""

from __future__ import annotations

from tsipc_client.wire.messages.asking import Inbox, InboxList, Replied, Reply
from tsipc_client.wire.messages.control import (
    Approve,
    Explain,
    Explained,
    Pause,
    Reject,
    Rerun,
    Resume,
    RunNow,
    Watch,
)
from tsipc_client.wire.messages.daemon import DaemonStatus, Hello, StatusReport, Stop, Stopping, Welcome
from tsipc_client.wire.messages.dead_letters import Purge, Purged, Retry
from tsipc_client.wire.messages.definitions import (
    Graph,
    GraphView,
    Removed,
    Rm,
    WorkflowList,
    Workflows,
)
from tsipc_client.wire.messages.delivery import (
    Cancel,
    Cancelled,
    Queue,
    Queued,
    Resolve,
    Resolved,
    Show,
    Shown,
)
from tsipc_client.wire.messages.events import (
    Events,
    LogLines,
    Publish,
    Published,
    Subscribe,
    Subscribed,
    Subscriptions,
    SubscriptionTable,
    Unsubscribe,
)
from tsipc_client.wire.messages.listening import Heard, Listen
from tsipc_client.wire.messages.runs import Run, RunEnded, RunList, Runs
from tsipc_client.wire.messages.schedules import Schedule, ScheduleList
from tsipc_client.wire.messages.sending import Send, Sent
from tsipc_client.wire.messages.sessions import SessionList, Sessions
from tsipc_client.wire.messages.waiting import Wait, Waited
from tsipc_client.wire.messages.workflows import (
    Pipeline,
    PipelineSaved,
    Saved,
    Validate,
    Validated,
    Workflow,
)

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
    | Retry
    | Purge
    | Listen
    | Schedule
    | Validate
    | Reply
    | Inbox
    | Workflows
    | Rm
    | Graph
    | Pause
    | Resume
    | Approve
    | Reject
    | Rerun
    | Watch
    | Explain
)

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
    | Purged
    | Heard
    | ScheduleList
    | Validated
    | Replied
    | InboxList
    | WorkflowList
    | Removed
    | GraphView
    | RunNow
    | Explained
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
    Retry,
    Purge,
    Listen,
    Schedule,
    Validate,
    Reply,
    Inbox,
    Workflows,
    Rm,
    Graph,
    Pause,
    Resume,
    Approve,
    Reject,
    Rerun,
    Watch,
    Explain,
)
"""Every request class, in the order `hello` lists their methods."""

RESULTS: dict[type[Request], type[Result]] = {request: request.RESULT for request in REQUESTS}
"""What each request is answered with."""
