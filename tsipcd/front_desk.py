"""Answers to requests about the daemon itself: who is there, how it is, its log, and that it should stop."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Final, assert_never

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import Broken, ErrorCode
from tsipc_client.wire.version import VERSION
from tsipcd.core import listings
from tsipcd.core.inputs import Call
from tsipcd.core.machine import Machine
from tsipcd.journal.journal import Journal
from tsipcd.server.listener import Server
from tsipcd.views.event_log import EventLog

_logger = logging.getLogger("tsipcd.front_desk")

WELCOME: Final = m.Welcome(
    version=VERSION,
    wire_version=m.WIRE_VERSION,
    limits={
        "frame_bytes": m.MAX_FRAME_BYTES,
        "body_bytes": m.MAX_BODY_BYTES,
        "name_bytes": m.MAX_NAME_BYTES,
    },
    methods=tuple(request.METHOD for request in m.REQUESTS),
)


class FrontDesk:
    """Answers by looking; changes nothing but the will to go on."""

    def __init__(
        self,
        machine: Machine,
        *,
        server: Server,
        journal: Journal,
        log: EventLog,
        directory: str,
        activation: str,
        problems: Callable[[], tuple[str, ...]],
        stop: Callable[[], None],
    ) -> None:
        """`problems` tells the tmux servers that do not answer."""
        self._machine = machine
        self._server = server
        self._journal = journal
        self._log = log
        self._directory = directory
        self._activation = activation
        self._problems = problems
        self._stop = stop
        self._started_at = time.time()
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, call: Call, request: m.Hello | m.Events | m.DaemonStatus | m.Stop) -> None:
        """Answer now, or as soon as the log is on disk."""
        match request:
            case m.Hello():
                self._server.reply(call, WELCOME)
            case m.DaemonStatus():
                self._server.reply(call, self._status())
            case m.Stop():
                self._server.reply(call, m.Stopping(pid=os.getpid()))
                self._stop()
            case m.Events():
                task = asyncio.get_running_loop().create_task(self._events(call, request.lines))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case _:
                assert_never(request)

    async def _events(self, call: Call, lines: int) -> None:
        try:
            await self._log.flush()
            last, cut = await asyncio.to_thread(self._log.tail, lines)
        except OSError as error:
            _logger.warning("the event log cannot be read: %s", error)
            self._server.fail(call, Broken(ErrorCode.INTERNAL, f"{self._log.path}: {error.strerror}"))
        else:
            self._server.reply(call, m.LogLines(lines=tuple(last), path=self._log.path, cut=cut))

    def _status(self) -> m.StatusReport:
        state = self._machine.state
        return m.StatusReport(
            version=WELCOME.version,
            wire_version=m.WIRE_VERSION,
            pid=os.getpid(),
            started_at=self._started_at,
            directory=self._directory,
            activation=self._activation,
            waiting=state.waiting,
            held=listings.held_by_reason(state),
            runs=sum(not run.has_ended for run in state.runs.values()),
            clients=self._server.clients,
            servers=tuple(sorted(self._machine.world.servers)),
            journal_bytes=self._journal.size_bytes,
            last_sync_s=self._journal.last_sync_s or None,
            storage_low=self._machine.storage_low,
            paused=self._machine.paused(time.time()),
            in_doubt=state.in_doubt,
            unreachable=self._problems(),
            free_bytes=_free_bytes(self._directory),
            max_waiting=self._machine.bounds.caps.waiting,
            max_waiting_per_target=self._machine.bounds.caps.per_target,
            memory_low=self._machine.bounds.memory_low,
        )


def _free_bytes(directory: str) -> int | None:
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
