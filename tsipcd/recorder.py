"""Keeps the views up with the facts: the event log and the queue's files. Gets only durable facts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final

from tsipc_client.wire.messages import MessageView
from tsipc_client.wire.text import visible
from tsipcd.core import facts as f
from tsipcd.core.aftermath import MessagesPurged
from tsipcd.core.chains import pause_notice
from tsipcd.core.machine import Machine
from tsipcd.core.runs import facts as rf
from tsipcd.core.state import State
from tsipcd.journal.journal import Journal
from tsipcd.stream.stream import Stream
from tsipcd.views.event_log import EventLog
from tsipcd.views.folder import Folder
from tsipcd.views.log import lines
from tsipcd.views.queue import QueueView
from tsipcd.views.run_logs import RunLogs

SETTLED_S: Final = 1.0
"""How long the queue's files wait for the disk before they let others go first."""

_logger = logging.getLogger("tsipcd.recorder")


class Recorder:
    """One method for the runtime: `record`. The queue's files show what it tells of the messages."""

    def __init__(
        self,
        machine: Machine,
        journal: Journal,
        log: EventLog,
        runs: RunLogs,
        stream: Stream,
        *,
        queue: Folder,
        keep_ended: int,
    ) -> None:
        self._machine = machine
        self._runs = runs
        self._pruning: asyncio.Task[None] | None = None
        self._journal = journal
        self._log = log
        self._stream = stream
        self.queue = QueueView(queue, self, keep_ended=keep_ended)

    def record(self, sequence: int, facts: Sequence[f.Fact]) -> None:
        """`facts` are durable; `sequence` is the last one's."""
        state = self._machine.state
        logged: list[str] = []
        changed: list[int] = []
        for fact in facts:
            logged += log_lines(state, fact)
            match fact:
                case f.MessageAccepted():
                    changed.append(fact.number)
                case f.EventPublished():
                    changed += range(fact.first, fact.first + len(fact.subscribers))
                case f.EventPaused():
                    changed += range(fact.first, fact.first + len(fact.told))
                    _logger.warning("%s", visible(pause_notice(fact)))
                case rf.RunStarted() | rf.RunCancelAsked():
                    pass
                case MessagesPurged():
                    changed += fact.numbers
                case rf.RunFinished():
                    self._prune()
                case f.StepFinished():
                    changed.append(fact.number)
                    self._prune()
                case _ if number := getattr(fact, "number", 0):
                    changed.append(number)
        self._log.append(sequence, logged)
        self.queue.changed(changed)
        self._stream.record(sequence, facts)
        needed = min(self._log.flushed_sequence, self._stream.flushed_sequence)
        self._journal.maybe_compact(needed + 1)

    def listed(self, waiting: int, ended: int) -> tuple[set[int], bool]:
        """The messages that have files, and whether these are all that wait."""
        state = self._machine.state
        newest = (number for number, m in reversed(state.messages.items()) if not m.has_ended)
        numbers = set(islice(newest, waiting))
        numbers.update(islice(reversed(state.ended), ended))
        return numbers, state.waiting <= waiting

    def view(self, number: int) -> MessageView | None:
        """A message as its file shows it."""
        return self._machine.view(number)

    async def settled(self) -> bool:
        """Whether everything decided until now is durable, or is soon."""
        if not self._journal.pending_bytes:
            return True
        written = self._journal.append(())
        await asyncio.wait({written}, timeout=SETTLED_S)
        return written.done() and written.exception() is None

    def _prune(self) -> None:
        if self._pruning is None or self._pruning.done():
            work = asyncio.to_thread(self._runs.prune, self._is_under_way)
            self._pruning = asyncio.get_running_loop().create_task(work, name="prune runs")

    def _is_under_way(self, kind: str, number: int) -> bool:
        state = self._machine.state
        if kind == "run":
            run = state.runs.get(number)
            return run is not None and not run.has_ended
        message = state.messages.get(number)
        return message is not None and not message.has_ended


def log_lines(state: State, fact: f.Fact) -> tuple[str, ...]:
    """The event log's lines for a fact that the state has taken in."""

    def workflow(number: int) -> str | None:
        run = state.runs.get(number)
        return run.workflow if run is not None else None

    return lines(fact, state.messages.get, workflow)
