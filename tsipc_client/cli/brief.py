"""Answers as they came, into the lines that `render` makes of them, without building the protocol's values.

Raises ValueError, TypeError, AttributeError or KeyError for an answer that it does not know in every part: it
must then be built and checked as a value.
"""

from __future__ import annotations

import sys

from tsipc_client.cli import plain, screen
from tsipc_client.cli.shapes import NUMBERS, PROGRESS, RUN_STATUSES, SHAPES, WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tsipc_client.render.notes import Note
    from tsipc_client.render.style import Style

    Shape = dict[str, "Shape | None"]

STATUS_OF_RUN = {
    **dict.fromkeys(("success", "partial", "running", "cancelling", "queued"), 0),
    "failure": 1,
    "cancelled": 3,
    "timed-out": 4,
    "interrupted": 5,
    "rejected": 11,
}
"""The exit status of each outcome of a run. One that goes on (`--detach`) was started well."""

STATUS_OF_ERROR = {
    **dict.fromkeys(("too_large", "unknown_id", "unknown_workflow"), 2),
    **dict.fromkeys(("unknown_session", "ambiguous_session"), 6),
    **dict.fromkeys(
        ("bad_file", "key_reused", "not_allowed", "paused", "busy", "storage_full", "queue_full"), 7
    ),
}
"""The exit status of each error that only has to be told. The others are looked into, or asked again."""

_SILENT = {
    "subscribe",
    "unsubscribe",
    "cancel",
    "purge",
    "reply",
    "resolve",
    "pause",
    "resume",
    "approve",
    "reject",
}
"""Verbs whose success says it all."""

_JSON_INDENT = 2


class Failure:
    """An error of the daemon's, by its fields."""

    __slots__ = ("code", "data", "hint", "message")

    def __init__(self, code: str, message: str, hint: str, data: object) -> None:
        self.code = code
        self.message = message
        self.hint = hint
        self.data = data or {}


def shown(question: plain.Question, answer: object) -> tuple[list[str], list[Note]]:
    """The lines for stdout, and the notes for stderr that are not known to be idle there."""
    method = question.method
    known = _known(answer, SHAPES[method])
    if method in {"run", "rerun"} and known["status"] not in ("running", "cancelling", "queued"):
        raise ValueError(f"status: {known['status']!r}")  # it has a status of the process's own
    if question.json:
        from tsipc_client.render.json_text import encode  # noqa: PLC0415 (json is not for every call)

        return [encode(known, indent=_JSON_INDENT if screen.is_terminal(sys.stdout) else None)], []
    result = _record(known)
    if method in {"send", "retry", "publish"}:
        lines = _ids(result)
    elif method in {"run", "rerun"}:
        lines = [result.run]
    elif method in _SILENT:
        lines = []
    else:
        lines = list(_lines(method, result, screen.style_of(sys.stdout)))
    if _may_be_urgent(method, result) or screen.is_terminal(sys.stderr):
        return lines, list(_notes(question, result, screen.style_of(sys.stderr).uncut))
    return lines, []


def told(question: plain.Question, answer: object, style: Style) -> tuple[list[str], list[Note]]:
    """The ids of a send or an event, and all notes, for a place of output that is not this process's."""
    result = _record(_known(answer, SHAPES[question.method]))
    return _ids(result), list(_notes(question, result, style))


def progress_of(params: object) -> Any:  # noqa: ANN401 (stands for `Progress`)
    """A piece of news about a run."""
    return _record(_known(params, PROGRESS))


def ended_of(answer: object) -> Any:  # noqa: ANN401 (stands for `RunEnded`)
    """The end of a run that was followed."""
    ended = _known(answer, SHAPES["run"])
    if ended["status"] not in RUN_STATUSES:
        raise ValueError(f"status: {ended['status']!r}")
    return _record(ended)


def json_of(record: object) -> str:
    """What one of these was made of, as JSON for this stdout."""
    from tsipc_client.render.json_text import encode  # noqa: PLC0415 (json is not for every call)

    return encode(_maps(record), indent=_JSON_INDENT if screen.is_terminal(sys.stdout) else None)


