"""The way of a pane's output into a file: a pipe that tmux opens and a `cat` that outlives the daemon.

A pane has one pipe. If somebody else uses it, it is left alone, and the screen is read at the end instead.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tsipcd.core.topology import PanePin
from tsipcd.tmux import tty
from tsipcd.tmux.commands import both, command, equal, when
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.files import read_word

_FIELDS = (
    "#{pid} #{start_time} #{pane_pid} #{pane_pipe} #{history_size} #{cursor_y} #{pane_width} #{pane_tty}"
)
_UNSAFE = re.compile(r"[^A-Za-z0-9_./+-]")
NOTE = "[ts-ipc: another program uses this pane's pipe; what follows was read from the screen]\n"


@dataclass(slots=True)
class Capture:
    """Of one pane, into `log`. Make it, then `open` or `find`; in the end `close`. They raise `TmuxError`."""

    connection: Connection
    pin: PanePin
    log: Path
    pid_file: Path
    """Holds the pid of the `cat`, so that no pipe but ours is closed."""
    terminal: str = ""
    """The pane's terminal; empty: the pane is not there."""
    is_piped: bool = False
    _top: int = 0
    """The line with the cursor at `open`, counted from the start of the history."""

    @property
    def cat(self) -> int:
        """The pid of the `cat`; 0: it has not started."""
        text = read_word(self.pid_file).strip()
        return int(text) if text.isdigit() else 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing can come into the log any more."""
        return not self.is_piped or (self.cat > 0 and not tty.is_alive(self.cat))

    async def open(self) -> None:
        """Pipe the pane into the log from here on, unless it is piped elsewhere."""
        pipe = command("pipe-pane", "-O", "-t", self.pin.pane, _shell_command(self.log, self.pid_file))
        free = both(equal("#{pane_pid}", str(self.pin.pid)), equal("#{pane_pipe}", "0"))
        was_piped = await self._look(when(free, pipe, target=self.pin.pane))
        # Piped already: by an earlier submission of ours, or by somebody else.
        self.is_piped = bool(self.terminal) and (not was_piped or self._is_ours())

    async def find(self) -> None:
        """Take up what an earlier life of the daemon opened."""
        self.is_piped = self.cat > 0
        await self._look()

    async def close(self) -> None:
        """End the pipe if it is ours and still there."""
        if self.terminal and not self.has_ended:
            same = equal("#{pane_pid}", str(self.pin.pid))
            close = command("pipe-pane", "-t", self.pin.pane)
            # A pane that is gone has no pipe: the failure says nothing new.
            await self.connection.run(when(same, close, target=self.pin.pane))

    async def read_screen(self) -> str:
        """What was printed since `open`, as far as the screen and its history still have it."""
        where = await self._place()
        if where is None:
            return NOTE
        bottom = where[1]
        first = str(self._top + 1 - where[0])
        asked = command("capture-pane", "-p", "-J", "-t", self.pin.pane, "-S", first, "-E", str(bottom))
        blocks = await self.connection.run(asked)
        lines = max((block.lines for block in blocks if block.ok), key=len, default=())
        # The last line is the prompt that came after.
        return NOTE + "".join(f"{line.rstrip()}\n" for line in lines[:-1])

    def _is_ours(self) -> bool:
        return self.cat > 0 and tty.is_alive(self.cat)

    async def _look(self, *then: str) -> bool:
        """Note where the pane is; whether it was piped before `then` ran."""
        fields = await self._ask(*then)
        if fields is None:
            self.terminal = ""
            return False
        self._top = int(fields[4]) + int(fields[5])
        self.terminal = fields[7]
        return fields[3] == "1"

    async def _place(self) -> tuple[int, int] | None:
        fields = await self._ask()
        return (int(fields[4]), int(fields[5])) if fields is not None else None

    async def _ask(self, *then: str) -> list[str] | None:
        asked = command("display-message", "-p", "-t", self.pin.pane, f"ts-ipc-at {_FIELDS}")
        for block in await self.connection.run(asked, *then):
            for line in block.lines if block.ok else ():
                mark, *fields = line.split(" ", 8)
                server = [str(self.pin.server.pid), str(self.pin.server.started), str(self.pin.pid)]
                if mark == "ts-ipc-at" and fields[:3] == server:
                    return fields
        return None


def _shell_command(log: Path, pid_file: Path) -> str:
    # `$$` stays the pid when `cat` takes the shell's place.
    return f"echo $$ >{_shell_word(pid_file)}; exec cat >>{_shell_word(log)}"


def _shell_word(path: Path) -> str:
    """A word for sh that no format of tmux changes: it would expand `#` and `%`."""
    text = os.fsencode(path) if _UNSAFE.search(str(path)) else b""
    if not text:
        return str(path)
    return "\"$(printf '" + "".join(f"\\{byte:03o}" for byte in text) + "')\""
