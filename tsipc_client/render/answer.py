"""Every answer of the daemon: the lines that are data (stdout), and the notes for the person (stderr)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from tsipc_client.render import listing, progress, story
from tsipc_client.render.amounts import plural
from tsipc_client.render.style import STATUS_TONES, Style, Tone, line
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import (
    Cancelled,
    LogLines,
    PipelineSaved,
    Publish,
    Published,
    Queue,
    Queued,
    Request,
    Result,
    RunEnded,
    RunStatus,
    Saved,
    Send,
    Sent,
    SessionList,
    Shown,
    Status,
    StatusReport,
    Stopping,
    Subscribed,
    SubscriptionTable,
    Unsubscribe,
    Welcome,
)

NAMED_SUBSCRIBERS = 6
"""In the note about a published event; the ids of all are on stdout."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the person. Only an urgent one is written where no person looks (a log, a mail)."""

    text: str
    urgent: bool = False


def data_lines(result: Result, style: Style, *, now: float) -> Iterator[str]:
    """What goes to stdout. Nothing, for a verb whose success says it all."""
    match result:
        case Sent():
            yield result.id
        case Published():
            for fanout in result.subscribers:
                yield fanout.id
        case Saved():
            yield line(style.uncut, result.path)
        case PipelineSaved():
            yield line(style.uncut, result.workflow.path)
        case RunEnded():
            if result.status is RunStatus.RUNNING:
                yield result.run
            else:
                yield progress.summary(result, style)
        case Queued():
            yield from listing.queue(result, style)
        case Shown():
            yield from story.shown(result, style)
        case SubscriptionTable():
            yield from listing.subscriptions(result, style)
        case LogLines():
            yield from listing.events(result, style)
        case SessionList():
            yield from listing.sessions(result, style)
        case StatusReport():
            yield from story.status(result, style, now=now)
        case Welcome() | Subscribed() | Cancelled() | Stopping():
            return
        case _:
            assert_never(result)


def notes(request: Request, result: Result, style: Style) -> Iterator[Note]:
    """What goes to stderr; never cut, since it is read to its end."""
    style = style.uncut
    match result:
        case Sent() if isinstance(request, Send):
            yield _sent(request, result, style)
        case Published():
            yield _published(request, result, style)
        case Subscribed():
            yield _subscribed(request, result, style)
        case Saved():
            yield from _saved(result, style)
        case PipelineSaved():
            yield _subscribed(request, result.subscription, style)
            yield from _saved(result.workflow, style)
        case RunEnded() if result.status is RunStatus.RUNNING:
            yield Note(
                line(style, f"{result.workflow} runs as {result.run}; stop it: ts-ipc cancel {result.run}")
            )
        case Queued() if isinstance(request, Queue):
            yield from _queued(result, style)
        case LogLines() if result.cut:
            yield Note(line(style, f"more lines than one answer holds: see {result.path}"), urgent=True)
        case SessionList():
            for unreachable in result.unreachable:
                yield Note(line(style, ("no answer from ", Tone.YELLOW), unreachable), urgent=True)
        case Cancelled():
            yield Note(line(style, f"{result.id}: {result.status}"))
        case Stopping():
            yield Note(line(style, f"stopped (pid {result.pid})"))
        case _:
            return


def _sent(request: Send, result: Sent, style: Style) -> Note:
    text = line(
        style,
        (result.status, STATUS_TONES[result.status]),
        f": {request.source} → {result.target} [{request.type}]",
        f": {result.reason}" if result.reason else "",
    )
    # Held is not run: that must be seen even where success is silent.
    return Note(text, urgent=result.status is Status.HELD)


def _published(request: Request, result: Published, style: Style) -> Note:
    source = request.source if isinstance(request, Publish) else ""
    count = len(result.subscribers)
    if not count:
        hint = f"subscribe one: ts-ipc subscribe SESSION {result.event}"
        return Note(
            line(style, (f"nobody is subscribed to {result.event}", Tone.YELLOW), f"; {hint}"), urgent=True
        )
    who = ", ".join(
        f"{fanout.session} ({fanout.action})" for fanout in result.subscribers[:NAMED_SUBSCRIBERS]
    )
    if count > NAMED_SUBSCRIBERS:
        who += f" and {count - NAMED_SUBSCRIBERS} more"
    return Note(line(style, f"published: {source} [{result.event}] → {plural(count, 'subscriber')}: {who}"))


def _subscribed(request: Request, result: Subscribed, style: Style) -> Note:
    if result.action is not None:
        word = "subscribed" if result.changed else "already subscribed"
        return Note(line(style, f"{word}: {result.session} → {result.event} ({result.action})"))
    if isinstance(request, Unsubscribe) and not result.changed:
        return Note(line(style, f"not subscribed: {result.session} → {result.event}"), urgent=True)
    return Note(line(style, f"unsubscribed: {result.session} → {result.event}"))


def _saved(result: Saved, style: Style) -> Iterator[Note]:
    word = "replaced" if result.replaced else "created"
    yield Note(line(style, f"{word}: workflow {result.name}, {plural(len(result.steps), 'step')}"))
    for index, step in enumerate(result.steps, start=1):
        yield Note(line(style, (f"  {index} ", Tone.DIM), (step.session, Tone.CYAN), f"  {step.command}"))
    yield Note(line(style, f"run it: ts-ipc run {result.name}"))


def _queued(result: Queued, style: Style) -> Iterator[Note]:
    listed = sum(1 for message in result.messages if message.status in _NOT_ENDED)
    if result.waiting > listed:
        yield Note(
            line(style, f"{result.waiting} have not ended; list more: ts-ipc queue --pending --limit N")
        )


_NOT_ENDED = frozenset({Status.ACCEPTED, Status.HELD, Status.INTENT, Status.STARTED})


def error_lines(error: WireError, style: Style) -> Iterator[str]:
    """What happened, and what to do next. Never cut: an error is read to its end."""
    uncut = style.uncut
    yield line(uncut, ("ts-ipc: ", Tone.RED), error.message)
    if error.hint:
        for text in error.hint.split("\n"):
            yield line(uncut, "  ", text)
