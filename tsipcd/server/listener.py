"""The daemon's socket and who is connected to it. Knows nothing of what requests mean.

Only processes of the same user are let in. At most `MAX_CLIENTS` stay connected, fewer where file descriptors
are scarce: the daemon needs some for its journal. Past that the connection that has been idle longest makes
room; if all are at work, the new one is told so.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import resource
import socket
from collections.abc import Callable
from typing import Final

from tsipc_client.wire.errors import ErrorCode, Refused, WireError
from tsipc_client.wire.messages import Progress, Request, Result
from tsipcd.core.inputs import Call
from tsipcd.server.binding import activated, bind
from tsipcd.server.caller import credentials
from tsipcd.server.encode import Packed
from tsipcd.server.peer import Peer

__all__ = ["Server", "activated", "bind"]

MAX_CLIENTS: Final = 1000
MIN_CLIENTS: Final = 4
RESERVED_FILES: Final = 64
"""Descriptors kept for the journal, the files, tmux and the loop itself."""

MAX_REFUSED: Final = 32
"""Connections over the limit that wait to be told so; more are closed without a word."""

ACCEPTS_PER_TURN: Final = 64
CLOSE_S: Final = 2.0
REST_S: Final = 0.2
"""How long it does not accept when the system has no descriptor left, and nobody idle could give one."""

_logger = logging.getLogger("tsipcd.server")


class Server:
    """Takes connections, hands each request to `on_request`, and carries answers back.

    `on_handed` tells that all requests that came together were handed over, `on_gone` that a connection has
    ended; answers to it are dropped from then on.
    """

    def __init__(
        self,
        on_request: Callable[[Call, int, Request], None],
        on_gone: Callable[[int], None],
        on_handed: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_request = on_request
        self._on_gone = on_gone
        self._on_handed = on_handed
        self._spoken: list[Peer] = []
        """Those with answers that were not sent yet."""
        self._flush_is_due = False
        self._peers: dict[int, Peer] = {}
        self._refused: dict[int, Peer] = {}
        self._numbers = itertools.count(1)
        self._opening: set[asyncio.Task[object]] = set()
        self._socket: socket.socket | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._is_exhausted = False
        self._all_gone = asyncio.Event()
        self._max_clients = MAX_CLIENTS
        self._max_refused = MAX_REFUSED

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._peers)

    async def start(self, sock: socket.socket) -> None:
        """Begin to accept on `sock`, which listens already; it is the server's from now on."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            self._max_clients = max(MIN_CLIENTS, min(MAX_CLIENTS, soft - RESERVED_FILES))
            self._max_refused = max(MIN_CLIENTS, min(MAX_REFUSED, self._max_clients // 4))
        sock.settimeout(0)
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def reply(self, call: Call, result: Result | Packed) -> None:
        """Answer a request."""
        if (peer := self._peers.get(call.peer)) is not None:
            peer.reply(call.id, result)

    def fail(self, call: Call, error: WireError) -> None:
        """Answer a request with an error."""
        if (peer := self._peers.get(call.peer)) is not None:
            peer.fail(call.id, error)

    def tell(self, call: Call, item: Progress) -> None:
        """Stream an item to a request that is still open."""
        if (peer := self._peers.get(call.peer)) is not None:
            peer.tell(call.id, item)

    def gather(self) -> None:
        """Answers from now on leave with the next `flush`, not by themselves in the next turn of the loop."""
        self._flush_is_due = True

    def flush(self) -> None:
        """Send what was said: one system call a connection for many answers."""
        self._flush_is_due = False
        spoken, self._spoken = self._spoken, []
        for peer in spoken:
            peer.flush()

    async def close(self) -> None:
        """Stop accepting; end every connection after what was said to it went out, or `CLOSE_S` passed."""
        self._stop_accepting()
        if self._opening:
            await asyncio.wait(self._opening, timeout=CLOSE_S)
        connected = (*self._peers.values(), *self._refused.values())
        if not connected:
            return
        for peer in connected:
            peer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._all_gone.wait()
        except TimeoutError:
            for peer in (*self._peers.values(), *self._refused.values()):
                peer.abort()

    # ── accepting ─────────────────────────────────────────────────────────────────────────────────────────

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Mostly no descriptor is left. Whatever it is, the connection is still there in a moment.
                self._rest(listener, error)
                return
            self._is_exhausted = False
            self._admit(connection)
            if len(self._peers) > self._max_clients or self._refused:
                # The places that were taken away are free when the loop has turned.
                return

    def _admit(self, connection: socket.socket) -> None:
        try:
            pid, uid = credentials(connection)
        except OSError:
            connection.close()
            return
        if uid != os.geteuid():
            _logger.warning("turned away process %d of user %d", pid, uid)
            connection.close()
            return
        if len(self._peers) >= self._max_clients and not self._evict():
            self._refuse(connection, pid)
            return
        number = next(self._numbers)
        peer = Peer(
            number, pid, self._on_request, self._closed, on_handed=self._on_handed, on_spoken=self._spoke
        )
        self._peers[number] = peer
        self._open(peer, connection)

    def _refuse(self, connection: socket.socket, pid: int) -> None:
        if len(self._refused) >= self._max_refused:
            connection.close()
            return
        number = next(self._numbers)
        error = Refused(
            ErrorCode.BUSY, f"{self._max_clients} clients are connected and at work", hint="try again later"
        )
        peer = Peer(
            number,
            pid,
            self._on_request,
            self._refusal_closed,
            on_handed=self._on_handed,
            on_spoken=self._spoke,
            refusal=error,
        )
        self._refused[number] = peer
        self._open(peer, connection)

    def _open(self, peer: Peer, connection: socket.socket) -> None:
        connection.settimeout(0)
        loop = asyncio.get_running_loop()
        task: asyncio.Task[object] = loop.create_task(
            loop.connect_accepted_socket(lambda: peer, connection), name=f"open connection {peer.number}"
        )
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _evict(self) -> bool:
        """End the connection that has been idle longest, or else stuck; whether there was one."""
        peers = self._peers.values()
        spare = [peer for peer in peers if peer.is_idle] or [peer for peer in peers if peer.is_stuck]
        if not spare:
            return False
        oldest = min(spare, key=lambda peer: peer.active_at)
        oldest.abort()
        return True

    def _rest(self, listener: socket.socket, error: OSError) -> None:
        """Do not spin on a connection that cannot be taken: it waits in the backlog meanwhile."""
        if not self._is_exhausted:
            self._is_exhausted = True
            _logger.warning("cannot take connections for now: %s", error.strerror)
        self._evict()
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        self._resting = loop.call_later(REST_S, loop.add_reader, listener, self._accept, listener)

    def _stop_accepting(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────

    def _spoke(self, peer: Peer) -> None:
        self._spoken.append(peer)
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self.flush)

    # ── endings ───────────────────────────────────────────────────────────────────────────────────────────

    def _closed(self, number: int) -> None:
        del self._peers[number]
        self._on_gone(number)
        self._note_gone()

    def _refusal_closed(self, number: int) -> None:
        del self._refused[number]
        self._note_gone()

    def _note_gone(self) -> None:
        if not self._peers and not self._refused and self._socket is None:
            self._all_gone.set()
