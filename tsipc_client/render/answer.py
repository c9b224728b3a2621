"""Every answer of the daemon: the lines that are data (stdout), and the notes for the person (stderr)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from tsipc_client.render import explained, graphs, listing, progress, schedules, story
from tsipc_client.render import notes as told
from tsipc_client.render.notes import Note
from tsipc_client.render.style import Style, line
from tsipc_client.wire.messages import (
    Cancelled,
    Explained,
    GraphView,
    Heard,
    InboxList,
    LogLines,
    PipelineSaved,
    Publish,
    Published,
    Purged,
    Queue,
    Queued,
    Removed,
    Replied,
    Request,
    Resolved,
    Result,
    RunEnded,
    RunList,
    RunNow,
    RunStatus,
    Saved,
    ScheduleList,
    Send,
    Sent,
    SessionList,
    Shown,
    StatusReport,
    Stopping,
    Subscribed,
    SubscriptionTable,
    Unsubscribe,
    Validated,
    Waited,
    Welcome,
    Workflow,
    WorkflowList,
)

_GOES_ON = frozenset({RunStatus.RUNNING, RunStatus.CANCELLING, RunStatus.QUEUED})


def data_lines(result: Result, style: Style, *, now: float) -> Iterator[str]:
    """What goes to stdout. Nothing, for a verb whose success says it all."""
    match result:
        case Sent() | Waited():
            yield result.id
        case Published():
            for fanout in result.subscribers:
                yield fanout.id
        case Saved():
            yield line(style.uncut, result.path)
        case WorkflowList():
            yield from listing.workflows(result, style)
        case Removed():
            yield line(style.uncut, result.path)
        case GraphView():
            yield from graphs.tree(result, style)
        case Validated():
            for fault in result.faults:
                yield line(style.uncut, told.fault(fault, result.file))
        case PipelineSaved():
            yield line(style.uncut, result.workflow.path)
        case RunEnded():
            if result.status in _GOES_ON:
                yield result.run
            else:
                yield progress.summary(result, style)
        case Queued():
            yield from listing.queue(result, style)
        case Shown():
            yield from story.shown(result, style)
        case InboxList():
            yield from listing.inbox(result, style)
        case SubscriptionTable():
            yield from listing.subscriptions(result, style)
        case LogLines():
            yield from listing.events(result, style)
        case RunList():
            yield from listing.runs(result, style)
        case SessionList():
            yield from listing.sessions(result, style)
        case ScheduleList():
            yield from schedules.listed(result, style, now=now)
        case StatusReport():
            yield from story.status(result, style, now=now)
        case Heard():
            yield from listing.heard(result, style)
        case Explained():
            yield from explained.lines(result, style)
        case (
            Welcome() | Subscribed() | Cancelled() | Purged() | Replied() | Resolved() | Stopping() | RunNow()
        ):
            return
        case _:
            assert_never(result)


def notes(request: Request, result: Result, style: Style) -> Iterator[Note]:
    """What goes to stderr; never cut, since it is read to its end."""
    style = style.uncut
    match result:
        case Sent() if isinstance(request, Send):
            yield told.sent(request, result, style)
        case Published():
            yield told.published(request.source if isinstance(request, Publish) else "", result, style)
        case Subscribed():
            yield told.subscribed(result, style, wanted=not isinstance(request, Unsubscribe))
        case Saved():
            yield from told.saved(result, style, request.file if isinstance(request, Workflow) else "")
        case Validated():
            yield from told.validated(result, style)
        case PipelineSaved():
            yield told.subscribed(result.subscription, style, wanted=True)
            yield from told.saved(result.workflow, style)
        case RunEnded() if result.status in _GOES_ON:
            yield told.running(result, style)
        case Queued() if isinstance(request, Queue):
            yield from told.queued(result, style)
        case LogLines():
            yield from told.events(result, style)
        case SessionList():
            yield from told.sessions(result, style)
        case Sent():
            yield told.retried(result, style)
        case Replied():
            yield told.replied(result, style)
        case Purged():
            yield told.purged(result, style)
        case Cancelled():
            yield told.cancelled(result, style)
        case RunNow():
            yield told.run_now(result, style)
        case Resolved():
            yield told.resolved(result, style)
        case Stopping():
            yield Note(line(style, f"stopped (pid {result.pid})"))
        case _:
            return
