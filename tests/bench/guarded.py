"""What tmux itself takes to type into many panes under the daemon's guard, and nothing else of the daemon."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.stage import Stage
from tsipcd.core.inputs import Outcome
from tsipcd.core.topology import PanePin
from tsipcd.tmux.connection import connect
from tsipcd.tmux.keys import Attempt, type_text

JOURNAL = "be7c4"
"""The marker's own: the daemon counts its attempts under another name."""


class GuardedTypist:
    """Types one text into each of the sessions, as the daemon does. Use as a context."""

    def __init__(self, stage: Stage, sessions: str, text: str) -> None:
        """`sessions` is a pattern of tmux."""
        asked = ("-F", "#{socket_path} #{pane_id} #{pane_pid}")
        wanted = f"#{{m:{sessions},#{{session_name}}}}"
        self._panes = [
            line.split() for line in stage.tmux.run("list-panes", "-a", "-f", wanted, *asked).splitlines()
        ]
        self._folder = stage.folder
        self._text = text
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(
            connect(Path(self._panes[0][0]), folder=stage.folder)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def type_all(self) -> None:
        """Return when tmux has told of each that it was typed."""
        self._loop.run_until_complete(self._type_all())

    async def _type_all(self) -> None:
        outcomes = await asyncio.gather(
            *(
                type_text(self._connection, self._attempt(pane, int(pid)), self._folder)
                for _, pane, pid in self._panes
            )
        )
        assert all(outcome is Outcome.TYPED for outcome, _ in outcomes), outcomes

    def _attempt(self, pane: str, pid: int) -> Attempt:
        pin = PanePin(self._connection.server, pane, pid)
        return Attempt(JOURNAL, next(self._numbers), pin, self._text, pause=False)
