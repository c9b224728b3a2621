"""One connection as the client sees it, without I/O: requests to bytes, bytes to answers and stream items.

Answers come in any order and find their request by its id. Reads, writes and waits for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsipc_client.wire import codec
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import Broken, ErrorCode, WireError
from tsipc_client.wire.frames import Receiver, frame


@dataclass(frozen=True, slots=True)
class Answered:
    """The request's one answer."""

    id: int
    outcome: m.Result | WireError


@dataclass(frozen=True, slots=True)
class Progressed:
    """An item that belongs to a request still open."""

    id: int
    item: m.Progress


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come on this connection; no open request will be answered."""

    error: WireError


Event = Answered | Progressed | Ended


class Connection:
    """The requests under way on one connection."""

    def __init__(self) -> None:
        self._receiver = Receiver(lines=False)
        self._open: dict[int, type[m.Request]] = {}
        self._last = 0

    @property
    def open(self) -> int:
        """How many requests wait for their answer."""
        return len(self._open)

    def request(self, request: m.Request) -> tuple[int, bytes]:
        """The request's id and the bytes to send. Raises `BadInput`."""
        number = self._last + 1
        data = frame(codec.encode_request(number, request))
        self._last = number
        self._open[number] = type(request)
        return number, data

    def forget(self, number: int) -> None:
        """Nobody waits for this answer any more: drop it when it comes."""
        self._open.pop(number, None)

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes say, in order. After an `Ended` the connection is of no more use."""
        events: list[Event] = []
        for payload in self._receiver.feed(data):
            try:
                event = self._event(payload)
            except WireError as error:
                event = Ended(error)
            if event is not None:
                events.append(event)
        if (broken := self._receiver.broken) is not None:
            events.append(
                Ended(Broken(ErrorCode.INTERNAL, f"the daemon's bytes make no sense: {broken.message}"))
            )
        return events

    def _event(self, payload: bytes) -> Event | None:
        message = codec.decode(payload)
        if isinstance(message, codec.Notification):
            if message.method != "progress" or message.request not in self._open:
                return None  # of a newer daemon, or of a request that nobody waits for
            try:
                return Progressed(message.request, codec.build(m.Progress, message.params))
            except Broken:
                return None  # of a newer daemon: it is there to be watched, and the answer will come
        if message.id is None:
            return Ended(message.error or Broken(ErrorCode.INTERNAL, "the daemon gave up the connection"))
        kind = self._open.pop(message.id, None)
        if kind is None:
            return None
        if message.error is not None:
            return Answered(message.id, message.error)
        answer: type[m.Result] = kind.RESULT
        try:
            return Answered(message.id, codec.build(answer, message.result))
        except Broken as error:
            return Answered(message.id, error)
