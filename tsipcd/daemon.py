"""The composition root: recover, build, serve, drain. Every part is made here and handed what it needs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tsipc_client.wire.address import socket_path, state_directory
from tsipc_client.wire.errors import WireError
from tsipcd import lock, supervisor, told, workers
from tsipcd.config import Config, load
from tsipcd.core.bounds import Caps
from tsipcd.core.effects import Effect
from tsipcd.core.inputs import DrainAsked, MemoryChanged, StorageChanged
from tsipcd.core.machine import Machine
from tsipcd.core.state import State
from tsipcd.front_desk import FrontDesk
from tsipcd.intake import Intake
from tsipcd.journal import meaning
from tsipcd.journal.errors import JournalError
from tsipcd.journal.identity import identity_of
from tsipcd.journal.journal import Journal
from tsipcd.journal.recovery import Recovered, recover
from tsipcd.memory import Memory
from tsipcd.performer import Performer
from tsipcd.recorder import Recorder, log_lines
from tsipcd.runtime import Runtime
from tsipcd.server.listener import Server, activated, bind
from tsipcd.stores import Stores
from tsipcd.stream.archive import Archive
from tsipcd.stream.stream import Stream
from tsipcd.tmux.driver import Tmux
from tsipcd.tmux.watch import FolderWatch
from tsipcd.triggers import TriggerFiles
from tsipcd.views.data import DataFiles
from tsipcd.views.event_log import EventLog
from tsipcd.views.folder import Folder
from tsipcd.views.names import Neighbours
from tsipcd.views.run_logs import RunLogs
from tsipcd.views.subscriptions import SubscriptionFile
from tsipcd.views.workflows import WorkflowStore

DRAIN_S: Final = 8.0
"""How long a stop waits for what tmux was just handed; systemd gives 15 s in all."""

DISK_S: Final = 2.0
"""How long a stop then waits for the disk before it tells those who wait that it does not answer."""

UNREACHABLE_S: Final = 3.0
"""How long a daemon that holds the lock may have no socket: one that just starts makes it at once."""

JOURNAL: Final = "journal"

GC_THRESHOLDS: Final = (20_000, 20, 50)
"""A burst makes many objects that live until their facts are durable: to look for garbage among them after
every 700, as Python does by itself, takes a sixth of the burst's time."""

_logger = logging.getLogger("tsipcd.daemon")


def run(*, verbose: bool) -> int:
    """Serve until told to stop. The exit status: 0, 75 if another daemon serves the folder, else 1."""
    told.set_up(verbose=verbose)
    os.umask(0o077)  # whoever starts us: what we make is for our user
    held: lock.Held | None = None
    directory = state_directory()
    try:
        folder = Folder.open(str(directory))
        listening = activated()
        by_systemd = listening is not None
        held = _lock(directory, by_systemd=by_systemd)
        folder.sweep()
        if listening is None:
            listening = bind(directory)
        config = load(folder)
        return asyncio.run(_serve(directory, folder, config, listening, by_systemd=by_systemd))
    except lock.AlreadyRunning as error:
        _logger.error("%s", error)  # noqa: TRY400 - says it all
        return os.EX_TEMPFAIL
    except (JournalError, WireError) as error:
        _logger.error("%s", error)  # noqa: TRY400 - says it all
        return 1
    except OSError as error:
        _logger.error("no daemon can serve %s: %s", directory, error)  # noqa: TRY400 - says it all
        return 1
    finally:
        if held is not None:
            held.release()


def _lock(directory: Path, *, by_systemd: bool) -> lock.Held:
    """The folder's lock, taken over from a daemon that nobody can reach. Raises `AlreadyRunning`."""
    deadline = time.monotonic() + UNREACHABLE_S
    while not by_systemd:
        try:
            return lock.take(directory)
        except lock.AlreadyRunning as running:
            if os.path.lexists(socket_path(directory)) or not running.pid:
                raise
            if time.monotonic() >= deadline:
                _logger.warning("the socket of process %s was deleted: taking its place", running.pid)
                break
        time.sleep(0.02)
    return lock.take_over(directory)


