"""Answers as they came, into the lines that `render` makes of them, without building the protocol's values.

Raises ValueError, TypeError, AttributeError or KeyError for an answer that it does not know in every part: it
must then be built and checked as a value.
"""

from __future__ import annotations

import sys

from tsipc_client.cli import plain, screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tsipc_client.render.notes import Note
    from tsipc_client.render.style import Style

STATUSES = (
    "accepted",
    "held",
    "intent",
    "delivered",
    "started",
    "done",
    "failed",
    "expired",
    "cancelled",
    "in-doubt",
)

_WORDS: dict[str, tuple[str | None, ...]] = {
    "type": plain.TYPES,
    "action": (*plain.ACTIONS, None),
    "decision": (*plain.DECISIONS, None),
    "status": STATUSES,
}
"""Fields that hold one of a few words."""

_MAPS = {"held"}
"""Fields that are maps of anything, and no records."""


def shown(question: plain.Question, answer: object) -> tuple[list[str], list[Note]]:
    """The lines for stdout, and the notes for stderr that are not known to be idle there."""
    result = _record(_started(answer) if question.method == "run" else answer)
    if question.method == "send":
        lines, is_news = [result.id], result.status == "held"
    elif question.method == "publish":
        lines, is_news = [fanout.id for fanout in result.subscribers], not result.subscribers
    elif question.method == "run":
        lines, is_news = [result.run], False
    else:
        lines, is_news = list(_lines(question.method, result, screen.style_of(sys.stdout))), True
    if is_news or screen.is_terminal(sys.stderr):
        return lines, list(_notes(question, result, screen.style_of(sys.stderr).uncut))
    return lines, []


def _started(answer: Any) -> dict[str, object]:  # noqa: ANN401 (what came)
    """Of a run that goes on: all that is told of it."""
    if answer["status"] != "running" or not isinstance(answer["run"], str):
        raise ValueError(f"status: {answer['status']!r}")
    return {"run": answer["run"], "workflow": answer["workflow"]}


def _record(value: object) -> Any:  # noqa: ANN401 (stands for any of the protocol's values)
    """Maps as objects with fields."""
    if isinstance(value, list):
        return tuple([_record(item) for item in value])
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("id", ""), str):
        raise TypeError(f"id: {value['id']!r}")  # it is printed as it is
    for name, words in _WORDS.items():
        if name in value and value[name] not in words:
            raise ValueError(f"{name}: {value[name]!r}")
    fields = {name: item if name in _MAPS else _record(item) for name, item in value.items()}
    # SimpleNamespace, without its module.
    return type(sys.implementation)(**fields)


def _lines(method: str, result: Any, style: Style) -> Iterable[str]:  # noqa: ANN401 (as above)
    from tsipc_client.render import listing, story  # noqa: PLC0415 (an id alone needs none of it)
    from tsipc_client.render.style import line  # noqa: PLC0415 (as above)

    if method in {"subscribe", "unsubscribe", "cancel", "resolve"}:
        return []
    if method in {"workflow", "pipeline"}:
        saved = result if method == "workflow" else result.workflow
        return [line(style.uncut, saved.path)]
    if method == "show":
        return story.shown(result, style)
    if method == "status":
        import time  # noqa: PLC0415

        return story.status(result, style, now=time.time())
    listings: dict[str, Callable[[Any, Style], Iterator[str]]] = {
        "queue": listing.queue,
        "subscriptions": listing.subscriptions,
        "events": listing.events,
        "sessions": listing.sessions,
    }
    return listings[method](result, style)


def _notes(question: plain.Question, result: Any, style: Style) -> Iterable[Note]:  # noqa: ANN401 (as above)
    from tsipc_client.render import notes  # noqa: PLC0415 (as above)

    match question.method:
        case "send":
            yield notes.sent(_record({"type": plain.TYPES[0], **question.params}), result, style)
        case "publish":
            yield notes.published(str(question.params["source"]), result, style)
        case "subscribe" | "unsubscribe":
            yield notes.subscribed(result, style, wanted=question.method == "subscribe")
        case "workflow":
            yield from notes.saved(result, style)
        case "pipeline":
            yield notes.subscribed(result.subscription, style, wanted=True)
            yield from notes.saved(result.workflow, style)
        case "queue":
            yield from notes.queued(result, style)
        case "events":
            yield from notes.events(result, style)
        case "sessions":
            yield from notes.sessions(result, style)
        case "cancel":
            yield notes.cancelled(result, style)
        case "resolve":
            yield notes.resolved(result, style)
        case "run":
            yield notes.running(result, style)
