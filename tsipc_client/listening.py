"""Listening for both clients: what to ask next, and what to do while no daemon is there.

The first request only finds the place, so that whatever happens after it, nothing is left out. From then on a
daemon that ends is waited for: a listener is no reason to start one that somebody has stopped.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from tsipc_client.asking import asks_for_repeat, expect
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode, TimedOut, Unreachable, WireError

if TYPE_CHECKING:
    from tsipc_client.aio import AsyncClient
    from tsipc_client.client import Client

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5)
"""Between two looks for a daemon; the last one again and again."""


class Asks:
    """The requests of one listener."""

    def __init__(
        self,
        events: Sequence[str] = (),
        *,
        start: int | None = None,
        since: float | None = None,
        where: str = "",
        limit: int = 1000,
    ) -> None:
        self.start = start
        """The number that comes next; None: not known yet."""
        self._events = tuple(events)
        self._since = since
        self._where = where
        self._limit = limit
        self._has_place = False

    def request(self) -> m.Listen:
        """What to ask now."""
        return m.Listen(
            events=self._events,
            start=self.start,
            since=self._since if self.start is None else None,
            where=self._where,
            limit=self._limit,
            wait=self._has_place,
        )

    def take(self, answer: m.Heard) -> None:
        """Go on behind it."""
        self.start, self._has_place = answer.next, True


def batches(client: Client, asks: Asks, timeout_s: float | None = None) -> Iterator[m.Heard]:
    """One answer after the other, some without events. Ends by an error only, or when the time is over."""
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    first = expect(m.Heard, client.call(asks.request()))
    asks.take(first)
    yield first
    with type(client)(client.directory, start=False) as own:
        failures = 0
        while True:
            own.timeout_s = _left_s(ends_at)
            if own.timeout_s == 0:
                return
            try:
                answer = expect(m.Heard, own.call(asks.request()))
            except TimedOut:
                return
            except WireError as error:
                if not _is_gone(error):
                    raise
                time.sleep(_pause_s(failures, ends_at))
                failures += 1
            else:
                failures = 0
                asks.take(answer)
                yield answer


async def async_batches(
    client: AsyncClient, asks: Asks, timeout_s: float | None = None
) -> AsyncIterator[m.Heard]:
    """The same for a client with an event loop."""
    import asyncio  # noqa: PLC0415 (whoever has such a client has it loaded)

    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    first = expect(m.Heard, await client.call(asks.request()))
    asks.take(first)
    yield first
    async with type(client)(client.directory, start=False) as own:
        failures = 0
        while True:
            own.timeout_s = _left_s(ends_at)
            if own.timeout_s == 0:
                return
            try:
                answer = expect(m.Heard, await own.call(asks.request()))
            except TimedOut:
                return
            except WireError as error:
                if not _is_gone(error):
                    raise
                await asyncio.sleep(_pause_s(failures, ends_at))
                failures += 1
            else:
                failures = 0
                asks.take(answer)
                yield answer


def _is_gone(error: WireError) -> bool:
    """Whether another daemon may come and answer."""
    return isinstance(error, Unreachable) or asks_for_repeat(error) or error.code is ErrorCode.BUSY


def _left_s(ends_at: float | None) -> float | None:
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def _pause_s(failures: int, ends_at: float | None) -> float:
    pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
    left_s = _left_s(ends_at)
    return pause_s if left_s is None else min(pause_s, left_s)
