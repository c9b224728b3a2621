"""`ts-ipc pipe --shell PID`: the process that the function of `ts-ipc shell-init` keeps; ends with the shell.

It does what ends well with ids and notes. All else it leaves to the program, which the function then runs
under the same idempotency key: so errors are the program's own, and nothing is done twice.
"""

from __future__ import annotations

import os
import select
import sys
import threading

from tsipc_client.cli import pipe, screen
from tsipc_client.cli.orders import Options
from tsipc_client.client import Client
from tsipc_client.render import answer
from tsipc_client.render.style import Style
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Publish, Published, Send, Sent

SEPARATOR = "\x1f"
"""Between fields: nothing that people type."""

_KEY_BYTES = 8


def serve(shell: int, options: Options) -> int:
    """Say how keys begin, then answer line by line, until stdin or the shell ends."""
    _end_with(shell)
    screen.put([os.urandom(_KEY_BYTES).hex()])
    with Client(timeout_s=options.timeout_s) as client:
        for line in sys.stdin.buffer:
            screen.put([_answer(client, os.fsdecode(line).removesuffix("\n"))])
    return 0


def _answer(client: Client, line: str) -> str:
    """To `NUMBER, 1 if stderr is a terminal, KEY, WORD...`: `NUMBER, IDS, NOTE...`, or `NUMBER` alone."""
    number, watched, key, *words = line.split(SEPARATOR)
    try:
        request = pipe.request_of([*words, "--key", key])
        if not isinstance(request, Send | Publish):
            return number
        result = client.call(request)
    except WireError:
        return number
    if not isinstance(result, Sent | Published):
        return number
    terminal = watched == "1"
    style = Style(colour=screen.is_coloured(terminal=terminal), terminal=terminal)
    ids = [result.id] if isinstance(result, Sent) else [fanout.id for fanout in result.subscribers]
    notes = [note.text for note in answer.notes(request, result, style) if terminal or note.urgent]
    return SEPARATOR.join([number, " ".join(ids), *notes])


def _end_with(shell: int) -> None:
    """End this process when that one has ended. The children of a shell may keep our stdin open."""
    if sys.platform != "linux":
        return
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
