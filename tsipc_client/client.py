"""The blocking client: each verb sends a request and waits for its answer.

    with Client() as client:
        client.send("claude-blacklist", "claude-manager", "docker ps")

A connection is made when the first verb needs one, and the daemon started if none runs. A connection that
breaks is made anew, and what had no answer is sent again under its idempotency key, at most twice.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from tsipc_client import launch, listening
from tsipc_client.asking import REPEAT_AFTER_S, asks_for_repeat, expect, given, keyed, member
from tsipc_client.control import RunVerbs
from tsipc_client.exchange import (
    Batch,
    Deadline,
    Exchange,
    OnProgress,
    Outcome,
    is_over,
    wait_for_end,
)
from tsipc_client.versions import explained
from tsipc_client.wire import messages as m
from tsipc_client.wire.address import state_path
from tsipc_client.wire.connection import Connection
from tsipc_client.wire.errors import Broken, Unreachable, WireError

DEFAULT_TIMEOUT_S = 30.0


class Client(RunVerbs):
    """A connection to the daemon of one state folder, for one thread at a time.

    `timeout_s` limits each call, from connecting to the answer; None: no limit. With `start` false a daemon
    that does not run is an `Unreachable` error. Every verb raises the classes of `tsipc_client.wire.errors`.
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
        self._socket: socket.socket | None = None
        self._connection = Connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. The next verb makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # ── any request ───────────────────────────────────────────────────────────────────────────────────────

    def call(self, request: m.Request, on_progress: OnProgress | None = None) -> m.Result:
        """The answer to `request`; what it streams until then goes to `on_progress`."""
        return self._call(request, on_progress, self.timeout_s)

    def call_many(self, requests: Iterable[m.Request]) -> list[m.Result | WireError]:
        """The outcomes of `requests`, in their order; many are under way at once. `timeout_s` is for all."""
        return self._outcomes([keyed(request) for request in requests], None, self.timeout_s)

    # ── verbs ─────────────────────────────────────────────────────────────────────────────────────────────

    def hello(self, client: str = "") -> m.Welcome:
        """Who the daemon is: versions, limits, methods."""
        return expect(m.Welcome, self.call(m.Hello(client=client)))

    def send(
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
        return expect(m.Sent, self.call(request))

    def subscribe(self, session: str, event: str, action: str = m.Action.NOTIFY) -> m.Subscribed:
        """Let `session` receive `event`."""
        request = m.Subscribe(session=session, event=event, action=member(m.Action, action))
        return expect(m.Subscribed, self.call(request))

    def unsubscribe(self, session: str, event: str) -> m.Subscribed:
        """End the subscription of `session` to `event`."""
        return expect(m.Subscribed, self.call(m.Unsubscribe(session=session, event=event)))

    def publish(self, source: str, event: str, data: str = "", *, key: str = "") -> m.Published:
        """Hand `event` to all its subscribers; durable on return."""
        request = m.Publish(source=source, event=event, data=data, key=key)
        return expect(m.Published, self.call(request))

    def workflow(self, name: str, steps: Iterable[tuple[str, str]]) -> m.Saved:
        """Create or replace workflow `name`; a step is a session and a command."""
        rows = tuple(m.Step(session=session, command=command) for session, command in steps)
        return expect(m.Saved, self.call(m.Workflow(name=name, steps=rows)))

    def run(
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
        return expect(m.RunEnded, self._call(request, on_progress, timeout_s))

    def pipeline(self, source: str, target: str) -> m.PipelineSaved:
        """Subscribe `target` to deployments of `source`, and create the workflow that deploys."""
        return expect(m.PipelineSaved, self.call(m.Pipeline(source=source, target=target)))

    def queue(self, limit: int = 20, *, pending: bool = False, dead: bool = False) -> m.Queued:
        """The last `limit` messages, oldest first: all, or those that have not ended, or the dead letters."""
        return expect(m.Queued, self.call(m.Queue(limit=limit, pending=pending, dead=dead)))

    def show(self, id: str) -> m.Shown:  # noqa: A002 - its name on the wire
        """One message's whole story."""
        return expect(m.Shown, self.call(m.Show(id=id)))

    def wait(
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
        return expect(m.Waited, self._call(request, on_progress, timeout_s))

    def listen(
        self,
        *events: str,
        start: int | None = None,
        since: float | None = None,
        where: str = "",
        timeout_s: float | None = None,
    ) -> Iterator[m.EventView]:
        """The published events as they come: all, or those of these names or patterns. Ends with `timeout_s`.

        From number `start` on (0: the oldest kept), or those published `since` then, else from now on. To go
        on later without a gap or a repeat, begin with the number behind the last one. If the daemon ends, it
        waits for the next.
        """
        asks = listening.Asks(events, start=start, since=since, where=where)
        for heard in listening.batches(self, asks, timeout_s):
            yield from heard.events

    def cancel(self, id: str) -> m.Cancelled:  # noqa: A002 - its name on the wire
        """Take back a message or run that has not been typed yet."""
        return expect(m.Cancelled, self.call(m.Cancel(id=id)))

    def ask(
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
        sent = self.send(source, target, question, type=m.MessageType.NOTIFICATION, ttl_s=ttl_s, ask=True)
        return self.wait(sent.id, until=m.Milestone.ANSWERED, timeout_s=timeout_s)

    def reply(self, id: str, answer: str) -> m.Replied:  # noqa: A002 - its name on the wire
        """Answer a question."""
        return expect(m.Replied, self.call(m.Reply(id=id, answer=answer)))

    def inbox(self, session: str = ".") -> m.InboxList:
        """What a session was asked and has not answered."""
        return expect(m.InboxList, self.call(m.Inbox(session=session)))

    def retry(self, id: str) -> m.Sent:  # noqa: A002 - its name on the wire
        """Send a dead letter once more."""
        return expect(m.Sent, self.call(m.Retry(id=id)))

    def purge(self, id: str = "") -> m.Purged:  # noqa: A002 - its name on the wire
        """List a message that has ended no more; without `id`, all dead letters."""
        return expect(m.Purged, self.call(m.Purge(id=id)))

    def resolve(self, id: str, decision: str) -> m.Resolved:  # noqa: A002 - its name on the wire
        """Decide about a message that is in doubt: `redeliver`, `drop` or `delivered`."""
        request = m.Resolve(id=id, decision=member(m.Decision, decision))
        return expect(m.Resolved, self.call(request))

    def subscriptions(self) -> m.SubscriptionTable:
        """Who is subscribed to what."""
        return expect(m.SubscriptionTable, self.call(m.Subscriptions()))

    def events(self, lines: int = 20) -> m.LogLines:
        """The last `lines` lines of the event log."""
        return expect(m.LogLines, self.call(m.Events(lines=lines)))

    def schedule(self) -> m.ScheduleList:
        """What starts by itself, what comes next first."""
        return expect(m.ScheduleList, self.call(m.Schedule()))

    def sessions(self) -> m.SessionList:
        """Every session of every tmux server that can be seen."""
        return expect(m.SessionList, self.call(m.Sessions()))

    def status(self) -> m.StatusReport:
        """How the daemon is."""
        return expect(m.StatusReport, self.call(m.DaemonStatus()))

    def stop(self) -> m.Stopping:
        """Let the daemon finish what it has begun, and exit."""
        return expect(m.Stopping, self.call(m.Stop()))

    # ── the connection ────────────────────────────────────────────────────────────────────────────────────

    def _call(self, request: m.Request, on_progress: OnProgress | None, timeout_s: float | None) -> m.Result:
        (outcome,) = self._outcomes([keyed(request)], on_progress, timeout_s)
        if isinstance(outcome, WireError):
            raise explained(outcome, self.directory)
        return outcome

    def _outcomes(
        self, requests: Sequence[m.Request], on_progress: OnProgress | None, timeout_s: float | None
    ) -> list[Outcome]:
        batch, deadline = Batch(requests), Deadline(timeout_s)
        try:
            for pause_s in REPEAT_AFTER_S:
                if not self._must_repeat(batch, on_progress, deadline):
                    return batch.settled()
                self.close()
                time.sleep(pause_s)
            self._exchange(batch, on_progress, deadline)
        except WireError as error:
            self.close()
            batch.fail(error)
        except BaseException:
            # It stopped in the middle of a message: no other call can use this connection.
            self.close()
            raise
        return batch.settled()

    def _must_repeat(self, batch: Batch, on_progress: OnProgress | None, deadline: Deadline) -> bool:
        """Exchange what can be; whether something is left that a new connection may get done."""
        try:
            self._exchange(batch, on_progress, deadline)
        except Broken as error:
            if not asks_for_repeat(error):
                raise
            batch.fail_unrepeatable(error)
            return bool(batch.unanswered())
        if self._socket is not None and batch.reopen():
            wait_for_end(self._socket, deadline)
            return True
        return False

    def _exchange(self, batch: Batch, on_progress: OnProgress | None, deadline: Deadline) -> None:
        if self._socket is not None and is_over(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connected(deadline)
            self._connection = Connection()
        Exchange(self._socket, self._connection, batch, on_progress).run(deadline)

    def _connected(self, deadline: Deadline) -> socket.socket:
        left_s = deadline.left_s()
        limit_s = launch.START_S if left_s is None else min(left_s, launch.START_S)
        try:
            connected = launch.connect(self.directory, start=self._start, timeout_s=limit_s)
        except Unreachable:
            deadline.left_s()  # a short limit says that it was too short, not that nothing can be reached
            raise
        connected.settimeout(0)
        return connected
