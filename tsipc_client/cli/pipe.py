"""`ts-ipc pipe`: a request a line on stdin, an answer a line on stdout, one process for all of them.

All is done in its order. Sends and events that have come are asked at once: whoever writes many does not wait
for round trips, and whoever writes one and waits gets its answer. What breaks off is repeated as in `client`.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, fields
from io import StringIO
from itertools import groupby, islice

from tsipc_client.cli import onward, plain, screen
from tsipc_client.cli.arguments import STDIN, bad_input
from tsipc_client.cli.orders import Ask, Options
from tsipc_client.cli.statuses import ExitStatus, status_of_error
from tsipc_client.client import Client
from tsipc_client.render import answer
from tsipc_client.render.document import document
from tsipc_client.render.failure import error_document
from tsipc_client.render.json_text import encode
from tsipc_client.wire import codec
from tsipc_client.wire.errors import Broken, ErrorCode, WireError
from tsipc_client.wire.messages import (
    MAX_FRAME_BYTES,
    REQUESTS,
    Cancelled,
    PipelineSaved,
    Publish,
    Published,
    Purged,
    Replied,
    Request,
    Resolved,
    Result,
    Run,
    RunEnded,
    Saved,
    Send,
    Sent,
    Stop,
    Subscribed,
)
from tsipc_client.wire.text import visible

PROGRAM = "ts-ipc"

TOGETHER = 512
"""Requests that are under way at once, and repeated together if the daemon dies."""

_KINDS: dict[str, type[Request]] = {kind.METHOD: kind for kind in REQUESTS if kind is not Stop}
_JSON_RPC_ERROR = -32_000
_READ_BYTES = 1 << 16
_TOO_LONG = b"-" * (MAX_FRAME_BYTES + 1)
"""Stands for a line that was not kept."""


@dataclass(slots=True)
class Line:
    """One line of stdin, and what came of it."""

    number: int
    text: bytes
    request: Request | None = None
    is_json: bool = False
    id: object = None
    """Of a request in JSON, which its answer carries back."""
    outcome: Result | WireError | None = None


def pipe(options: Options, *, null: bool) -> int:
    """Until stdin ends; the exit status is that of the first request that failed, or 0."""
    if screen.is_terminal(sys.stdin):
        screen.tell(["a request a line, as after ts-ipc: send a b 'make'; Ctrl-D ends it"])
    status: int = ExitStatus.OK
    with Client(timeout_s=options.timeout_s) as client:
        for lines in _batches(sys.stdin.fileno(), b"\0" if null else b"\n"):
            _ask(client, lines)
            screen.put(_answer(line, as_json=options.json) for line in lines)
            for line in lines:
                if isinstance(line.outcome, WireError):
                    status = status or status_of_error(line.outcome)
                elif line.request is not None and line.outcome is not None and not options.json:
                    screen.note(answer.notes(line.request, line.outcome, screen.style_of(sys.stderr)))
    return status


def _ask(client: Client, lines: list[Line]) -> None:
    """Every line has its outcome."""
    for line in lines:
        try:
            line.request = _understood(line)
        except WireError as error:
            error.message = f"line {line.number}: {error.message}"
            line.outcome = error
    asked = [line for line in lines if line.request is not None]
    # The daemon answers requests that are under way together as it gets to them: a listing before a send.
    for are_alike, group in groupby(asked, lambda line: isinstance(line.request, Send | Publish)):
        most = TOGETHER if are_alike else 1
        while together := list(islice(group, most)):
            outcomes = client.call_many([line.request for line in together if line.request is not None])
            for line, outcome in zip(together, outcomes, strict=True):
                line.outcome = outcome


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────


def _batches(descriptor: int, end: bytes) -> Iterator[list[Line]]:
    """The lines that have come, whenever some have; blank ones and comments are left out."""
    number, rest = 0, b""
    while chunk := os.read(descriptor, _READ_BYTES):
        *texts, rest = (rest + chunk).split(end)
        if len(rest) > MAX_FRAME_BYTES:
            rest = _TOO_LONG
        lines = [Line(at, text) for at, text in enumerate(texts, number + 1) if _says_something(text)]
        number += len(texts)
        if lines:
            yield lines
    if _says_something(rest):
        yield [Line(number + 1, rest)]


def _says_something(text: bytes) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith(b"#")


def _understood(line: Line) -> Request:
    """The request that a line makes. Raises a `WireError`."""
    text = line.text
    if len(text) > MAX_FRAME_BYTES:
        raise bad_input(
            f"it has more than {MAX_FRAME_BYTES:,} bytes", hint="leave large data in a file and send its path"
        )
    if b"\0" in text:
        raise bad_input("it has a NUL byte", hint="for other bytes, encode them first (base64)")
    try:
        typed = text.decode()
    except UnicodeDecodeError as error:
        raise bad_input(f"it is not UTF-8 (byte {error.start + 1})") from error
    line.is_json = typed.lstrip().startswith("{")
    request = _of_json(line, typed) if line.is_json else _of_words(typed)
    if isinstance(request, Run) and request.follow:
        raise bad_input("run waits for the run's end, and all that follow with it", hint="add --detach")
    return request


def _of_words(text: str) -> Request:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise bad_input(str(error).lower(), hint="quote as in a shell") from error
    return request_of(words[1:] if words[:1] == [PROGRAM] else words)


def _of_json(line: Line, text: str) -> Request:
    """As on the socket: docs/protocol.md."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_input(f"no JSON: {error}", code=ErrorCode.BAD_FRAME) from error
    told = document.get("id")
    line.id = told if isinstance(told, str | int) else None
    method, params = document.get("method"), document.get("params", {})
    kind = _KINDS.get(method) if isinstance(method, str) else None
    if kind is None or not isinstance(params, dict):
        wrong = "params is no object" if kind else f"no method is called {method!r}"
        raise bad_input(wrong, hint=f"there are: {', '.join(_KINDS)}", code=ErrorCode.UNKNOWN_METHOD)
    if unknown := sorted(set(params) - {field.name for field in fields(kind)}):
        raise bad_input(f"{method} has no parameter {unknown[0]!r}")
    try:
        return codec.build(kind, params)
    except Broken as error:
        raise bad_input(f"{method}: {error.__cause__}") from error


