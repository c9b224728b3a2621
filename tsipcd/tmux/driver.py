"""The runtime's one door to tmux: carries out effects, keeps the topology current, owns connections and tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from tsipcd.core.effects import AdoptStep, Inspect, StartStep
from tsipcd.core.inputs import Typed
from tsipcd.tmux.connection import Connection

TypeLine = Callable[[str], Awaitable[Typed]]
"""Types one text and Enter, guarded by the attempt of the effect it was made for; never raises `TmuxError`.

Its answer is to be emitted by whoever called it.
"""


class Occupants(Protocol):
    """The occupant gate. `occupant.py` has the real one, which emits by itself."""

    async def inspect(self, effect: Inspect, connection: Connection) -> None:
        """Emit `Inspected` at once and on each change; return after `ready` or `gone`.

        Runs as a task of its own. It is cancelled for `Forget`. It raises `TmuxError` when the connection
        fails: it is then called again with a new connection, or `gone` is emitted if the server exited.
        """

    def forget(self, number: int) -> None:
        """Called after the task of `number` was cancelled, also if there was none."""


class Steps(Protocol):
    """Workflow steps. `steps.py` has the real one, which emits by itself."""

    async def start(self, effect: StartStep, connection: Connection, type_line: TypeLine) -> None:
        """Emit `Typed`, then `StepPrinted` as it prints, and `StepEnded`; return after that.

        Returns early if what was emitted is not `typed` or `already`. Raises `TmuxError` when the connection
        fails. If the line was typed by then, `adopt` is called with a new connection, or `StepEnded` is emitted
        if the server exited; if not, `Typed` (unknown) is emitted.
        """

    async def adopt(self, effect: AdoptStep, connection: Connection) -> None:
        """The same for a step that was typed before, from after `Typed`."""
