"""Notes for the person (stderr) about the answers of the daemon.

Loaded by short commands: it knows the messages by their fields, and does not load them.
"""

from __future__ import annotations

from tsipc_client.render.amounts import plural
from tsipc_client.render.style import STATUS_TONES, Tone, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsipc_client.render.style import Style
    from tsipc_client.wire.messages import (
        Cancelled,
        FaultView,
        LogLines,
        Published,
        Purged,
        Queued,
        Replied,
        Resolved,
        RunEnded,
        RunNow,
        Saved,
        Send,
        Sent,
        SessionList,
        Subscribed,
        Validated,
    )

NAMED_SUBSCRIBERS = 6
"""In the note about a published event; the ids of all are on stdout."""

_NOT_ENDED = frozenset({"accepted", "held", "intent", "started", "in-doubt"})
"""Words of `Status`."""


class Note:
    """A line for the person. Only an urgent one is written where no person looks (a log, a mail)."""

    __slots__ = ("text", "urgent")

    def __init__(self, text: str, *, urgent: bool = False) -> None:
        self.text = text
        self.urgent = urgent


def sent(request: Send, result: Sent, style: Style) -> Note:
    """Where the message is on its way."""
    text = line(
        style,
        (result.status, STATUS_TONES[result.status]),
        f": {request.source} → {result.target} [{request.type}]",
        f": {result.reason}" if result.reason else "",
    )
    # Held is not run: that must be seen even where success is silent.
    return Note(text, urgent=result.status == "held")


def published(source: str, result: Published, style: Style) -> Note:
    """Who gets the event."""
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


def subscribed(result: Subscribed, style: Style, *, wanted: bool) -> Note:
    """What is in force now; `wanted`: it was asked for, not its end."""
    if result.action is not None:
        word = "subscribed" if result.changed else "already subscribed"
        return Note(line(style, f"{word}: {result.session} → {result.event} ({result.action})"))
    if not (wanted or result.changed):
        return Note(line(style, f"not subscribed: {result.session} → {result.event}"), urgent=True)
    return Note(line(style, f"unsubscribed: {result.session} → {result.event}"))


def fault(found: FaultView, file: str) -> str:
    """FILE:LINE:COLUMN: what is wrong. What to do."""
    what = f"{file}:{found.line}:{found.column}: {'' if found.is_error else 'warning: '}{found.what}"
    return f"{what}. {found.hint}" if found.hint else what


def validated(result: Validated, style: Style) -> Iterator[Note]:
    """What the faults come to."""
    errors = sum(found.is_error for found in result.faults)
    warnings = len(result.faults) - errors
    counted = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    if result.valid:
        yield Note(
            line(
                style, f"{result.file}: valid, {plural(result.steps, 'step')}, {plural(warnings, 'warning')}"
            )
        )
    else:
        yield Note(line(style, f"{result.file}: {counted}"), urgent=True)


def saved(result: Saved, style: Style, file: str = "") -> Iterator[Note]:
    """The workflow as it was understood, and how to run it."""
    for found in result.warnings:
        yield Note(line(style, fault(found, file or result.path)), urgent=True)
    word = "replaced" if result.replaced else "created"
    yield Note(line(style, f"{word}: workflow {result.name}, {plural(len(result.steps), 'step')}"))
    for index, step in enumerate(result.steps, start=1):
        yield Note(line(style, (f"  {index} ", Tone.DIM), (step.session, Tone.CYAN), f"  {step.command}"))
    yield Note(line(style, f"run it: ts-ipc run {result.name}"))


def queued(result: Queued, style: Style) -> Iterator[Note]:
    """Whether there is more than what is listed."""
    listed = sum(1 for message in result.messages if message.status in _NOT_ENDED)
    if result.waiting > listed:
        yield Note(
            line(style, f"{result.waiting} have not ended; list more: ts-ipc queue --pending --limit N")
        )


def cancelled(result: Cancelled, style: Style) -> Note:
    """What has become of it."""
    return Note(line(style, f"{result.id}: {result.status}"))


def retried(result: Sent, style: Style) -> Note:
    """Where the new message is on its way."""
    text = line(
        style,
        (result.status, STATUS_TONES[result.status]),
        f": {result.id} → {result.target}",
        f": {result.reason}" if result.reason else "",
    )
    return Note(text, urgent=result.status == "held")


def replied(result: Replied, style: Style) -> Note:
    """Who gets the answer."""
    return Note(line(style, f"answered {result.id} of {result.source}"))


def purged(result: Purged, style: Style) -> Note:
    """How many are gone."""
    return Note(line(style, f"forgotten: {plural(result.purged, 'message')}"))


def run_now(result: RunNow, style: Style) -> Note:
    """Where the run is."""
    return Note(line(style, f"{result.id}: {result.status}{', paused' if result.paused else ''}"))


def resolved(result: Resolved, style: Style) -> Note:
    """What has become of it."""
    text = line(
        style,
        f"{result.id}: {result.decision}, now ",
        (result.status, STATUS_TONES[result.status]),
        f": {result.reason}" if result.reason else "",
    )
    # As for a message that is sent: held is not run.
    return Note(text, urgent=result.status in {"held", "failed"})


def running(result: RunEnded, style: Style) -> Note:
    """That it goes on by itself."""
    return Note(line(style, f"{result.workflow} runs as {result.run}; stop it: ts-ipc cancel {result.run}"))


def events(result: LogLines, style: Style) -> Iterator[Note]:
    """Whether lines are missing."""
    if result.cut:
        yield Note(line(style, f"more lines than one answer holds: see {result.path}"), urgent=True)


def sessions(result: SessionList, style: Style) -> Iterator[Note]:
    """Whether servers are missing."""
    for unreachable in result.unreachable:
        yield Note(line(style, ("no answer from ", Tone.YELLOW), unreachable), urgent=True)
