"""The asyncio client: the same verbs as the blocking one, any number of them under way at once.

    async with AsyncClient() as client:
        await client.send("claude-blacklist", "claude-manager", "docker ps")

A call that is cancelled, or takes too long, leaves the connection to the others; what it asked for may still
happen. When a connection breaks, each call that waits for its answer is repeated as in `client`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Self, cast

from tsipc_client import launch, listening
from tsipc_client.asking import REPEAT_AFTER_S, asks_for_repeat, expect, given, is_repeatable, keyed, member
from tsipc_client.control import AsyncRunVerbs
from tsipc_client.exchange import OnProgress, timed_out
from tsipc_client.versions import explained
from tsipc_client.wire import messages as m
from tsipc_client.wire.address import state_path
from tsipc_client.wire.connection import Answered, Connection, Ended, Progressed
from tsipc_client.wire.errors import Broken, ErrorCode, WireError

DEFAULT_TIMEOUT_S = 30.0


class AsyncClient(AsyncRunVerbs):
    """A connection to the daemon of one state folder, for the tasks of one event loop.

    `timeout_s` limits each call, from connecting to the answer; None: no limit. With `start` false a daemon
    that does not run is an `Unreachable` error. Every verb raises the classes of `tsipc_client.wire.errors`.
    An error in an `on_progress` goes to the event loop's exception handler and does not end the call.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        *,
        start: bool = True,
    ) -> None:
        self.directory = state_path() if directory is None else os.path.abspath(directory)  # noqa: PTH100
        self.timeout_s = timeout_s
        self._start = start
        self._link: _Link | None = None
        self._linking: asyncio.Task[_Link] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; calls that wait for answers fail. The next verb makes a new one."""
        if self._linking is not None:
            await asyncio.wait({self._linking})
        if self._link is not None:
            self._link.close()
            await self._link.over.wait()

    # ── any request ───────────────────────────────────────────────────────────────────────────────────────

    async def call(self, request: m.Request, on_progress: OnProgress | None = None) -> m.Result:
        """The answer to `request`; what it streams until then goes to `on_progress`."""
        return await self._call(request, on_progress, self.timeout_s)

    # ── verbs ─────────────────────────────────────────────────────────────────────────────────────────────

    async def hello(self, client: str = "") -> m.Welcome:
        """Who the daemon is: versions, limits, methods."""
        return expect(m.Welcome, await self.call(m.Hello(client=client)))

    async def send(
        self,
        source: str,
        target: str,
        message: str,
        *,
        type: str = m.MessageType.COMMAND,  # noqa: A002 - its name on the wire
        ttl_s: float | None = None,
        now: bool = False,
        raw: bool = False,
        secret: bool = False,
        capture: bool = False,
        at: float | None = None,
        delay_s: float | None = None,
        priority: str = m.Priority.NORMAL,
        ask: bool = False,
        key: str = "",
    ) -> m.Sent:
        """Type a command into `target`, show a notification there, or leave data; durable on return."""
        request = m.Send(
            source=source,
            target=target,
            message=message,
            type=member(m.MessageType, type),
            ttl_s=ttl_s,
            now=now,
            raw=raw,
            secret=secret,
            capture=capture,
            at=at,
            delay_s=delay_s,
            priority=member(m.Priority, priority),
            ask=ask,
            key=key,
        )
        return expect(m.Sent, await self.call(request))

    async def subscribe(self, session: str, event: str, action: str = m.Action.NOTIFY) -> m.Subscribed:
        """Let `session` receive `event`."""
        request = m.Subscribe(session=session, event=event, action=member(m.Action, action))
        return expect(m.Subscribed, await self.call(request))

    async def unsubscribe(self, session: str, event: str) -> m.Subscribed:
        """End the subscription of `session` to `event`."""
        return expect(m.Subscribed, await self.call(m.Unsubscribe(session=session, event=event)))

    async def publish(self, source: str, event: str, data: str = "", *, key: str = "") -> m.Published:
        """Hand `event` to all its subscribers; durable on return."""
        request = m.Publish(source=source, event=event, data=data, key=key)
        return expect(m.Published, await self.call(request))

    async def workflow(self, name: str, steps: Iterable[tuple[str, str]]) -> m.Saved:
        """Create or replace workflow `name`; a step is a session and a command."""
        rows = tuple(m.Step(session=session, command=command) for session, command in steps)
        return expect(m.Saved, await self.call(m.Workflow(name=name, steps=rows)))

    async def run(
        self,
        name: str,
        on_progress: OnProgress | None = None,
        *,
        follow: bool = True,
        timeout_s: float | None = None,
        key: str = "",
        inputs: Mapping[str, str] | None = None,
        begin_with: str = "",
    ) -> m.RunEnded:
        """Execute workflow `name`, and return when it has ended, or with `follow` false when it has begun.

        There is no time limit but `timeout_s`, which ends the waiting and not the run.
        """
        request = m.Run(name=name, follow=follow, key=key, inputs=given(inputs), begin_with=begin_with)
        return expect(m.RunEnded, await self._call(request, on_progress, timeout_s))

    async def pipeline(self, source: str, target: str) -> m.PipelineSaved:
        """Subscribe `target` to deployments of `source`, and create the workflow that deploys."""
        return expect(m.PipelineSaved, await self.call(m.Pipeline(source=source, target=target)))

    async def queue(self, limit: int = 20, *, pending: bool = False, dead: bool = False) -> m.Queued:
        """The last `limit` messages, oldest first: all, or those that have not ended, or the dead letters."""
        return expect(m.Queued, await self.call(m.Queue(limit=limit, pending=pending, dead=dead)))

    async def show(self, id: str) -> m.Shown:  # noqa: A002 - its name on the wire
        """One message's whole story."""
        return expect(m.Shown, await self.call(m.Show(id=id)))

    async def wait(
        self,
        id: str,  # noqa: A002 - its name on the wire
        on_progress: OnProgress | None = None,
        *,
        until: str = m.Milestone.DONE,
        timeout_s: float | None = None,
    ) -> m.Waited:
        """Return when the message is delivered, or if it is a captured command, done.

        There is no time limit but `timeout_s`, which ends the waiting and nothing else.
        """
        request = m.Wait(id=id, until=member(m.Milestone, until))
        return expect(m.Waited, await self._call(request, on_progress, timeout_s))

    async def listen(
        self,
        *events: str,
        start: int | None = None,
        since: float | None = None,
        where: str = "",
        timeout_s: float | None = None,
    ) -> AsyncIterator[m.EventView]:
        """The published events as they come: all, or those of these names or patterns. Ends with `timeout_s`.

        From number `start` on (0: the oldest kept), or those published `since` then, else from now on. To go
        on later without a gap or a repeat, begin with the number behind the last one. If the daemon ends, it
        waits for the next.
        """
        asks = listening.Asks(events, start=start, since=since, where=where)
        async for heard in listening.async_batches(self, asks, timeout_s):
            for event in heard.events:
                yield event

    async def cancel(self, id: str) -> m.Cancelled:  # noqa: A002 - its name on the wire
        """Take back a message or run that has not been typed yet."""
        return expect(m.Cancelled, await self.call(m.Cancel(id=id)))

    async def ask(
        self,
        source: str,
        target: str,
        question: str,
        *,
        ttl_s: float | None = None,
        timeout_s: float | None = None,
    ) -> m.Waited:
        """Ask a session, and return when somebody there has replied, or nobody will.

        There is no time limit but `ttl_s`, which ends the question, and `timeout_s`, which ends the waiting.
        """
        sent = await self.send(
            source, target, question, type=m.MessageType.NOTIFICATION, ttl_s=ttl_s, ask=True
        )
        return await self.wait(sent.id, until=m.Milestone.ANSWERED, timeout_s=timeout_s)

    async def reply(self, id: str, answer: str) -> m.Replied:  # noqa: A002 - its name on the wire
        """Answer a question."""
        return expect(m.Replied, await self.call(m.Reply(id=id, answer=answer)))

    async def inbox(self, session: str = ".") -> m.InboxList:
        """What a session was asked and has not answered."""
        return expect(m.InboxList, await self.call(m.Inbox(session=session)))

    async def retry(self, id: str) -> m.Sent:  # noqa: A002 - its name on the wire
        """Send a dead letter once more."""
        return expect(m.Sent, await self.call(m.Retry(id=id)))

    async def purge(self, id: str = "") -> m.Purged:  # noqa: A002 - its name on the wire
        """List a message that has ended no more; without `id`, all dead letters."""
        return expect(m.Purged, await self.call(m.Purge(id=id)))

    async def resolve(self, id: str, decision: str) -> m.Resolved:  # noqa: A002 - its name on the wire
        """Decide about a message that is in doubt: `redeliver`, `drop` or `delivered`."""
        request = m.Resolve(id=id, decision=member(m.Decision, decision))
        return expect(m.Resolved, await self.call(request))

    async def subscriptions(self) -> m.SubscriptionTable:
        """Who is subscribed to what."""
        return expect(m.SubscriptionTable, await self.call(m.Subscriptions()))

    async def events(self, lines: int = 20) -> m.LogLines:
        """The last `lines` lines of the event log."""
        return expect(m.LogLines, await self.call(m.Events(lines=lines)))

    async def schedule(self) -> m.ScheduleList:
        """What starts by itself, what comes next first."""
        return expect(m.ScheduleList, await self.call(m.Schedule()))

    async def sessions(self) -> m.SessionList:
        """Every session of every tmux server that can be seen."""
        return expect(m.SessionList, await self.call(m.Sessions()))

    async def status(self) -> m.StatusReport:
        """How the daemon is."""
        return expect(m.StatusReport, await self.call(m.DaemonStatus()))

    async def stop(self) -> m.Stopping:
        """Let the daemon finish what it has begun, and exit."""
        return expect(m.Stopping, await self.call(m.Stop()))

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────

    async def _call(
        self, request: m.Request, on_progress: OnProgress | None, timeout_s: float | None
    ) -> m.Result:
        request = keyed(request)
        try:
            async with asyncio.timeout(timeout_s) as limit:
                return await self._ask(request, on_progress)
        except WireError as error:
            raise await asyncio.to_thread(explained, error, self.directory) from None
        except TimeoutError:
            if not limit.expired():
                raise
            raise timed_out(timeout_s) from None

    async def _ask(self, request: m.Request, on_progress: OnProgress | None) -> m.Result:
        for pause_s in REPEAT_AFTER_S:
            link = await self._linked()
            try:
                return await link.ask(request, on_progress)
            except WireError as error:
                if not (asks_for_repeat(error) and is_repeatable(request)):
                    raise
            await link.over.wait()
            await asyncio.sleep(pause_s)
        link = await self._linked()
        return await link.ask(request, on_progress)

    async def _linked(self) -> _Link:
        """The connection; all who need one wait for the same."""
        if self._link is not None and not self._link.over.is_set():
            return self._link
        if self._linking is None:
            self._linking = asyncio.get_running_loop().create_task(self._connect(), name="connect to tsipcd")
            self._linking.add_done_callback(self._connected)
        # Others wait for it too: it goes on if one of them gives up.
        return await asyncio.shield(self._linking)

    async def _connect(self) -> _Link:
        connected = await asyncio.to_thread(launch.connect, self.directory, start=self._start)
        connected.settimeout(0)
        loop = asyncio.get_running_loop()
        _, link = await loop.create_unix_connection(_Link, sock=connected)
        return link

    def _connected(self, task: asyncio.Task[_Link]) -> None:
        self._linking = None
        # Asked for in any case: nobody may be left to whom the failure matters.
        if not task.cancelled() and task.exception() is None:
            self._link = task.result()


