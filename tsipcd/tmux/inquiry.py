"""Asks a tmux server for a sign of life, with a plain client that it forgets at once.

Comes before every control client. While a control client introduces itself, 3.2 to 3.5 crash if a session
comes or goes or a pane changes its mode: the client is told of it before there is anything to tell it with.
With a server that answers, that is a tenth of a millisecond; one that stood still has a pile of such news.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from tsipcd.tmux.failures import Deadline, Lost, Unsent

LIMIT_BYTES = 4096


class _Output(asyncio.Protocol):
    """Collects what a process prints, until it ends."""

    def __init__(self) -> None:
        self.data = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data = (self.data + data)[:LIMIT_BYTES]

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def inquire(socket: Path, *, binary: str, deadline_s: float) -> tuple[int, int]:
    """The server's process id and start time, as it tells them. Never starts one. Raises `TmuxError`."""
    process = start([binary, "-u", "-S", str(socket), "display-message", "-p", "#{pid} #{start_time}"])
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    output = _Output()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: output, process.stdout)
    try:
        async with asyncio.timeout(deadline_s):
            await output.ended
    except TimeoutError as exc:
        raise Deadline(f"tmux at {socket} did not answer in {deadline_s:g} s") from exc
    finally:
        process.kill()
        process.wait()
        transport.close()
    # Not by its exit status: a client that is turned away exits 0.
    said = output.data.decode("utf-8", "replace").strip()
    match said.split():
        case [pid, started] if pid.isdigit() and started.isdigit():
            return int(pid), int(started)
    raise Lost(f"tmux at {socket}: {said or 'no answer'}")


def start(command_line: list[str], *, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Run a tmux client; what it prints and complains of comes from its stdout. Raises `Unsent`.

    Not by asyncio, which keeps a thread for each child to wait for: the end of its output is enough.
    """
    try:
        return subprocess.Popen(
            command_line,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            start_new_session=True,
        )
    except OSError as exc:
        raise Unsent(f"cannot run {command_line[0]}: {exc.strerror}") from exc


def child_environment() -> dict[str, str]:
    """Our environment without what would make the client think that it runs in a tmux."""
    return {name: value for name, value in os.environ.items() if name not in {"TMUX", "TMUX_PANE"}}
