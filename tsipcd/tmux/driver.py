"""The runtime's one door to tmux: finds the servers, keeps what is known of them current, hands on effects.

Connects when something is to be done, and leaves some minutes after the last of it. Never waits long for a
server that does not answer, and polls nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from tsipcd.core.inputs import Input, ServerGone
from tsipcd.core.topology import ServerId
from tsipcd.tmux.errands import Errands, TmuxEffect
from tsipcd.tmux.files import make_folder
from tsipcd.tmux.keys import marker_of, remove_leftovers
from tsipcd.tmux.leash import cut_leftovers
from tsipcd.tmux.occupant import TYPING_S, Occupants
from tsipcd.tmux.server import Server
from tsipcd.tmux.sockets import Sockets, answers, is_young
from tsipcd.tmux.steps import Steps
from tsipcd.tmux.watch import FolderWatch

PATIENCE_S = 1.0
"""How long a refresh waits for a slow server, once; it is listed whenever it answers."""
LINGER_S = 120.0
UNWATCH_S = 1.0
"""From the last unfinished work until the folders of sockets are watched no more."""

AGAIN_S = 0.1
"""Until a socket that has just been made is tried again."""

MAX_CONNECTING = 8
"""Clients started at the same time: each costs a process."""

logger = logging.getLogger("tsipcd.tmux.driver")


@lru_cache(maxsize=1024)
def _path(socket: str) -> Path:
    """One object for each socket: to parse and hash a path takes as long as to find its server."""
    return Path(socket)


class Tmux:
    """All tmux servers of this user."""

    def __init__(
        self,
        *,
        directory: Path,
        identity: str,
        sockets: Callable[[], Iterable[Path]],
        emit: Callable[[Input], None],
        binary: str = "tmux",
        linger_s: float = LINGER_S,
        quiet_s: float = TYPING_S,
        type_into: Iterable[str] = (),
    ) -> None:
        self._binary = binary
        self._marker = marker_of(identity)
        self._folder = directory / "tmux"
        """For what tmux reads from us; made when first needed."""
        self._is_swept = False
        self._linger_s = linger_s
        self._emit_out = emit
        self._sockets = Sockets(sockets)
        self._servers: dict[Path, Server] = {}
        self._slots = asyncio.Semaphore(MAX_CONNECTING)
        self._watch = FolderWatch(self._sockets.places, self._folder_changed)
        self._is_held = False
        self._has_changed = False
        """Since a refresh last began, as the watch says."""
        self._is_following = False
        self._unwatching: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._errands = Errands(
            identity=identity,
            folder=self._folder,
            server_at=lambda socket: self._server_at(_path(socket)),
            occupants=Occupants(self._emit, quiet_s=quiet_s, type_into=type_into),
            steps=Steps(directory / "runs", self._emit),
            emit=self._emit,
        )

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────────

    def is_current(self) -> bool:
        """Whether nothing can have changed since the last `refresh` that tmux would not have told."""
        return all(server.is_current for server in self._servers.values()) and not self._sockets.changed

    async def refresh(self, *, force: bool = False) -> tuple[str, ...]:
        """Emit `ServerSeen` and `ServerGone` for all that changed; with `force`, for every server.

        Returns what could not be found out, a line each. Waits about a second for a slow server, once.
        """
        self._used()
        if force or not self.is_current():
            await self._bring_up_to_date(force=force)
        return self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """Servers that did not answer when they were last needed, a line each with why."""
        late = f"has not answered for {PATIENCE_S:g} s"
        return tuple(
            server.problem or f"tmux at {server.socket} {late}"
            for server in self._servers.values()
            if server.problem or server.silent_s > 0.9 * PATIENCE_S  # clocks differ by a hair
        )

    def learn(self, socket_or_folder: Path) -> None:
        """Look there too from now on: a socket, or a folder as `TMUX_TMPDIR` names one."""
        if self._sockets.learn(socket_or_folder) and self._watch.is_on:
            self._watch.stop()
            self._watch.start()

    def expect(self, identity: ServerId) -> None:
        """An earlier life of ours saw this server: look for it, and tell if it is gone."""
        server = self._server_at(_path(identity.socket))
        server.expect(identity)
        server.work()

    # ── what is to be done ────────────────────────────────────────────────────────────────────────────────

    def carry_out(self, effect: TmuxEffect) -> None:
        """Start the effect; what comes of it is emitted."""
        self._used()
        self._errands.carry_out(effect)

    def hold(self, *, wanted: bool) -> None:
        """There is unfinished work: stay connected, and list what changes without being asked."""
        if wanted == self._is_held:
            return
        self._is_held = wanted
        for server in self._servers.values():
            server.hold(wanted=wanted)
        if self._unwatching is not None:
            self._unwatching.cancel()
            self._unwatching = None
        if not wanted:
            # Not at once: closing an inotify descriptor takes 10 ms, too long between two messages.
            self._unwatching = asyncio.get_running_loop().call_later(UNWATCH_S, self._watch.stop)
        else:
            self._watch.start()
            if not self.is_current():
                self._folder_changed()
        self._used()

    async def close(self) -> None:
        """Stop everything and leave every server, within about a second."""
        self.hold(wanted=False)
        if self._leaving is not None:
            self._leaving.cancel()
        if self._unwatching is not None:
            self._unwatching.cancel()
        self._watch.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._errands.close()
        await asyncio.gather(*(server.leave() for server in self._servers.values()))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    async def _bring_up_to_date(self, *, force: bool) -> None:
        found = self._sockets.scan()
        for socket in found:
            if socket in self._servers:
                continue
            if answers(socket):
                self._server_at(socket)
            elif is_young(socket):
                # A server that has made its socket, and does not listen yet: nothing tells when it does.
                asyncio.get_running_loop().call_later(AGAIN_S, self._folder_changed)
        present = set(found)
        work = []
        for server in self._servers.values():
            is_missing = server.socket not in present and not server.is_connected
            if force and server.is_connected:
                server.doubt()
            if not server.is_current or is_missing or (force and not server.rests_long):
                task = server.work()
                if not server.is_late:
                    work.append(task)
        if work:
            await asyncio.wait(work, timeout=PATIENCE_S)
        for socket, server in tuple(self._servers.items()):
            if not server.is_current:
                server.is_late = True
            if server.is_gone:
                del self._servers[socket]

    def _server_at(self, socket: Path) -> Server:
        server = self._servers.get(socket)
        if server is None:
            server = Server(
                socket,
                binary=self._binary,
                folder=self._made_folder(),
                emit=self._emit,
                is_double=self._is_double,
                slots=self._slots,
                marker=self._marker,
            )
            server.hold(wanted=self._is_held)
            self._servers[socket] = server
        return server

    def _made_folder(self) -> Path:
        if not self._is_swept:
            make_folder(self._folder)
            cut_leftovers(self._folder)
            remove_leftovers(self._folder)
            self._is_swept = True
        return self._folder

    def _is_double(self, asking: Server, life: tuple[int, int]) -> bool:
        return any(server.life == life for server in self._servers.values() if server is not asking)

    def _emit(self, event: Input) -> None:
        if isinstance(event, ServerGone):
            for server in self._servers.values():
                server.is_double = False
        self._emit_out(event)

    def _folder_changed(self) -> None:
        if not self._is_held:
            return
        # Noted also while a refresh is under way: it may have looked already.
        self._has_changed = True
        if not self._is_following:
            self._is_following = True
            task = asyncio.get_running_loop().create_task(self._follow(), name="refresh tmux")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        try:
            while self._has_changed:
                self._has_changed = False
                await self.refresh()
        except Exception:
            logger.exception("the tmux servers could not be looked at")
        finally:
            self._is_following = False

    def _used(self) -> None:
        """Leave the servers only some time after this."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if not self._is_held:
            self._leaving = asyncio.get_running_loop().call_later(self._linger_s, self._leave)

    def _leave(self) -> None:
        self._leaving = None
        self._watch.stop()
        for server in self._servers.values():
            if server.is_connected:
                task = asyncio.get_running_loop().create_task(server.leave(), name=f"leave {server.socket}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
