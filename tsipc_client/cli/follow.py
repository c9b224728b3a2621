"""A run until its end in one exchange, with little more loaded than what shows it.

What it does not understand, and a connection that ends too early, go to the protocol's values and `deliver`:
the same run is asked for again under its key, and its picture goes on.
"""

from __future__ import annotations

import time

from tsipc_client.cli import brief, oneshot, plain, screen, watch
from tsipc_client.wire.pack import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any


class _Failed(Exception):
    """The daemon refused, in words that are known."""

    def __init__(self, status: int, lines: list[str]) -> None:
        super().__init__()
        self.status = status
        self.lines = lines


class _Unclear(Exception):
    """The connection ended, or what may be the end of the run is not understood here."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__()
        self.answer = answer


def run(question: plain.Question, connection: _socket.socket) -> int:
    """Start the run and stay until it ends; the exit status."""
    key = str(question.params.get("key") or oneshot.new_key())
    deadline = None if question.timeout_s is None else time.monotonic() + question.timeout_s
    display = watch.display_of(brief.json_of if question.json else None)

    def follow(take: Callable[[Any], None]) -> Any:  # noqa: ANN401 (stands for `RunEnded`)
        oneshot.ask(connection, question, key)
        for frame in oneshot.frames(connection, deadline):
            ended = _read(question, frame, take)
            if ended is not None:
                return ended
        raise _Unclear(None)

    try:
        return watch.watch(display, follow)
    except _Failed as failure:
        screen.tell(failure.lines)
        return failure.status
    except _Unclear as unclear:
        answer = unclear.answer
    from tsipc_client.cli import onward  # noqa: PLC0415 (costs more than all of this)

    return onward.follow(question, key, answer, connection, deadline=deadline, display=display)


def _read(question: plain.Question, frame: bytes, take: Callable[[Any], None]) -> Any:  # noqa: ANN401 (as above)
    """The end of the run, if the frame tells it; news goes to `take`. Raises `_Failed` and `_Unclear`."""
    try:
        match unpack(frame[oneshot.HEADER_BYTES :]):
            case [2, "progress", {"request": oneshot.NUMBER, **params}]:
                news = brief.progress_of(params)
            case [1, oneshot.NUMBER, None, result]:
                return brief.ended_of(result)
            case [1, oneshot.NUMBER, error, None]:
                raise _Failed(*brief.refused(question, error))
            case [1, None, *_]:
                raise _Unclear(frame)
            case _:
                return None  # for another request, or of a newer daemon
    except oneshot.NOT_UNDERSTOOD as error:
        if frame.startswith(oneshot.NOTIFICATION, oneshot.HEADER_BYTES):
            return None  # of a newer daemon: it is there to be watched, and the end will come
        raise _Unclear(frame) from error
    take(news)
    return None
