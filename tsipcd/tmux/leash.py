"""Ends a process that tmux started for us a moment after we are gone, however we go. Knows little of tmux.

A FIFO that we hold open and the process reads: when its last writer is gone, the process ends. tmux has an
option for the purpose, `destroy-unattached`. But with it, 3.3 to 3.7 crash now and then when a control client
leaves: the session is freed while the client still points to it. Nor may the session end just when the client
does: one time in ten the client then never ends, and the server waits for it.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import stat
from contextlib import suppress
from pathlib import Path

PREFIX = "leash-"
NAME = re.compile(rf"{PREFIX}[0-9a-f]{{12}}")
"""Random enough to be in the command line of nobody else."""
CONTROL_MODE = b"\0-C\0"
LAG_S = 1
"""Between our end and the process's: a client of tmux has ended by then."""


class Leash:
    """One FIFO, tied when made."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{PREFIX}{secrets.token_hex(6)}"
        os.mkfifo(self.path, 0o600)
        # Read and write: neither we nor the reader wait for the other to open it.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def command(self) -> tuple[str, ...]:
        """What is to be run. One process, without the user's shell."""
        return ("/bin/sh", "-c", f'read -r _ <"$0"; exec sleep {LAG_S}', str(self.path))

    def cut(self) -> None:
        """Let the process end. Once is enough, more does no harm."""
        if self._descriptor >= 0:
            # In this order: a reader that comes late finds no file, instead of a FIFO that nobody writes.
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def cut_leftovers(folder: Path) -> None:
    """Remove what a life of ours that ended suddenly left behind, and free who waits there.

    The client of such a life mostly ends by itself. One time in fifty it never does, nor then its server when
    it should: both wait for output that nobody reads. So it is ended here.
    """
    leftovers = list(folder.glob(f"{PREFIX}*"))
    _end_clients({path.name.encode() for path in leftovers if NAME.fullmatch(path.name)})
    for path in leftovers:
        with suppress(OSError):
            if not stat.S_ISFIFO(path.lstat().st_mode):
                continue
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _end_clients(leashes: set[bytes]) -> None:
    """Kill the clients in control mode that have one of these leashes. Nobody, where there is no /proc."""
    if not leashes:
        return
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = file.read_bytes()
            if CONTROL_MODE in line and any(leash in line for leash in leashes):
                os.kill(int(file.parent.name), signal.SIGKILL)
