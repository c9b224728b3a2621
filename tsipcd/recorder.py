"""Keeps the views up with the facts: the event log and the queue's files. Gets only durable facts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tsipc_client.wire.messages import RunStatus
from tsipc_client.wire.text import visible
from tsipcd.core import facts as f
from tsipcd.core.chains import pause_notice
from tsipcd.core.machine import Machine
from tsipcd.core.state import State
from tsipcd.journal.journal import Journal
from tsipcd.views.event_log import EventLog
from tsipcd.views.log import lines
from tsipcd.views.queue import KEEP_WAITING, QueueView
from tsipcd.views.run_logs import RunLogs

_logger = logging.getLogger("tsipcd.recorder")


class Recorder:
    """One method for the runtime: `record`."""

    def __init__(
        self, machine: Machine, journal: Journal, log: EventLog, queue: QueueView, runs: RunLogs
    ) -> None:
        self._machine = machine
        self._runs = runs
        self._pruning: asyncio.Task[None] | None = None
        self._journal = journal
        self._log = log
        self._queue = queue

    def rebuild(self) -> None:
        """At start: make the queue's files what the state says."""
        messages = self._machine.state.messages
        waiting = sorted(n for n, m in messages.items() if not m.has_ended)
        shown = sorted([*waiting[-KEEP_WAITING:], *self._machine.state.ended])
        views = (view for number in shown if (view := self._machine.view(number)) is not None)
        self._queue.rebuild(views, complete=len(waiting) <= KEEP_WAITING)

    def record(self, sequence: int, facts: Sequence[f.Fact]) -> None:
        """`facts` are durable; `sequence` is the last one's."""
        state = self._machine.state
        first = sequence - len(facts) + 1
        changed: dict[int, None] = {}
        for at, fact in enumerate(facts, first):
            self._log.append(at, log_lines(state, fact))
            if isinstance(fact, f.EventPublished):
                changed.update(dict.fromkeys(range(fact.first, fact.first + len(fact.subscribers))))
            elif isinstance(fact, f.EventPaused):
                changed.update(dict.fromkeys(range(fact.first, fact.first + len(fact.told))))
                _logger.warning("%s", visible(pause_notice(fact)))
            elif not isinstance(fact, f.RunStarted | f.RunFinished) and hasattr(fact, "number"):
                changed[fact.number] = None
        self._queue.update(view for n in changed if (view := self._machine.view(n)) is not None)
        if any(isinstance(fact, f.RunFinished) for fact in facts):
            self._prune()
        if state.forgotten:
            self._queue.remove(f"msg-{number}" for number in state.forgotten)
            state.forgotten.clear()
        if self._queue.incomplete:
            self.rebuild()
        self._journal.maybe_compact(self._log.flushed_sequence + 1)

    def _prune(self) -> None:
        running = {n for n, run in self._machine.state.runs.items() if run.status is RunStatus.RUNNING}
        if self._pruning is None or self._pruning.done():
            work = asyncio.to_thread(self._runs.prune, running)
            self._pruning = asyncio.get_running_loop().create_task(work, name="prune runs")


def log_lines(state: State, fact: f.Fact) -> tuple[str, ...]:
    """The event log's lines for a fact that the state has taken in."""

    def workflow(number: int) -> str | None:
        run = state.runs.get(number)
        return run.workflow if run is not None else None

    return lines(fact, state.messages.get, workflow)