def refused(question: plain.Question, error: Any) -> tuple[int, list[str]]:  # noqa: ANN401 (what came)
    """The exit status of an error of the daemon's, and the lines for stderr."""
    from tsipc_client.render import failure  # noqa: PLC0415 (as above)

    status = STATUS_OF_ERROR[error["code"]]
    texts = error["message"], error["hint"]
    if not (isinstance(texts[0], str) and isinstance(texts[1], str) and isinstance(error["data"], dict)):
        raise TypeError("an error without words")
    told: Any = Failure(error["code"], *texts, error["data"])
    if question.json:
        return status, [failure.error_document(told)]
    return status, list(failure.error_lines(told, screen.style_of(sys.stderr)))


def _known(value: Any, shape: Shape | None) -> Any:  # noqa: ANN401 (what came)
    """The part of an answer that has a meaning here, checked; what a newer daemon added is left out."""
    if shape is None:
        return value
    if isinstance(value, list):
        return [_known(item, shape) for item in value]
    known = {name: _known(value[name], inner) for name, inner in shape.items()}
    for name, inner in shape.items():
        item = known[name]
        is_number = isinstance(item, int | float) and not isinstance(item, bool)
        if inner is None and item is not None and is_number != (name in NUMBERS):
            raise TypeError(f"{name}: {item!r}")
    for name, words in WORDS.items():
        if name in known and known[name] not in words:
            raise ValueError(f"{name}: {known[name]!r}")
    for name in ("id", "run"):
        if not isinstance(known.get(name, ""), str):
            raise TypeError(f"{name}: {known[name]!r}")  # it is printed as it is
    return known


def _record(value: Any) -> Any:  # noqa: ANN401 (stands for any of the protocol's values)
    """Maps as objects with fields."""
    if isinstance(value, list):
        return tuple([_record(item) for item in value])
    if not isinstance(value, dict):
        return value
    # SimpleNamespace, without its module. What is in `held` is a map of anything, and no record.
    return type(sys.implementation)(
        **{name: item if name == "held" else _record(item) for name, item in value.items()}
    )


def _ids(result: Any) -> list[str]:  # noqa: ANN401 (as above)
    """Of the messages that a request made."""
    return [result.id] if hasattr(result, "id") else [fanout.id for fanout in result.subscribers]


def _maps(value: Any) -> Any:  # noqa: ANN401 (as above)
    """`_record` undone."""
    if isinstance(value, tuple):
        return [_maps(item) for item in value]
    if isinstance(value, type(sys.implementation)):
        return {name: _maps(item) for name, item in vars(value).items()}
    return value


def _may_be_urgent(method: str, result: Any) -> bool:  # noqa: ANN401 (as above)
    """Whether a note may be due where no person looks."""
    match method:
        case "send" | "retry" | "resolve":
            return result.status in {"held", "failed"}
        case "publish":
            return not result.subscribers
        case "unsubscribe":
            return not result.changed
        case "events":
            return bool(result.cut)
        case "sessions":
            return bool(result.unreachable)
        case _:
            return False


def _lines(method: str, result: Any, style: Style) -> Iterable[str]:  # noqa: ANN401 (as above)
    if method in {"workflow", "pipeline"}:
        from tsipc_client.render.style import line  # noqa: PLC0415 (each loads what it shows, and no more)

        saved = result if method == "workflow" else result.workflow
        return [line(style.uncut, saved.path)]
    if method == "explain":
        from tsipc_client.render import explained  # noqa: PLC0415 (as above)

        return explained.lines(result, style)
    if method in {"show", "status", "schedule"}:
        from time import time  # noqa: PLC0415 (as above)

        if method == "schedule":
            from tsipc_client.render import schedules  # noqa: PLC0415 (as above)

            return schedules.listed(result, style, now=time())
        from tsipc_client.render import story  # noqa: PLC0415 (as above)

        return story.shown(result, style) if method == "show" else story.status(result, style, now=time())
    from tsipc_client.render import listing  # noqa: PLC0415 (as above)

    listings: dict[str, Callable[[Any, Style], Iterator[str]]] = {
        "runs": listing.runs,
        "queue": listing.queue,
        "inbox": listing.inbox,
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
        case "retry":
            yield notes.retried(result, style)
        case "reply":
            yield notes.replied(result, style)
        case "purge":
            yield notes.purged(result, style)
        case "cancel":
            yield notes.cancelled(result, style)
        case "resolve":
            yield notes.resolved(result, style)
        case "run" | "rerun":
            yield notes.running(result, style)
        case "pause" | "resume" | "approve" | "reject":
            yield notes.run_now(result, style)