async def _serve(
    directory: Path, folder: Folder, config: Config, listening: socket.socket, *, by_systemd: bool
) -> int:
    state = State()
    # A million messages that are replayed are no garbage: to look for some among them takes its time.
    gc.disable()
    recovered, log, archive = _recover(directory, folder, config, state)
    daemon = Daemon(
        directory,
        folder,
        config,
        state=state,
        recovered=recovered,
        log=log,
        archive=archive,
        activation="systemd" if by_systemd else "process",
    )
    status = await daemon.serve(listening)
    if not by_systemd:
        with contextlib.suppress(FileNotFoundError):
            os.unlink("ipc.sock", dir_fd=folder.fd)
    return status


def _recover(
    directory: Path, folder: Folder, config: Config, state: State
) -> tuple[Recovered, EventLog, Archive]:
    """Replay the journal into the state, and into the event log and the archive what they lack."""

    def open_log(identity: str) -> EventLog:
        log = EventLog(folder, journal=identity, max_bytes=config.log.max_bytes, keep=config.log.keep)
        log.recover()
        return log

    identity = identity_of(directory / JOURNAL)
    log = open_log(identity) if identity else None
    kept = config.stream
    archive = Archive.open(folder, identity, kept.max_bytes, kept.max_age_s) if identity else None

    def replay(sequence: int, payload: bytes) -> None:
        fact = meaning.apply(state, payload)
        state.last_at = fact.at
        if log is not None:
            log.replay(sequence, lambda: log_lines(state, fact))
        if archive is not None:
            archive.replay(sequence, fact)

    recovered = recover(directory / JOURNAL, replay)
    if log is not None and (missing := log.flushed_sequence - recovered.last_sequence) > 0:
        # No journal can show that it was cut between two records; the log has seen what came after.
        _logger.error(
            "the journal lacks its last %d facts, which events.log has: its end was cut off, or an older one "
            "put in its place. What was acknowledged in them is lost",
            missing,
        )
    identity = recovered.identity.hex()
    archive = archive or Archive.open(folder, identity, kept.max_bytes, kept.max_age_s)
    archive.settle(recovered.last_sequence)
    return recovered, log or open_log(identity), archive


