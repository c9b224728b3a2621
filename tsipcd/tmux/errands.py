"""Carries out one effect after another, each as a task of its own, so that none waits for another's server.

A connection that breaks is the affair of this module. What can be repeated without harm is repeated when the
server was listed again; typing is answered as `unknown`, and on the listing that follows, the core hands the
same attempt in again. Decides nothing else, and keeps nothing but the tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Protocol, TypeVar, assert_never

from tsipcd.core.effects import AdoptStep, Forget, Inspect, ShowText, StartStep, StopStep, TypeKeys
from tsipcd.core.inputs import Input, Inspected, Outcome, StepEnded, TextShown, Typed, Verdict
from tsipcd.core.topology import PanePin, ServerId
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.failures import Gone, Short, TmuxError
from tsipcd.tmux.keys import Attempt, TypeLine, type_text
from tsipcd.tmux.notify import show_text
from tsipcd.tmux.server import Server

TmuxEffect = Inspect | Forget | TypeKeys | StartStep | AdoptStep | StopStep | ShowText

T = TypeVar("T")

DEFECT = "an error in the daemon: see its log"

AGAIN_S = 1.0
"""Until a server is listed again after an unknown outcome: on that the core hands the attempt in again."""

logger = logging.getLogger("tsipcd.tmux.errands")


class Occupants(Protocol):
    """The occupant gate. Emits by itself."""

    async def inspect(self, effect: Inspect, connection: Connection) -> None:
        """Emit `Inspected` at once and on each change; return after `ready` or `gone`.

        It is cancelled for `Forget`. It raises `TmuxError` when the connection fails: it is then called again
        with a new connection, or `gone` is emitted if the server exited.
        """

    def forget(self, number: int) -> None:
        """Called after the task of `number` was cancelled, also if there was none."""

    def typed(self, pin: PanePin) -> None:
        """A line was typed there, or may have been: before the next one it is to be taken in."""


class Steps(Protocol):
    """Workflow steps. Emits by itself."""

    async def start(self, effect: StartStep, connection: Connection, type_line: TypeLine) -> None:
        """Emit `Typed`, then `StepPrinted` as it prints, and `StepEnded`; return after that.

        Returns early if what was emitted is not `typed` or `already`. Raises `TmuxError` when the connection
        fails. If the line was typed by then, `adopt` is called with a new connection, or `StepEnded` is
        emitted if the server exited; if not, `Typed` (unknown) is emitted.
        """

    async def adopt(self, effect: AdoptStep, connection: Connection) -> None:
        """The same for a step that was typed before, from after `Typed`."""

    def stop(self, effect: StopStep) -> None:
        """End the command of a step that is followed, or soon will be."""


class Errands:
    """The tasks of all effects under way."""

    def __init__(
        self,
        *,
        identity: str,
        folder: Path,
        server_at: Callable[[str], Server],
        occupants: Occupants,
        steps: Steps,
        emit: Callable[[Input], None],
    ) -> None:
        self._identity = identity
        self._folder = folder
        self._server_at = server_at
        self._occupants = occupants
        self._steps = steps
        self._emit = emit
        self._tasks: set[asyncio.Task[None]] = set()
        self._inspections: dict[int, asyncio.Task[None]] = {}

    def carry_out(self, effect: TmuxEffect) -> None:
        """Start it; the answers are emitted."""
        match effect:
            case Inspect():
                wait = Inspected(effect.number, Verdict.WAIT, DEFECT)
                self._forget(effect.number)
                self._inspections[effect.number] = self._spawn(self._inspect(effect), wait)
            case Forget():
                self._forget(effect.number)
                self._occupants.forget(effect.number)
            case TypeKeys():
                self._spawn(self._type_keys(effect), _unknown(effect, DEFECT))
            case StartStep():
                self._spawn(self._start(effect), _unknown(effect, DEFECT))
            case AdoptStep():
                lost = StepEnded(effect.number, None, DEFECT)
                self._spawn(self._adopt(effect), lost)
            case StopStep():
                self._steps.stop(effect)
            case ShowText():
                failed = TextShown(effect.number, 0, DEFECT)
                self._spawn(self._show(effect), failed)
            case _:
                assert_never(effect)

    async def close(self) -> None:
        """Stop them all where they are."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, work: Coroutine[None, None, None], failed: Input) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._run(work, failed), name=type(failed).__name__)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that was cancelled before it began has not begun on its work.
        task.add_done_callback(lambda _: work.close())
        return task

    async def _run(self, work: Coroutine[None, None, None], failed: Input) -> None:
        try:
            await work
        except Exception:
            logger.exception("an effect on tmux failed")
            self._emit(failed)

    def _forget(self, number: int) -> None:
        task = self._inspections.pop(number, None)
        if task is not None:
            task.cancel()

    # ── the effects ───────────────────────────────────────────────────────────────────────────────────────

    async def _inspect(self, effect: Inspect) -> None:
        said = ""
        while True:
            try:
                await self._with(
                    effect.place.server, lambda connection: self._occupants.inspect(effect, connection)
                )
                break
            except Gone as exc:
                self._emit(Inspected(effect.number, Verdict.GONE, str(exc), place=effect.place))
                break
            except TmuxError as exc:
                if str(exc) != said:
                    said = str(exc)
                    self._emit(Inspected(effect.number, Verdict.WAIT, said))
                await self._until_again(exc, effect.place.server)
        if self._inspections.get(effect.number) is asyncio.current_task():
            del self._inspections[effect.number]

    async def _type_keys(self, effect: TypeKeys) -> None:
        self._emit(await self._type(effect, effect.text))

    async def _start(self, effect: StartStep) -> None:
        typed = False

        async def type_line(text: str) -> Typed:
            nonlocal typed
            answer = await self._type(effect, text)
            typed = answer.outcome in {Outcome.TYPED, Outcome.ALREADY}
            return answer

        try:
            await self._with(effect.pin.server, lambda it: self._steps.start(effect, it, type_line))
        except TmuxError as exc:
            if typed:
                await self._adopt(
                    AdoptStep(effect.number, effect.pin, effect.run, effect.index, effect.again)
                )
            elif isinstance(exc, Gone):
                self._emit(Typed(effect.number, effect.attempt, Outcome.GONE, str(exc)))
            else:
                self._doubt_later(effect.pin.server)
                self._emit(_unknown(effect, str(exc)))
        except Exception:
            if not typed:
                raise
            logger.exception("a step cannot be followed any more")
            self._emit(StepEnded(effect.number, None, DEFECT))

    async def _adopt(self, effect: AdoptStep) -> None:
        while True:
            try:
                await self._with(effect.pin.server, lambda it: self._steps.adopt(effect, it))
            except Gone as exc:
                self._emit(StepEnded(effect.number, None, str(exc)))
            except TmuxError as exc:
                logger.info("step %d waits: %s", effect.number, exc)
                await self._until_again(exc, effect.pin.server)
                continue
            return

    async def _show(self, effect: ShowText) -> None:
        shown = 0
        reason = ""
        try:
            connection = await self._server_at(effect.place.server.socket).reach(effect.place.server)
            shown = await show_text(connection, effect.place.session_id, effect.text)
        except TmuxError as exc:
            reason = str(exc)
        self._emit(TextShown(effect.number, shown, reason))
        if not shown:
            # 3.1 tells nobody when a client leaves: it may be counted as attached still.
            self._server_at(effect.place.server.socket).doubt()

    async def _type(self, effect: TypeKeys | StartStep, text: str) -> Typed:
        attempt = Attempt(self._identity, effect.attempt, effect.pin, text, pause=not effect.shell)
        server = self._server_at(effect.pin.server.socket)
        try:
            outcome, reason = await self._with(
                effect.pin.server, lambda connection: type_text(connection, attempt, self._folder)
            )
        except Gone as exc:
            outcome, reason = Outcome.GONE, str(exc)
        except TmuxError as exc:
            outcome, reason = Outcome.UNKNOWN, str(exc)
        if outcome in {Outcome.TYPED, Outcome.ALREADY, Outcome.UNKNOWN}:
            self._occupants.typed(effect.pin)
        if outcome is Outcome.GONE:
            # The core looks for the session's pane of now as soon as it hears of this.
            await server.look()
        elif outcome is Outcome.UNKNOWN:
            self._doubt_later(effect.pin.server)
        return Typed(effect.number, effect.attempt, outcome, reason)

    async def _until_again(self, exc: TmuxError, server: ServerId) -> None:
        """What failed so may be tried again when this returns."""
        if isinstance(exc, Short):
            await asyncio.sleep(AGAIN_S)
        else:
            await self._server_at(server.socket).settled()

    def _doubt_later(self, server: ServerId) -> None:
        """The core hears of the server again, and settles what is open there."""
        asyncio.get_running_loop().call_later(AGAIN_S, self._server_at(server.socket).doubt)

    async def _with(self, identity: ServerId, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Use a connection to that life of a server; one that fails is not used again."""
        server = self._server_at(identity.socket)
        connection = await server.reach(identity)
        try:
            return await use(connection)
        except TmuxError as exc:
            server.drop(connection, str(exc))
            raise
        except OSError as exc:
            raise Short(f"out of means for now: {exc.strerror or exc}") from exc


def _unknown(effect: TypeKeys | StartStep, reason: str) -> Typed:
    return Typed(effect.number, effect.attempt, Outcome.UNKNOWN, reason)
