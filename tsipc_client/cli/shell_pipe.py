"""`ts-ipc pipe --shell PID`: the process that the function of `ts-ipc shell-init` keeps; ends with the shell.

It does what ends well with ids and notes, over a connection that it keeps. All else it leaves to the program,
which the function then runs under the same idempotency key: so errors are the program's own, and nothing is
done twice.
"""

from __future__ import annotations

import os
import sys
import time

from tsipc_client.cli import brief, oneshot, plain, screen
from tsipc_client.render.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

SEPARATOR = "\x1f"
"""Between fields: nothing that people type."""

_KEY_BYTES = 8


def serve(shell: int) -> int:
    """Say how keys begin, then answer line by line, until stdin or the shell ends."""
    _end_with(shell)
    screen.put([os.urandom(_KEY_BYTES).hex()])
    asker = Asker()
    for line in sys.stdin.buffer:
        screen.put([asker.answer(os.fsdecode(line).removesuffix("\n"))])
    return 0


class Asker:
    """Answers the function's lines; connects when there is something to ask, and again after a failure."""

    def __init__(self) -> None:
        self._connection: _socket.socket | None = None

    def answer(self, line: str) -> str:
        """To `NUMBER, 1 if stderr is a terminal, KEY, WORD...`: `NUMBER, IDS, NOTE...`, or `NUMBER` alone."""
        number, watched, key, *words = line.split(SEPARATOR)
        question = plain.read([*words, "--key", key])
        if question is None or question.method not in {"send", "publish"}:
            return number
        terminal = watched == "1"
        style = Style(colour=screen.is_coloured(terminal=terminal), terminal=terminal)
        frame = self._asked(question)
        try:
            ids, notes = brief.told(question, oneshot.result_of(frame), style)
        except oneshot.NOT_UNDERSTOOD:
            return number
        told = [note.text for note in notes if terminal or note.urgent]
        return SEPARATOR.join([number, " ".join(ids), *told])

    def _asked(self, question: plain.Question) -> bytes:
        """The frame that comes back; empty if none does: the program then finds out why."""
        if self._connection is None:
            self._connection = oneshot.connected()
        if self._connection is None:
            return b""
        oneshot.ask(self._connection, question)
        frame = oneshot.first_answer(self._connection, time.monotonic() + oneshot.TIMEOUT_S)
        if frame is None:
            self._connection.close()
            self._connection = None
        return frame or b""


def _end_with(shell: int) -> None:
    """End this process when that one has ended. The children of a shell may keep our stdin open."""
    if sys.platform != "linux":
        return
    import select  # noqa: PLC0415 (for a process that stays)
    import threading  # noqa: PLC0415 (as above)

    try:
        watched = os.pidfd_open(shell)
    except ProcessLookupError:
        os._exit(0)
    except OSError:
        return  # an old kernel: the end of stdin will have to do

    def wait() -> None:
        select.select([watched], [], [])
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