class Daemon:
    """All parts, wired."""

    _runtime: Runtime
    _intake: Intake

    def __init__(
        self,
        directory: Path,
        folder: Folder,
        config: Config,
        *,
        state: State,
        recovered: Recovered,
        log: EventLog,
        archive: Archive,
        activation: str,
    ) -> None:
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._config = config
        self._machine = machine = Machine(
            state,
            config.delivery.ttl_s,
            config.events,
            caps=Caps(waiting=config.queue.max_waiting, per_target=config.queue.max_waiting_per_target),
            redeliver_unasked=config.delivery.redeliver_unasked,
            only_observed=config.delivery.only_observed,
        )
        self._journal = Journal.open(
            recovered,
            on_low=lambda low: self._runtime.feed(StorageChanged(low)),
            on_told=lambda: self._runtime.release(),  # noqa: PLW0108
        )
        self._log = log
        workflows = WorkflowStore(folder.sub("workflows"))
        workflow_folder = directory / "workflows"
        self._stores = Stores(
            DataFiles(folder),
            SubscriptionFile(folder),
            workflows,
            Neighbours(str(directory.parent)),
        )
        # The parts know each other in a circle: lambdas find those that are made further down.
        self._server = Server(
            lambda call, pid, request: self._intake.on_request(call, pid, request),  # noqa: PLW0108
            lambda peer: self._intake.on_gone(peer),  # noqa: PLW0108
            lambda: self._intake.on_handed(),  # noqa: PLW0108
        )
        self._tmux = Tmux(
            directory=directory,
            identity=self._journal.identity,
            sockets=self._sockets,
            binary=config.tmux.binary,
            quiet_s=config.delivery.human_quiet_s,
            type_into=config.programs.type_into,
            emit=lambda event: self._intake.on_tmux(event),  # noqa: PLW0108
        )
        self._performer = Performer(
            self._server,
            self._tmux,
            self._stores,
            feed=lambda event: self._runtime.feed(event),  # noqa: PLW0108
            read_due=lambda due: self._intake.on_due(due),  # noqa: PLW0108
        )
        self._stream = Stream(
            archive, recovered.last_sequence, answer=self._server.reply, refuse=self._server.fail
        )
        self._recorder = Recorder(
            machine,
            self._journal,
            self._log,
            RunLogs(folder.sub("runs"), config.runs.keep),
            self._stream,
            queue=folder.sub("queue"),
            keep_ended=config.queue.keep,
        )
        self._runtime = Runtime(
            machine,
            self._journal,
            perform=self._performer.perform,
            record=self._recorder.record,
            on_failure=self._fail,
            on_settled=self._settled,
        )
        desk = FrontDesk(
            machine,
            server=self._server,
            journal=self._journal,
            log=log,
            directory=str(directory),
            activation=activation,
            problems=lambda: self._tmux.problems,
            stop=self._stop.set,
        )
        self._intake = Intake(
            machine,
            self._runtime,
            server=self._server,
            tmux=self._tmux,
            stores=self._stores,
            triggers=TriggerFiles(workflows, str(workflow_folder)),
            desk=desk,
            stream=self._stream,
            memory=Memory(
                config.queue.min_free_memory, on_low=lambda low: self._runtime.feed(MemoryChanged(low))
            ),
        )

        self._workflow_watch = FolderWatch(lambda: [workflow_folder], self._intake.on_triggers, written=True)

    async def serve(self, listening: socket.socket) -> int:
        """Serve until told to stop, then drain. The exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.set_default_executor(workers.hire())
        self._recorder.queue.start()
        await self._log.flush()
        self._runtime.restore()
        if self._machine.has_work:
            await self._intake.look()
        await self._server.start(listening)
        _logger.info("serving, %d messages wait", self._machine.state.waiting)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
        self._workflow_watch.start()
        supervisor.notify("READY=1")
        watchdog = loop.create_task(_watchdog(), name="watchdog")
        failed = loop.create_task(self._watch_disk(), name="watch the disk")
        await self._stop.wait()
        supervisor.notify("STOPPING=1")
        for task in (watchdog, failed):
            task.cancel()
        if self._failure is not None:
            _logger.critical("%s", self._failure)
            await self._server.close()
            return 1
        await self._drain()
        return 0

    async def _drain(self) -> None:
        """Accept nothing new, finish what tmux was handed, write everything down."""
        _logger.info("stopping")
        self._workflow_watch.stop()
        self._runtime.feed(DrainAsked())
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._intake.close()
                await self._runtime.until_idle()
                await self._performer.close()
                while self._machine.is_typing:
                    await self._runtime.until_next_turn()
                await self._runtime.until_idle()
        except TimeoutError:
            _logger.warning("tmux did not answer in time; the next start finds out what was typed")
        await self._tmux.close()
        try:
            async with asyncio.timeout(DISK_S):
                await self._runtime.until_idle()
        except TimeoutError:
            await self._end_undone()
            return
        self._runtime.close()
        await self._server.close()
        await self._log.close()
        await self._stream.close()
        await self._recorder.queue.close()
        await self._journal.close()

    async def _end_undone(self) -> None:
        """The disk is full or hangs: tell whoever waits for it, and leave what cannot be written."""
        await self._journal.close()
        await self._server.close()
        if self._journal.failed.done():
            # Threads wait for the disk, and would be waited for.
            logging.shutdown()
            os._exit(1)

    def _settled(self) -> None:
        self._tmux.hold(wanted=self._machine.has_work)

    def _fail(self, error: BaseException, effects: Sequence[Effect]) -> None:
        self._failure = self._failure or error
        self._performer.abandon(effects, error)
        self._stop.set()

    async def _watch_disk(self) -> None:
        self._failure = self._failure or await asyncio.shield(self._journal.failed)
        self._stop.set()

    def _sockets(self) -> Iterable[Path]:
        """Where tmux servers may be besides the usual folder: sockets, and folders of sockets."""
        names = (
            *self._config.tmux.sockets,
            *self._config.tmux.socket_dirs,
            *self._stores.socket_dirs(),
        )
        return [Path(name).expanduser() for name in names]


async def _watchdog() -> None:
    """Tell systemd that the loop turns, as often as it asks for."""
    interval_s = supervisor.watchdog_interval_s()
    while interval_s is not None:
        supervisor.notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)
