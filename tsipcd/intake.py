"""What comes from clients and tmux, on its way to the core.

Before a request that needs the tmux world or a file that people edit, both are looked at: by a few `stat`
calls when nothing changed. Requests about the daemon itself are answered by `Desk`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final, Protocol

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode, Refused, UnknownSession, WireError
from tsipcd.core import inputs as i
from tsipcd.core.effects import ReadDue
from tsipcd.core.machine import Machine
from tsipcd.memory import Memory
from tsipcd.runtime import Runtime
from tsipcd.server.caller import ancestry, tmux_sockets
from tsipcd.server.listener import Server
from tsipcd.stores import Stores
from tsipcd.stream.stream import Stream
from tsipcd.tmux.driver import Tmux
from tsipcd.triggers import TriggerFiles

MAX_WAITING: Final = 10_000
"""Requests that may wait while tmux is looked at; more are refused."""

LOOKS: Final = frozenset(
    {m.Send, m.Publish, m.Run, m.Rerun, m.Resolve, m.Retry, m.Inbox, m.Sessions, m.Schedule}
)
"""Requests that need to know which sessions exist, or what starts by itself."""

AGAIN_S: Final = 1.0
"""After this a run that is due is tried once more, while a tmux server does not answer."""

TOGETHER_S: Final = 0.1
"""An editor changes a folder several times for one file."""

TABLE: Final = (m.Subscribe, m.Unsubscribe, m.Publish, m.Pipeline, m.Subscriptions)
"""Requests that need the subscription table as its file has it."""

CHANGES_TABLE: Final = frozenset({m.Subscribe, m.Unsubscribe, m.Pipeline})
"""Requests after which the file is written anew."""

_logger = logging.getLogger("tsipcd.intake")


class Desk(Protocol):
    """Answers requests about the daemon itself."""

    def answer(self, call: i.Call, request: m.Hello | m.Events | m.DaemonStatus | m.Stop) -> None:
        """Answer now or later."""


class Intake:
    """Prepares each request and hands it to the runtime, in the order they came."""

    def __init__(
        self,
        machine: Machine,
        runtime: Runtime,
        *,
        server: Server,
        tmux: Tmux,
        stores: Stores,
        triggers: TriggerFiles,
        desk: Desk,
        stream: Stream,
        memory: Memory,
    ) -> None:
        self._machine = machine
        self._runtime = runtime
        self._server = server
        self._tmux = tmux
        self._stores = stores
        self._triggers = triggers
        self._desk = desk
        self._stream = stream
        self._memory = memory
        self._ancestors: dict[int, tuple[int, ...]] = {}
        """Of the process behind each connection, itself first."""
        self._callers: dict[int, i.Caller] = {}
        """Of each connection that asked since the panes changed."""
        self._panes: dict[str, dict[int, str]] = {}
        """By server: the session of each pane, by the pane's first process."""
        self._waiting: deque[tuple[i.Call, m.Request]] = deque()
        self._gone: deque[i.Inspected] = deque()
        """Verdicts that wait until tmux was looked at."""
        self._due: deque[ReadDue] = deque()
        """Runs that are to start, once tmux was looked at."""
        self._hearing: asyncio.TimerHandle | asyncio.Task[None] | None = None
        """What will read the files of the workflows, or does."""
        self._looking: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._is_current = False
        self._news_is_due = True
        self._resolved: set[str] = set()
        """Targets in that chunk that the core knows. Nothing is decided before all of it is in."""
        self._checked = 0
        """The connection whose chunk of requests was checked against tmux and the files, until all is in."""

    # ── from the edges ────────────────────────────────────────────────────────────────────────────────────

    def on_request(self, call: i.Call, pid: int, request: m.Request) -> None:
        """A request came in on a connection whose other end is process `pid` (0: not known)."""
        if isinstance(request, m.Listen):
            self._stream.listen(call, request)
            return
        if call.peer not in self._ancestors:
            self._meet(call.peer, pid)
        if self._checked != call.peer:
            # What was written before a chunk of requests was sent is seen by all of them: one look will do.
            self._checked = call.peer
            self._resolved.clear()
            self._is_current = self._tmux.is_current()
            self._news_is_due = True
        if isinstance(request, (m.Hello, m.Events, m.DaemonStatus, m.Stop)):
            self._desk.answer(call, request)
        elif type(request) in LOOKS and (self._waiting or self._looking or self._must_look(call, request)):
            if len(self._waiting) >= MAX_WAITING:
                self._server.fail(
                    call, Refused(ErrorCode.BUSY, "too many requests wait for tmux", hint="try again")
                )
                return
            self._waiting.append((call, request))
            self._look()
        else:
            self._admit(call, request)

    def on_handed(self) -> None:
        """All of the chunk was handed over by `on_request`."""
        self._checked = 0
        self._runtime.decide()

    def on_gone(self, peer: int) -> None:
        """A connection ended."""
        self._ancestors.pop(peer, None)
        self._callers.pop(peer, None)
        self._stream.forget_peer(peer)
        self._runtime.feed(i.PeerGone(peer))

    def on_tmux(self, event: i.Input) -> None:
        """Something happened in tmux."""
        if isinstance(event, i.Inspected) and event.verdict is i.Verdict.GONE:
            # The core will look the name up anew: let it know what is there now.
            self._gone.append(event)
            self._look()
            return
        if isinstance(event, i.ServerSeen):
            self._callers.clear()
            self._panes[event.server.socket] = {
                pane.pin.pid: session.name for session in event.sessions for pane in session.panes
            }
        elif isinstance(event, i.ServerGone):
            self._callers.clear()
            self._panes.pop(event.socket, None)
        self._runtime.feed(event)

    def on_due(self, due: ReadDue) -> None:
        """A run is to start by itself."""
        if due.again:
            self._loop.call_later(AGAIN_S, self.on_due, ReadDue(due.due, due.workflow))
            return
        self._due.append(due)
        self._look()

    def on_triggers(self) -> None:
        """The folder of the workflows changed."""
        self._triggers.touched()
        if self._hearing is None:
            self._hearing = self._loop.call_later(TOGETHER_S, self._hear_triggers_now)

    async def look(self) -> None:
        """Let the core know what tmux holds now."""
        self._look()
        if self._looking is not None:
            await asyncio.wait({self._looking})

    async def close(self) -> None:
        """Stop looking; what waited is answered that the daemon stops."""
        self._stream.stop()
        if self._hearing is not None:
            self._hearing.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        while self._waiting:
            call, _ = self._waiting.popleft()
            self._server.fail(call, Refused(ErrorCode.STOPPING, "the daemon is stopping", hint="try again"))

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────

    def _must_look(self, call: i.Call, request: m.Request) -> bool:
        """Whether tmux may hold something that the core does not know and this request needs."""
        if not self._is_current or not isinstance(request, (m.Send, m.Publish)):
            return True
        if isinstance(request, m.Publish):
            return self._triggers.is_stale
        if request.target in self._resolved:
            return False
        try:
            self._machine.world.resolve(request.target, self._machine.state.names, self._caller(call).session)
        except UnknownSession:
            return True
        self._resolved.add(request.target)
        # A known name that is absent is held; tmux tells when it comes.
        return False

    def _look(self) -> None:
        if self._looking is None:
            self._looking = self._loop.create_task(self._look_now(), name="look at tmux")
            self._looking.add_done_callback(self._looked)

    async def _look_now(self) -> None:
        looked = False
        while not looked or self._waiting or self._gone or self._due:
            looked = True
            requests, self._waiting = self._waiting, deque()
            verdicts, self._gone = self._gone, deque()
            due, self._due = self._due, deque()
            try:
                self._runtime.feed(i.Looked(await self._tmux.refresh(force=True)))
            except Exception:
                _logger.exception("tmux could not be looked at")
            self._news_is_due = True
            for verdict in verdicts:
                self._runtime.feed(verdict)
            await self._hear_triggers()
            for each in due:
                self._runtime.put(self._definition_for(each))
            for call, request in requests:
                self._admit(call, request)
            self._runtime.decide()

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled() and (self._waiting or self._gone or self._due):
            self._look()

    def _hear_triggers_now(self) -> None:
        self._hearing = self._loop.create_task(self._hear_triggers(), name="read what starts by itself")
        self._hearing.add_done_callback(self._heard)

    async def _hear_triggers(self) -> None:
        """Let the core know what the workflows' files start by themselves."""
        try:
            for event in await self._triggers.news():
                self._runtime.feed(event)
        except OSError:
            self._triggers.touched()
            _logger.exception("the files of the workflows cannot be read")

    def _heard(self, task: asyncio.Task[None]) -> None:
        self._hearing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("what starts by itself cannot be told", exc_info=error)

    def _definition_for(self, due: ReadDue) -> i.DueRead:
        """The definition of a run that is to start, or why there is none."""
        try:
            self._memory.before(0)
            workflow, library = self._stores.workflow_with_parts(due.workflow)
            return i.DueRead(due.due, workflow, library)
        except WireError as error:
            return i.DueRead(due.due, None, fault=error.message)
        except OSError as error:
            return i.DueRead(due.due, None, fault=f"its file cannot be read: {error.strerror or error}")

    # ── admitting ─────────────────────────────────────────────────────────────────────────────────────────

    def _admit(self, call: i.Call, request: m.Request) -> None:
        """Hand over the request, after everything its files have to say; it is decided when all are here."""
        caller = self._caller(call)
        try:
            self._hear_news(request)
            if isinstance(request, m.Send):
                self._memory.before(len(request.message))
            elif isinstance(request, m.Publish):
                self._memory.before(len(request.data))
            if isinstance(request, m.Run):
                self._memory.before(0)
                self._runtime.put(self._run_asked(call, caller, request))
            else:
                if type(request) in CHANGES_TABLE:
                    self._stores.change_begins(call)
                self._runtime.put(i.Asked(call, caller, request))
        except WireError as error:
            self._server.fail(call, error)
        except OSError as error:
            # No descriptor for a file that it needs, for example.
            why = f"{request.METHOD} cannot be done now: {error.strerror or error}"
            self._server.fail(call, Refused(ErrorCode.BUSY, why, hint="nothing was done; try again"))

    def _run_asked(self, call: i.Call, caller: i.Caller, request: m.Run) -> i.RunAsked:
        """The request with the definition that its file holds now, and those of its sub-workflows."""
        workflow, library = self._stores.workflow_with_parts(request.name)
        inputs = tuple((each.name, each.value) for each in request.inputs)
        return i.RunAsked(
            call, caller, workflow, request.follow, request.key, inputs, request.begin_with, library
        )

    def _hear_news(self, request: m.Request) -> None:
        """Let the core know what the files say. Raises `WireError` if the request needs a broken one."""
        if not self._news_is_due:
            return
        news: list[i.Input] = []
        try:
            news += self._stores.names_news()
            news += self._stores.table_news()
            self._news_is_due = False
        except (WireError, OSError):
            if isinstance(request, TABLE):
                raise
        finally:
            for event in news:
                self._runtime.put(event)

    def _meet(self, peer: int, pid: int) -> None:
        """Find out once for each connection who is behind it, and which tmux servers they know of."""
        self._ancestors[peer] = ancestry(pid) if pid else ()
        for path in tmux_sockets(pid) if pid else ():
            self._tmux.learn(path)

    def _caller(self, call: i.Call) -> i.Caller:
        """Who asks, and in which session's pane they run, if that can be seen."""
        caller = self._callers.get(call.peer)
        if caller is None:
            caller = self._seen_behind(call.peer)
            if call.peer in self._ancestors:  # it may have gone since it asked
                self._callers[call.peer] = caller
        return caller

    def _seen_behind(self, peer: int) -> i.Caller:
        ancestors = self._ancestors.get(peer, ())
        for pid in ancestors:
            for panes in self._panes.values():
                if pid in panes:
                    return i.Caller(ancestors[0], panes[pid], pid)
        return i.Caller(next(iter(ancestors), 0))