def request_of(words: list[str]) -> Request:
    """The request that a command line of these words makes. Raises a `WireError`."""
    question = plain.read(words)
    if question is not None:
        return onward.request_of(question)
    if STDIN in words:
        raise bad_input("- reads the text from stdin, where the requests are", hint="write the text there")
    from tsipc_client.cli import app  # noqa: PLC0415 (typer, for what is written in an unusual form)

    with redirect_stdout(StringIO()):  # where --help would go, between the answers
        order = app.parse(words)
    if isinstance(order, Ask):
        return order.request
    raise bad_input("it is no request to the daemon", hint="see: ts-ipc pipe --help")


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────


def _answer(line: Line, *, as_json: bool) -> str:
    outcome = line.outcome
    if outcome is None:
        raise AssertionError("every line has its outcome")
    if line.is_json:
        return _in_json(line.id, outcome)
    if isinstance(outcome, WireError):
        if as_json:
            return error_document(outcome)
        hint = f" ({outcome.hint})" if outcome.hint else ""
        return visible(f"error {outcome.code} {outcome.message}{hint}".replace("\n", " "))
    if as_json:
        return document(outcome)
    match outcome:
        case Sent(id=id_):
            return f"ok {id_}"
        case Published(subscribers=subscribers):
            return " ".join(["ok", *(fanout.id for fanout in subscribers)])
        case RunEnded(run=run):
            return f"ok {run}"
        case Saved() | PipelineSaved() | Subscribed() | Cancelled() | Purged() | Replied() | Resolved():
            return "ok"
        case _:
            return f"ok {encode(asdict(outcome))}"


def _in_json(id_: object, outcome: Result | WireError) -> str:
    """As on the socket."""
    if not isinstance(outcome, WireError):
        return encode({"jsonrpc": "2.0", "id": id_, "result": asdict(outcome)})
    told = {"code": outcome.code, "hint": outcome.hint, "data": outcome.data}
    error = {"code": _JSON_RPC_ERROR, "message": outcome.message, "data": told}
    return encode({"jsonrpc": "2.0", "id": id_, "error": error})
