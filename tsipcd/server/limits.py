"""What the values of a request must be, however it was encoded. Looks at the request alone, at no state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.text import is_safe, visible

MAX_KEY_BYTES: Final = 128
"""The longest idempotency key, in UTF-8."""

MAX_LISTED: Final = 100_000
"""The most rows or lines that one request may ask for; an answer holds as many as fit into a frame."""

MAX_TTL_S: Final = 10 * 365 * 86_400.0

MAX_AT: Final = 32_503_680_000.0
"""The year 3000: a later time is more likely one in milliseconds."""

MAX_PATTERNS: Final = 100
"""Names and patterns of events that one listener may give."""

MAX_EXPRESSION: Final = 21_000

MAX_HEARD: Final = 10_000
"""The most events that one answer may hold."""

MAX_NUMBER: Final = 1 << 63

_UTF8_BYTES: Final = 4
"""The most bytes that one character takes."""
_SHOWN: Final = 40


def check_of(kind: type[m.Request]) -> Callable[[m.Request], None]:
    """What raises `BadInput` that names the first field of a `kind` that is out of bounds."""
    return _CHECKS[kind]


def _hello(request: m.Hello) -> None:
    if request.client:
        _name("client", request.client)


def _send(request: m.Send) -> None:
    source, target = request.source, request.target
    names = source + target
    # The plain case of both at once: a burst asks it for each message.
    if not (source and target and names.isascii() and names.isprintable() and len(names) <= m.MAX_NAME_BYTES):
        _name("source", source)
        _name("target", target)
    _body("message", request.message)
    if request.ttl_s is not None and not (math.isfinite(request.ttl_s) and 0 < request.ttl_s <= MAX_TTL_S):
        raise _bad(f"ttl_s must be more than 0 and at most {MAX_TTL_S:.0f}, not {request.ttl_s!r}")
    if request.delay_s is not None and not 0 < request.delay_s <= MAX_TTL_S:
        raise _bad(f"delay_s must be more than 0 and at most {MAX_TTL_S:.0f}, not {request.delay_s!r}")
    if request.at is not None and not 0 <= request.at <= MAX_AT:
        raise _bad(f"at must be a time in seconds since 1970, at most {MAX_AT:.0f}, not {request.at!r}")
    if request.key:
        _key(request.key)


def _pair(request: m.Subscribe | m.Unsubscribe) -> None:
    _name("session", request.session)
    _name("event", request.event)


def _publish(request: m.Publish) -> None:
    _name("source", request.source)
    _name("event", request.event)
    _body("data", request.data)
    if request.key:
        _key(request.key)


def _workflow(request: m.Workflow) -> None:
    _file_name("name", request.name)
    for index, step in enumerate(request.steps):
        _name(f"steps[{index}].session", step.session)
        _body(f"steps[{index}].command", step.command)
    _body("text", request.text)
    _body("file", request.file)


def _rm(request: m.Rm) -> None:
    _file_name("name", request.name)


def _validate(request: m.Validate | m.Graph) -> None:
    if not request.text:
        _file_name("name", request.name)
    _body("text", request.text)
    _body("file", request.file)


def _run(request: m.Run) -> None:
    _file_name("name", request.name)
    if request.begin_with:
        _name("begin_with", request.begin_with)
    for each in request.inputs:
        _name("inputs", each.name)
        _body(f"inputs[{each.name}]", each.value)
    if request.key:
        _key(request.key)


def _rerun(request: m.Rerun) -> None:
    _name("id", request.id)
    if request.begin_with:
        _name("begin_with", request.begin_with)
    if request.key:
        _key(request.key)


def _answer(request: m.Approve | m.Reject) -> None:
    _name("id", request.id)
    if request.step:
        _name("step", request.step)


def _explain(request: m.Explain) -> None:
    _name("id", request.id)
    _name("step", request.step)


def _pipeline(request: m.Pipeline) -> None:
    _name("source", request.source)
    _name("target", request.target)


def _id(request: m.Show | m.Cancel | m.Resolve | m.Wait | m.Retry | m.Pause | m.Resume | m.Watch) -> None:
    _name("id", request.id)


def _reply(request: m.Reply) -> None:
    _name("id", request.id)
    _body("answer", request.answer)


def _inbox(request: m.Inbox) -> None:
    _name("session", request.session)


def _purge(request: m.Purge) -> None:
    if request.id:
        _name("id", request.id)


def _queue(request: m.Queue) -> None:
    _count("limit", request.limit)


def _runs(request: m.Runs) -> None:
    _count("limit", request.limit)


def _events(request: m.Events) -> None:
    _count("lines", request.lines)


def _listen(request: m.Listen) -> None:
    if len(request.events) > MAX_PATTERNS:
        raise _bad(f"events has {len(request.events)} names; the limit is {MAX_PATTERNS}")
    for index, name in enumerate(request.events):
        _name(f"events[{index}]", name)
    if request.start is not None and not 0 <= request.start < MAX_NUMBER:
        raise _bad(f"start must be from 0 on, not {request.start}")
    if request.since is not None and not math.isfinite(request.since):
        raise _bad(f"since must be a time, not {request.since!r}")
    if len(request.where) > MAX_EXPRESSION:
        raise _large(f"where has {len(request.where):,} characters; the limit is {MAX_EXPRESSION:,}")
    if not 1 <= request.limit <= MAX_HEARD:
        raise _bad(f"limit must be from 1 to {MAX_HEARD:,}, not {request.limit}")


def _nothing(_request: m.Request) -> None:
    """There is nothing to check in a request without parameters."""


_CHECKS: Final[dict[type[m.Request], Callable[[Any], None]]] = {
    m.Hello: _hello,
    m.Send: _send,
    m.Subscribe: _pair,
    m.Unsubscribe: _pair,
    m.Publish: _publish,
    m.Workflow: _workflow,
    m.Run: _run,
    m.Pipeline: _pipeline,
    m.Queue: _queue,
    m.Show: _id,
    m.Cancel: _id,
    m.Resolve: _id,
    m.Subscriptions: _nothing,
    m.Events: _events,
    m.Sessions: _nothing,
    m.Schedule: _nothing,
    m.DaemonStatus: _nothing,
    m.Stop: _nothing,
    m.Runs: _runs,
    m.Wait: _id,
    m.Retry: _id,
    m.Purge: _purge,
    m.Listen: _listen,
    m.Validate: _validate,
    m.Reply: _reply,
    m.Inbox: _inbox,
    m.Graph: _validate,
    m.Workflows: _nothing,
    m.Rm: _rm,
    m.Pause: _id,
    m.Resume: _id,
    m.Approve: _answer,
    m.Reject: _answer,
    m.Rerun: _rerun,
    m.Watch: _id,
    m.Explain: _explain,
}


def _name(field: str, value: str) -> None:
    # The plain case first: this runs for every request.
    if value.isascii() and value.isprintable() and 0 < len(value) <= m.MAX_NAME_BYTES:
        return
    if not value:
        raise _bad(f"{field} is empty")
    if len(value) > m.MAX_NAME_BYTES or len(value.encode()) > m.MAX_NAME_BYTES:
        raise _large(f"{field} has {len(value.encode()):,} bytes; the limit is {m.MAX_NAME_BYTES}")
    for char in value:
        if not is_safe(char):
            raise _bad(f"{field} holds {visible(char)}, which cannot be seen: {visible(value)[:_SHOWN]!r}")


def _file_name(field: str, value: str) -> None:
    _name(field, value)
    if value in (".", ".."):
        raise _bad(f"{field} cannot be {value!r}")


def _body(field: str, value: str) -> None:
    if len(value) * _UTF8_BYTES <= m.MAX_BODY_BYTES:
        return
    size = len(value.encode())
    if size > m.MAX_BODY_BYTES:
        raise _large(f"{field} has {size:,} bytes; the limit is {m.MAX_BODY_BYTES:,}")


def _key(value: str) -> None:
    if len(value) > MAX_KEY_BYTES or len(value.encode()) > MAX_KEY_BYTES:
        raise _large(f"key has {len(value.encode()):,} bytes; the limit is {MAX_KEY_BYTES}")


def _count(field: str, value: int) -> None:
    if not 0 <= value <= MAX_LISTED:
        raise _bad(f"{field} must be from 0 to {MAX_LISTED:,}, not {value}")


def _bad(message: str) -> BadInput:
    return BadInput(ErrorCode.BAD_PARAMS, message)


def _large(message: str) -> BadInput:
    return BadInput(ErrorCode.TOO_LARGE, message, hint="leave large data in a file and send its path")