class _Link(asyncio.Protocol):
    """One connection and the calls that wait on it."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._connection = Connection()
        self._calls: dict[int, tuple[asyncio.Future[m.Result], OnProgress | None]] = {}
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    async def ask(self, request: m.Request, on_progress: OnProgress | None) -> m.Result:
        """The answer. Raises `Broken` if the connection ends before it."""
        await self._writable.wait()
        if self._transport is None or self.over.is_set():
            raise _ended()
        number, data = self._connection.request(request)
        answer: asyncio.Future[m.Result] = self._loop.create_future()
        self._calls[number] = answer, on_progress
        self._transport.write(data)
        try:
            return await answer
        finally:
            self._calls.pop(number, None)
            self._connection.forget(number)

    def close(self) -> None:
        """End the connection. Calls that wait on it fail and are not repeated: nobody wants them now."""
        self._fail(Broken(ErrorCode.INTERNAL, "the client was closed while it waited for the answer"))
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for event in self._connection.receive(data):
            match event:
                case Answered(id=number, outcome=outcome) if number in self._calls:
                    _settle(self._calls[number][0], outcome)
                case Progressed(id=number, item=item) if number in self._calls:
                    on_progress = self._calls[number][1]
                    if on_progress is not None:
                        self._loop.call_soon(on_progress, item)
                case Ended(error=error):
                    self._fail(error)
                    self.close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended changes nothing
        self.over.set()
        self._writable.set()
        self._fail(_ended())

    def _fail(self, error: WireError) -> None:
        for answer, _ in self._calls.values():
            _settle(answer, error)


def _settle(answer: asyncio.Future[m.Result], outcome: m.Result | WireError) -> None:
    if answer.done():
        return
    if isinstance(outcome, WireError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _ended() -> Broken:
    return Broken(
        ErrorCode.UNKNOWN_OUTCOME,
        "the daemon closed the connection before it answered",
        hint="what was asked may have happened: ts-ipc queue",
    )
