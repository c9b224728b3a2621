"""Many requests out and their answers in, on a blocking client's socket. Connects and repeats nothing."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tsipc_client.asking import asks_for_repeat, is_repeatable
from tsipc_client.wire.connection import Answered, Connection, Ended, Progressed
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, TimedOut, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsipc_client.wire.messages import Progress, Request, Result

MAX_OPEN = 512
"""Requests under way at once; the daemon reads no more than twice as many."""

_SEND_AHEAD_BYTES = 1 << 16
_READ_BYTES = 1 << 16

OnProgress: TypeAlias = "Callable[[Progress], None]"
Outcome: TypeAlias = "Result | WireError"


class Deadline:
    """When a call must have its answer; with None, never."""

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._at = None if timeout_s is None else time.monotonic() + timeout_s

    def left_s(self) -> float | None:
        """Seconds until then; None: no limit. Raises `TimedOut` when it has passed."""
        if self._at is None:
            return None
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise timed_out(self._timeout_s)
        return left_s


class Batch:
    """Requests and what came of them so far."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.outcomes: list[Outcome | None] = [None] * len(requests)

    def unanswered(self) -> list[int]:
        """The places of those without an outcome."""
        return [index for index, outcome in enumerate(self.outcomes) if outcome is None]

    def fail(self, error: WireError) -> None:
        """What has no outcome gets this one."""
        for index in self.unanswered():
            self.outcomes[index] = error

    def fail_unrepeatable(self, error: WireError) -> None:
        """Of what has no outcome, what must not be sent again gets this one."""
        for index in self.unanswered():
            if not is_repeatable(self.requests[index]):
                self.outcomes[index] = error

    def reopen(self) -> bool:
        """Forget the outcomes that the next daemon may better; whether there were any."""
        places = [
            index
            for index, outcome in enumerate(self.outcomes)
            if isinstance(outcome, WireError)
            and asks_for_repeat(outcome)
            and is_repeatable(self.requests[index])
        ]
        for index in places:
            self.outcomes[index] = None
        return bool(places)

    def settled(self) -> list[Outcome]:
        """All outcomes, once there are no others to come."""
        return [outcome for outcome in self.outcomes if outcome is not None]


class Exchange:
    """One batch on one connection. `sock` does not block."""

    def __init__(
        self, sock: socket.socket, connection: Connection, batch: Batch, on_progress: OnProgress | None
    ) -> None:
        self._sock = sock
        self._connection = connection
        self._batch = batch
        self._on_progress = on_progress
        self._todo = deque(batch.unanswered())
        self._places: dict[int, int] = {}
        self._out = b""

    def run(self, deadline: Deadline) -> None:
        """Until every request has its outcome. Raises `Broken`, `TimedOut`, or why the daemon ended it."""
        poll = select.poll()
        while self._todo or self._places:
            self._take_up()
            self._send()
            if not self._places:
                continue
            poll.register(self._sock, select.POLLIN | (select.POLLOUT if self._out else 0))
            left_s = deadline.left_s()
            # One millisecond more, or the wait would end just before the deadline, again and again.
            for _, events in poll.poll(None if left_s is None else left_s * 1000 + 1):
                if events & ~select.POLLOUT:
                    self._receive()

    def _take_up(self) -> None:
        while self._todo and len(self._places) < MAX_OPEN and len(self._out) < _SEND_AHEAD_BYTES:
            index = self._todo.popleft()
            try:
                number, data = self._connection.request(self._batch.requests[index])
            except BadInput as error:
                self._batch.outcomes[index] = error
            else:
                self._places[number] = index
                self._out += data

    def _send(self) -> None:
        if not self._out:
            return
        try:
            self._out = self._out[self._sock.send(self._out) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._out = b""  # the daemon may have said why: read on until the end

    def _receive(self) -> None:
        data = received(self._sock)
        if data is None:
            return
        if not data:
            raise closed_early()
        for event in self._connection.receive(data):
            match event:
                case Answered(id=number, outcome=outcome) if number in self._places:
                    self._batch.outcomes[self._places.pop(number)] = outcome
                case Progressed(id=number, item=item) if number in self._places and self._on_progress:
                    self._on_progress(item)
                case Ended(error=error):
                    raise error


def is_over(sock: socket.socket) -> bool:
    """Whether the daemon has ended this connection since it was last used."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def wait_for_end(sock: socket.socket, deadline: Deadline) -> None:
    """Until the daemon has closed the connection. Raises `TimedOut`."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    data: bytes | None = None
    while data != b"":
        left_s = deadline.left_s()
        if poll.poll(None if left_s is None else left_s * 1000 + 1):
            data = received(sock)


def received(sock: socket.socket) -> bytes | None:
    """What has come; None: nothing yet; empty: the connection is over."""
    try:
        return sock.recv(_READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def closed_early() -> Broken:
    """The error for a connection that ended too early."""
    return Broken(
        ErrorCode.UNKNOWN_OUTCOME,
        "the daemon closed the connection before it answered",
        hint="what was asked may have happened: ts-ipc queue",
    )


def timed_out(timeout_s: float | None) -> TimedOut:
    """The error for a call that took longer than that."""
    return TimedOut(
        ErrorCode.TIMED_OUT,
        f"no answer within {timeout_s:g} s",
        hint="what was asked may still happen: ts-ipc queue",
    )
