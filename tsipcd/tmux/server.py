"""One tmux server as we know it: connects when asked, lists when something changed, tells what became of it.

All work on it is one task at a time, however many ask. A server that does not answer is left alone for a
while, which grows; it holds nobody but those who want just this server. Types nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from tsipcd.core.inputs import Input, ServerGone, ServerSeen
from tsipcd.core.topology import ServerId
from tsipcd.tmux.connection import CONNECT_S, Connection, attach
from tsipcd.tmux.control import Notification
from tsipcd.tmux.failures import Gone, TmuxError, Unsent
from tsipcd.tmux.inquiry import inquire
from tsipcd.tmux.listing import list_server
from tsipcd.tmux.sockets import answers

REST_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Between two attempts. The first matters too: a server that exits would wait for a client that comes now,
and for the sake of the crash that `inquiry` tells of, our own last session shall have ended before.
"""
SHORT_S = 0.25
"""A rest that those who ask wait for."""
YOUNG_S = 0.2
"""A server that has just started is left alone for so long: its first sessions come now. See `REST_S`."""
EXIT_S = 1.0
"""How long a server may take to exit once our client was the last thing that kept it."""

TOPOLOGY = frozenset(
    {"sessions-changed", "session-renamed", "session-window-changed", "window-pane-changed"}
    | {"window-add", "window-close", "window-renamed", "layout-change"}
    | {"unlinked-window-add", "unlinked-window-close", "unlinked-window-renamed"}
    | {"client-session-changed", "client-detached", "session-changed", "exit"}
)
"""Notifications after which a listing may look different."""

logger = logging.getLogger("tsipcd.tmux.server")


