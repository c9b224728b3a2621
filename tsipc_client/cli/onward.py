"""Where a plain question goes when the short way does not do: to the protocol's values and `deliver`."""

from __future__ import annotations

import _socket
import socket
import time
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, cast

from tsipc_client.asking import asks_for_repeat, is_repeatable
from tsipc_client.cli import deliver, plain, watch
from tsipc_client.cli.orders import DEFAULT_TIMEOUT_S, Ask, Do, Options
from tsipc_client.cli.statuses import ExitStatus, status_of_run
from tsipc_client.exchange import Deadline, closed_early, timed_out, wait_for_end
from tsipc_client.versions import explained
from tsipc_client.wire import codec
from tsipc_client.wire.address import state_path
from tsipc_client.wire.connection import Answered, Connection, Ended
from tsipc_client.wire.errors import Broken, ErrorCode, WireError
from tsipc_client.wire.messages import REQUESTS, DaemonStatus, Request, Rerun, Result, Run, RunEnded

if TYPE_CHECKING:
    from tsipc_client.cli.watch import Display

_KINDS: dict[str, type[Request]] = {kind.METHOD: kind for kind in REQUESTS}


def ask(question: plain.Question, key: str = "", left_s: float | None = None) -> int:
    """Ask as if nothing had been tried; the exit status. Raises a `WireError`."""
    request = request_of(question, key)
    options = options_of(question)
    if left_s is not None:
        options = replace(options, timeout_s=left_s)
    if isinstance(request, DaemonStatus):
        from tsipc_client.cli import lifecycle  # noqa: PLC0415 (starts no daemon only to ask it)

        return deliver.carry_out(Do(lifecycle.status, options))
    return deliver.carry_out(Ask(request, options))


def follow(
    question: plain.Question,
    key: str,
    answer: bytes | None,
    connection: _socket.socket,
    *,
    deadline: float | None,
    display: Display,
) -> int:
    """Go on with a run that was asked for: as `settle`, and the display shows its end.

    The exit status. Raises a `WireError`.
    """
    left_s = None if deadline is None else deadline - time.monotonic()
    if left_s is not None and left_s <= 0:
        raise timed_out(question.timeout_s)
    request = request_of(question, key)
    outcome = closed_early() if answer is None else _outcome(request, answer)
    if isinstance(outcome, RunEnded):
        return watch.watch(display, lambda _: outcome)
    if isinstance(outcome, WireError):
        if not asks_for_repeat(outcome):
            raise explained(outcome, state_path())
        if answer is not None:
            # It has all that it needs of a socket.
            wait_for_end(cast("socket.socket", connection), Deadline(left_s))
    connection.close()
    # Under its key it is the same run.
    return deliver.follow(
        cast("Run | Rerun", request), replace(options_of(question), timeout_s=left_s), display
    )


def settle(
    question: plain.Question, key: str, answer: bytes | None, connection: _socket.socket, left_s: float
) -> int:
    """Go on after the question was sent: with the frame that came back, or None if none did.

    The exit status. Raises a `WireError`. Asks again only what does nothing twice.
    """
    options = options_of(question)
    if left_s <= 0:
        raise timed_out(options.timeout_s or DEFAULT_TIMEOUT_S)
    request = request_of(question, key)
    outcome = closed_early() if answer is None else _outcome(request, answer)
    if not isinstance(outcome, WireError):
        deliver.show(request, outcome, options)
        return status_of_run(outcome.status) if isinstance(outcome, RunEnded) else ExitStatus.OK
    if not (asks_for_repeat(outcome) and is_repeatable(request)):
        raise explained(outcome, state_path())
    if answer is not None:
        # It has all that it needs of a socket.
        wait_for_end(cast("socket.socket", connection), Deadline(left_s))
    connection.close()
    return ask(question, key, ceil(left_s))


def options_of(question: plain.Question) -> Options:
    """As typer's way makes them of the same words."""
    patient = question.is_streamed
    timeout_s = question.timeout_s or (None if patient else DEFAULT_TIMEOUT_S)
    return Options(json=question.json, timeout_s=timeout_s)


def request_of(question: plain.Question, key: str = "") -> Request:
    """The question as the value that typer's way makes of the same words."""
    params = {**question.params, "key": key} if key else question.params
    return codec.build(_KINDS[question.method], params)


def _outcome(request: Request, answer: bytes) -> Result | WireError:
    connection = Connection()
    connection.request(request)
    for event in connection.receive(answer):
        match event:
            case Answered(outcome=outcome):
                return outcome
            case Ended(error=error):
                return error
    return Broken(ErrorCode.INTERNAL, "the daemon answered something else than it was asked")
