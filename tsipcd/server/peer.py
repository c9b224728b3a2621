"""One client's connection: its bytes become requests, answers become bytes. Decides nothing about requests.

What it holds is bounded. It stops reading while `MAX_OPEN` requests wait for answers or the client does not
read its own; a client that still lets `MAX_UNSENT_BYTES` pile up is cut off. A frame that has begun must be
whole within `FRAME_S`. Bytes that are no messages are answered once, then the connection ends.
"""

from __future__ import annotations

import asyncio
import logging
import select
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, WireError
from tsipc_client.wire.frames import Receiver
from tsipc_client.wire.messages import (
    Events,
    Progress,
    Queue,
    Request,
    Result,
    Subscriptions,
)
from tsipcd.core.inputs import Call
from tsipcd.server import encode
from tsipcd.server.decode import BadRequest, Id, from_json, from_msgpack

MAX_OPEN: Final = 1024
"""Requests of one connection that may wait for answers; the next one is not read before one is answered."""

LISTINGS: Final = (Queue, Events, Subscriptions)
"""Requests whose answer takes milliseconds to make: one at a time, so that a pile of them holds up nobody."""

MAX_UNREAD_BYTES: Final = 1 << 20
"""Answers that a client may leave unread before its requests are no longer read."""

MAX_UNSENT_BYTES: Final = 8 << 20
"""Answers that may wait for a client before it is cut off."""

FRAME_S: Final = 5.0
"""How long a frame may take from its first byte to its last."""

_logger = logging.getLogger("tsipcd.server")

OnRequest = Callable[[Call, int, Request], None]