class Server:
    """The server that listens at one socket, or will again."""

    def __init__(
        self,
        socket: Path,
        *,
        binary: str,
        folder: Path,
        emit: Callable[[Input], None],
        is_double: Callable[[Server, tuple[int, int]], bool],
        slots: asyncio.Semaphore,
        marker: str = "",
    ) -> None:
        self.socket = socket
        self.identity: ServerId | None = None
        """Of the life last seen; None: none is known to run."""
        self.life: tuple[int, int] | None = None
        """Process id and start time of the server that we are connected to, or about to be."""
        self.problem = ""
        """Why it is not known what it holds; empty: it is."""
        self.is_held = False
        """There is unfinished work: see `hold`."""
        self.is_late = False
        """It took longer than others wait for it; nobody waits again before it is current."""
        self.is_double = False
        """Another socket leads to the same server, and that one is used."""
        self._binary = binary
        self._folder = folder
        self._emit = emit
        self._is_double = is_double
        self._slots = slots
        self._marker = marker
        self._connection: Connection | None = None
        self._is_dirty = True
        self._task: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._rests = 0
        self._rest_until = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._settled: list[asyncio.Future[None]] = []

    # ── questions ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_current(self) -> bool:
        """Whether what was told of it holds, as far as can be known; a server that rests counts."""
        if self.is_double:
            return True
        if self._connection is not None and not self._is_dirty:
            return True
        return self._rest_left_s > 0

    @property
    def is_connected(self) -> bool:
        """Whether we have a client there."""
        return self._connection is not None

    @property
    def rests_long(self) -> bool:
        """Whether it is left alone for longer than anybody waits for."""
        return self._rest_left_s > SHORT_S

    @property
    def silent_s(self) -> float:
        """For how long it has been asked what it holds, without an answer."""
        return asyncio.get_running_loop().time() - self._asked_at if self._task is not None else 0.0

    @property
    def _rest_left_s(self) -> float:
        return self._rest_until - asyncio.get_running_loop().time() if self.problem else 0.0

    @property
    def is_gone(self) -> bool:
        """Whether nothing is known to listen there, and nothing is being done about it."""
        return self._task is None and self._connection is None and self.identity is None and not self.problem

    # ── orders ────────────────────────────────────────────────────────────────────────────────────────────

    def hold(self, *, wanted: bool) -> None:
        """Whether to reconnect and list without being asked."""
        self.is_held = wanted
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if wanted and self.problem:
            self._retry_after(max(0.0, self._rest_left_s))

    def expect(self, identity: ServerId) -> None:
        """This life of it was there once."""
        if self.identity is None:
            self.identity = identity

    def doubt(self) -> None:
        """What was told of it may not hold any more."""
        self._is_dirty = True
        if self.is_held:
            self.work()

    def work(self) -> asyncio.Task[None]:
        """The task that makes it current; started if there is none."""
        if self._task is None:
            self._asked_at = asyncio.get_running_loop().time()
            self._task = asyncio.get_running_loop().create_task(
                self._make_current(), name=f"tmux {self.socket}"
            )
            self._task.add_done_callback(self._worked)
        return self._task

    async def reach(self, identity: ServerId) -> Connection:
        """A connection to that life of the server. Raises `Gone`, or `Unsent` while it does not answer."""
        if self._connection is None and not self.rests_long:
            await asyncio.shield(self.work())
        if self._connection is None:
            if self.identity is None or self.identity != identity:
                raise Gone(f"the tmux server at {self.socket} has exited")
            raise Unsent(self.problem or f"tmux at {self.socket} cannot be reached")
        if self._connection.server != identity:
            raise Gone(f"another tmux server listens at {self.socket} now")
        return self._connection

    async def look(self) -> None:
        """List it now, if it answers."""
        self._is_dirty = True
        await asyncio.shield(self.work())

    async def settled(self) -> None:
        """Wait until it answers again, or is gone."""
        if self._connection is None and (self.identity is not None or self.problem):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settled.append(future)
            await future

    def drop(self, connection: Connection, reason: str) -> None:
        """Do without this connection: something on it was not answered."""
        if connection is self._connection:
            self._rest(reason)
        connection.abort()

    async def leave(self) -> None:
        """Take our client away. What is known of the server stays known, but may not hold any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._retry is not None:
            self._retry.cancel()
        connection, self._connection = self._connection, None
        self.life = None
        self._is_dirty = True
        if connection is not None:
            await connection.close()

    # ── the work ──────────────────────────────────────────────────────────────────────────────────────────

    async def _make_current(self) -> None:
        while True:
            connection = self._connection
            try:
                if connection is None:
                    connection = await self._connect()
                if connection is None:
                    return
                self._is_dirty = False
                await self._list(connection)
            except TmuxError as exc:
                self._connection = None
                if connection is not None:
                    connection.abort()
                if answers(self.socket):
                    self._rest(str(exc))
                else:
                    self._gone()
                return
            self._settle()
            self.is_late = False
            if self._connection is None:
                return
            self.problem, self._rests = "", 0
            if not self._is_dirty:
                return

    async def _connect(self) -> Connection | None:
        await asyncio.sleep(max(0.0, self._rest_left_s))
        if not answers(self.socket):
            self._gone()
            return None
        await asyncio.sleep(_youth_left_s(self.socket))
        async with self._slots:
            life = await inquire(self.socket, binary=self._binary, deadline_s=CONNECT_S)
            # Before the control client: two that come to one server together can crash it.
            self.is_double = self._is_double(self, life)
            if self.is_double:
                return None
            self.life = life
            connection = await attach(self.socket, binary=self._binary, folder=self._folder)
        connection.on_lost = self._on_lost
        self._connection = connection
        connection.listen(lambda notification: self._on_notification(connection, notification))
        return connection

    async def _list(self, connection: Connection) -> None:
        listing = await list_server(connection, self._marker)
        self.identity = connection.server
        self._emit(ServerSeen(connection.server, listing.sessions, listing.farthest))
        if listing.must_leave:
            await self._let_exit(connection)

    async def _let_exit(self, connection: Connection) -> None:
        """Leave a server that only our client keeps alive, and see whether it exits."""
        self._connection = None
        await connection.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + EXIT_S
        while answers(self.socket):
            if loop.time() > end:
                self._rest(f"tmux at {self.socket} has no sessions")
                return
            # It takes some milliseconds, and nothing tells when it has happened.
            await asyncio.sleep(0.01)
        self._gone()

    def _gone(self) -> None:
        self._connection = None
        self.life = None
        self.is_late = False
        self.problem, self._rests = "", 0
        if self.identity is not None:
            self.identity = None
            self._emit(ServerGone(str(self.socket)))
        self._settle()

    def _rest(self, problem: str) -> None:
        """Leave it alone for a while."""
        loop = asyncio.get_running_loop()
        self.problem = problem
        rest_s = REST_S[min(self._rests, len(REST_S) - 1)]
        self._rests += 1
        self._rest_until = loop.time() + rest_s
        if self.is_held:
            self._retry_after(rest_s)

    def _retry_after(self, rest_s: float) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(rest_s, self.work)

    def _settle(self) -> None:
        for future in self._settled:
            if not future.done():
                future.set_result(None)
        self._settled.clear()

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────

    def _on_notification(self, connection: Connection, notification: Notification) -> None:
        # Of one that we are leaving, the last is that its own session ends.
        if connection is self._connection and notification.name in TOPOLOGY:
            self.doubt()
            if notification.name == "sessions-changed":
                # The last of the user's may have ended: then only our client keeps the server alive.
                self.work()

    def _on_lost(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._is_dirty = True
        if not self.problem:
            self._rest(f"the connection to tmux at {self.socket} was lost")

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("tmux at %s could not be looked at", self.socket, exc_info=error)
            self._rest(f"tmux at {self.socket} could not be looked at: {error}")


def _youth_left_s(socket: Path) -> float:
    try:
        age_s = time.time() - socket.stat().st_mtime
    except OSError:
        return 0.0
    return YOUNG_S - age_s if 0.0 <= age_s < YOUNG_S else 0.0
