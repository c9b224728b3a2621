"""Carries out effects, each at the edge it belongs to; what comes of them goes back as inputs.

Answers to clients and orders to tmux are given at once; files are written by tasks, each with its answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

from tsipc_client.wire.errors import Broken, ErrorCode, Refused, WireError
from tsipc_client.wire.messages import Result
from tsipcd.core import effects as e
from tsipcd.core.inputs import Call, Input
from tsipcd.journal.errors import NoRoom
from tsipcd.server.listener import Server
from tsipcd.stores import Stores
from tsipcd.tmux.driver import Tmux

_logger = logging.getLogger("tsipcd.performer")


class Performer:
    """One method for the runtime: `perform`."""

    def __init__(
        self,
        server: Server,
        tmux: Tmux,
        stores: Stores,
        feed: Callable[[Input], None],
        read_due: Callable[[e.ReadDue], None],
    ) -> None:
        self._server = server
        self._tmux = tmux
        self._stores = stores
        self._feed = feed
        self._read_due = read_due
        self._tasks: set[asyncio.Task[None]] = set()

    def perform(self, effects: Sequence[e.Effect]) -> None:
        """Their facts are durable: carry them out, in order. Never blocks."""
        self._server.gather()
        try:
            for effect in effects:
                if type(effect) is e.Reply:  # nearly all are, in a burst
                    self._reply(effect.call, effect.result)
                else:
                    self._perform(effect)
        finally:
            self._server.flush()

    def abandon(self, effects: Sequence[e.Effect], error: BaseException) -> None:
        """Their facts are not known to be durable, because of `error`: tell whoever waits for an answer."""
        answer: WireError = Broken(
            ErrorCode.UNKNOWN_OUTCOME,
            "the disk failed; whether the request is durable is not known",
            hint="repeat it with the same key",
        )
        if isinstance(error, NoRoom):
            answer = Refused(ErrorCode.STORAGE_FULL, str(error), hint="free some disk space and try again")
        for effect in effects:
            if isinstance(effect, e.Reply | e.Fail | e.StoreWorkflow | e.AskFiles):
                self._server.fail(effect.call, answer)

    async def close(self) -> None:
        """Return when every write under way has ended and been answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _perform(self, effect: e.Effect) -> None:
        match effect:
            case e.Reply():
                self._reply(effect.call, effect.result)
            case e.Fail():
                self._fail(effect.call, effect.error)
            case e.Tell():
                self._server.tell(effect.call, effect.item)
            case e.Expect():
                self._tmux.expect(effect.server)
            case e.Inspect() | e.Forget() | e.TypeKeys() | e.ShowText():
                self._tmux.carry_out(effect)
            case e.StartStep() | e.AdoptStep() | e.StopStep():
                self._tmux.carry_out(effect)
            case e.StoreData():
                self._start(self._store_data(effect))
            case e.StoreSubscriptions():
                self._start(self._store_subscriptions(effect))
            case e.StoreWorkflow():
                self._start(self._store_workflow(effect))
            case e.ReadDue():
                self._read_due(effect)
            case e.AskFiles():
                self._start(self._ask_files(effect))
            case _:
                assert_never(effect)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("a file could not be written", exc_info=error)

    async def _store_data(self, effect: e.StoreData) -> None:
        self._feed(await self._stores.write_data(effect))

    async def _store_subscriptions(self, effect: e.StoreSubscriptions) -> None:
        try:
            await self._stores.write_subscriptions(effect.table)
        except WireError as error:
            for reply in effect.then:
                self._fail(reply.call, error)
        else:
            self.perform(effect.then)

    async def _store_workflow(self, effect: e.StoreWorkflow) -> None:
        try:
            saved = await self._stores.write_workflow(effect)
        except WireError as error:
            self._fail(effect.call, error)
        else:
            self.perform([e.Reply(effect.call, saved)])

    async def _ask_files(self, effect: e.AskFiles) -> None:
        try:
            found = await self._stores.told(effect.request)
        except WireError as error:
            self._fail(effect.call, error)
        else:
            self._reply(effect.call, found)
            self._server.flush()

    def _reply(self, call: Call, result: Result) -> None:
        self._stores.answered(call)
        self._server.reply(call, result)

    def _fail(self, call: Call, error: WireError) -> None:
        self._stores.answered(call)
        self._server.fail(call, error)