class Peer(asyncio.Protocol):
    """Connection `number`, of process `pid`. With `refusal` it answers that to whatever comes, and ends."""

    def __init__(
        self,
        number: int,
        pid: int,
        on_request: OnRequest,
        on_closed: Callable[[int], None],
        *,
        on_handed: Callable[[], None],
        on_spoken: Callable[[Peer], None],
        refusal: WireError | None = None,
    ) -> None:
        self.number = number
        self._pid = pid
        self._on_request = on_request
        self._on_closed = on_closed
        self._on_handed = on_handed
        self._on_spoken = on_spoken
        self._refusal = refusal
        self._loop = asyncio.get_running_loop()
        self.active_at = self._loop.time()
        """When it last said something, on the loop's clock."""
        self._transport: asyncio.Transport | None = None
        self._receiver = Receiver()
        self._waiting: deque[bytes] = deque()
        """Payloads that came and were not looked at yet."""
        self._open = 0
        self._listing: tuple[Id] | None = None
        """The id of the listing that it waits for."""
        self._out: list[bytes] = []
        self._unsent_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._work_is_due = False
        self._ended = False
        """Nothing more will come."""
        self._closing = False
        """Nothing more will be said."""
        self._paused = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss it: no request open, none begun, no answer unsent."""
        is_at_work = self._open or self._waiting or self._out or self._receiver.is_partial
        return not (is_at_work or self._closing or self._buffered_bytes)

    @property
    def is_stuck(self) -> bool:
        """Whether it has let its answers lie for long, and said nothing meanwhile."""
        return self._buffered_bytes > 0 and self._loop.time() - self.active_at > FRAME_S

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────

    def reply(self, request_id: Id, result: Result | encode.Packed) -> None:
        """Answer an open request."""
        self._write(encode.result(request_id, result, lines=self._lines))
        self._answered(request_id)

    def fail(self, request_id: Id, error: WireError) -> None:
        """Answer an open request with an error."""
        self._write(encode.failure(request_id, error, lines=self._lines))
        self._answered(request_id)

    def tell(self, request_id: Id, item: Progress) -> None:
        """Stream an item to an open request."""
        self._write(encode.progress(request_id, item, lines=self._lines))

    def close(self) -> None:
        """Hear and say nothing more; what was said still goes out."""
        self.flush()
        self._stop()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End at once; what was not sent is lost."""
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    # ── asyncio.Protocol ──────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast("asyncio.Transport", transport)
        if self._closing:
            # Its place was given to another before it was open.
            transport.close()
            return
        self._transport.set_write_buffer_limits(high=MAX_UNREAD_BYTES)
        if self._refusal is not None:
            self._deadline = self._loop.call_later(FRAME_S, self.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._ended:
            return
        self.active_at = self._loop.time()
        payloads = self._receiver.feed(data)
        if self._refusal is not None:
            self._give_up(self._refusal)
            return
        self._waiting.extend(payloads)
        self._watch_frame(begun_now=bool(payloads))
        self._work()

    def eof_received(self) -> bool:
        """The client says no more; it may still listen for its answers, as `socat` does."""
        if self._ended:
            return False
        self._waiting.extend(self._receiver.end())
        self._ended = True
        self._watch_frame(begun_now=False)
        self._work()
        return not self._is_hung_up()

    def resume_writing(self) -> None:
        """The client has read most of what waited for it."""
        self._unsent_bytes = self._buffered_bytes
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended changes nothing
        """The connection is over."""
        self._stop()
        self._transport = None
        self._on_closed(self.number)

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        """Hand on what came, as far as may be."""
        self._work_is_due = False
        if self._closing:
            return
        waiting = self._waiting
        while waiting and self._listing is None and self._has_room:
            self._take(waiting.popleft())
        self._on_handed()
        if not waiting and not self._closing:
            if (broken := self._receiver.broken) is not None:
                self._give_up(broken)
            elif self._ended and not self._open:
                self.close()
        self._throttle()

    def _take(self, payload: bytes) -> None:
        try:
            if self._receiver.lines:
                request_id, request = from_json(payload)
            else:
                request_id, request = from_msgpack(payload)
        except BadRequest as bad:
            self._write(encode.failure(bad.id, bad.error, lines=self._lines))
            return
        except BadInput as error:
            self._give_up(error)
            return
        self._open += 1
        if isinstance(request, LISTINGS):
            self._listing = (request_id,)
        call = Call(self.number, request_id)
        try:
            self._on_request(call, self._pid, request)
        except Exception:
            _logger.exception("%s failed", request.METHOD)
            self.fail(
                request_id,
                Broken(ErrorCode.INTERNAL, f"{request.METHOD} failed", hint="see the daemon's log"),
            )

    @property
    def _has_room(self) -> bool:
        return self._open < MAX_OPEN and self._unsent_bytes <= MAX_UNREAD_BYTES

    def _answered(self, request_id: Id) -> None:
        self._open -= 1
        if self._listing == (request_id,):
            self._listing = None
        if self._waiting or (self._ended and not self._open):
            self._work_soon()

    def _work_soon(self) -> None:
        if not self._work_is_due:
            self._work_is_due = True
            self._loop.call_soon(self._work)

    def _give_up(self, error: WireError) -> None:
        """Say why, and end."""
        self._write(encode.failure(None, error, lines=self._lines))
        self.close()

    def _stop(self) -> None:
        self._ended = self._closing = True
        self._waiting.clear()
        self._out.clear()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _watch_frame(self, *, begun_now: bool) -> None:
        """Keep the deadline of the frame that has begun; `begun_now`: it is another than before."""
        is_due = self._receiver.is_partial and not self._paused and not self._ended
        if self._deadline is not None and (begun_now or not is_due):
            self._deadline.cancel()
            self._deadline = None
        if is_due and self._deadline is None:
            self._deadline = self._loop.call_later(FRAME_S, self._overdue)

    def _overdue(self) -> None:
        self._deadline = None
        self._give_up(BadInput(ErrorCode.BAD_FRAME, f"a message was not complete after {FRAME_S:g} s"))

    def _is_hung_up(self) -> bool:
        """Whether the client closed its end altogether: nobody is there to read answers."""
        if self._transport is None or (descriptor := self._transport.get_extra_info("socket")) is None:
            return True
        poll = select.poll()
        poll.register(descriptor.fileno(), 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    # ── the transport ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def _lines(self) -> bool:
        return bool(self._receiver.lines)

    @property
    def _buffered_bytes(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _write(self, data: bytes) -> None:
        """Send it with all else that is said until `flush`."""
        if self._closing:
            return
        if not self._out:
            self._on_spoken(self)
        self._out.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was said."""
        transport = self._transport
        if transport is None or not self._out:
            return
        transport.write(b"".join(self._out))
        self._out.clear()
        if self._waiting:
            self._work_soon()
        self._unsent_bytes = self._buffered_bytes
        if self._unsent_bytes > MAX_UNSENT_BYTES:
            _logger.warning("cut off process %d: it does not read its answers", self._pid)
            self.abort()

    def _throttle(self) -> None:
        """Read on, or let the client wait."""
        transport = self._transport
        must_pause = bool(self._waiting)
        if transport is None or self._ended or must_pause == self._paused:
            return
        self._paused = must_pause
        if must_pause:
            transport.pause_reading()
        else:
            transport.resume_reading()
        # While we do not read, the rest of a frame cannot come.
        self._watch_frame(begun_now=False)
