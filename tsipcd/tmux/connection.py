"""One control-mode client on one tmux server: requests out, blocks and notifications in.

It never starts a server, never attaches to a user's session, and never waits without a deadline. It knows
nothing of panes and messages. It does not reconnect: a lost connection is over.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tsipcd.core.topology import ServerId
from tsipcd.tmux.commands import command, sequence
from tsipcd.tmux.control import Block, ControlParser, Notification, Overflow

CONNECT_S = 2.0
RUN_S = 5.0
CLOSE_S = 1.0
MAX_PENDING = 10_000
"""Requests under way; more are refused at once."""
MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""What may wait for a server that reads slowly."""
MAX_STDERR_BYTES = 4096

OUR_SESSION = "~ts-ipc-"
"""Followed by digits. The tilde sorts behind every usual name: scripts take the first line of `tmux ls`."""


class TmuxError(Exception):
    """A request to a tmux server was not answered."""


class Deadline(TmuxError):
    """No answer in time: the request may have been carried out, or may still be."""


class Lost(TmuxError):
    """The connection ended before the answer: the request may have been carried out."""


class Unsent(TmuxError):
    """The connection was over, or full, before the request was sent: it was not carried out."""


@dataclass(slots=True)
class _Request:
    end: str
    answer: asyncio.Future[list[Block]]
    blocks: list[Block] = field(default_factory=list)


class Connection(asyncio.SubprocessProtocol):
    """A client that is attached to a private session of ours. Make one with `connect`."""

    server: ServerId
    version: tuple[int, int, str]
    """`3.3a` is `(3, 3, "a")`: comparable."""

    def __init__(self, socket: Path, on_lost: Callable[[Connection], None]) -> None:
        self.socket = socket
        self.complaint = ""
        """What the client printed before it ended."""
        self.ended = asyncio.Event()
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._parser = ControlParser()
        self._token = secrets.token_hex(8)
        self._count = 0
        self._requests: deque[_Request] = deque()
        self._listeners: list[Callable[[Notification], None]] = []
        self._process: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._over = False

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return not self._over

    def listen(self, callback: Callable[[Notification], None]) -> Callable[[], None]:
        """Call `callback` for each notification from now on; the returned function stops it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def run(self, *commands: str, deadline_s: float = RUN_S) -> list[Block]:
        """Run `commands` as one list, with no other client's in between; a failing one skips the rest.

        Returns the blocks printed, at least one per command that ran. Requests are answered in the order they
        were sent. Raises `Unsent`, `Deadline`, `Lost`.
        """
        request = self._send(sequence(*commands))
        try:
            async with asyncio.timeout(deadline_s):
                return await request.answer
        except TimeoutError as exc:
            raise Deadline(f"tmux at {self.socket} did not answer in {deadline_s:g} s") from exc

    def _send(self, line: str) -> _Request:
        if "\n" in line:
            raise ValueError("a command list is one line")
        if self._over or self._stdin is None:
            raise Unsent(f"the connection to tmux at {self.socket} is over")
        if len(self._requests) >= MAX_PENDING or self._stdin.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise Unsent(f"tmux at {self.socket} does not keep up: {len(self._requests)} requests wait")
        self._count += 1
        request = _Request(f"end-{self._token}-{self._count}", self._loop.create_future())
        self._requests.append(request)
        # A line of its own: it is run even if the first one fails or does not parse.
        ending = f"{line}\ndisplay-message -p {request.end}\n"
        self._stdin.write(ending.encode("utf-8", "surrogateescape"))
        return request

    async def close(self) -> None:
        """Leave the server; our session vanishes with the client. Returns within about a second."""
        self._end(Lost("we left"))
        if self._stdin is not None:
            self._stdin.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.ended.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Kill the client at once. What was sent may still be carried out."""
        self._end(Lost(f"the connection to tmux at {self.socket} was cut"))
        if self._process is not None and self._process.get_returncode() is None:
            self._process.kill()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client's process runs."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - asyncio's own contract
        self._process = transport
        stdin = transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)  # noqa: S101 - asyncio's own contract
        self._stdin = stdin

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The client printed."""
        if fd != 1:
            self.complaint = (self.complaint + data.decode("utf-8", "replace"))[:MAX_STDERR_BYTES]
            return
        try:
            events = self._parser.feed(data)
        except Overflow as exc:
            self._end(Lost(str(exc)))
            self.abort()
            return
        for event in events:
            if isinstance(event, Block):
                self._take_block(event)
            else:
                self._tell(event)

    def process_exited(self) -> None:
        """The client's process ended: detached, killed, or its server is gone."""
        self._end(Lost(f"the client of tmux at {self.socket} ended{self._because()}"))
        if self._process is not None:
            self._process.close()
        self.ended.set()

    def _because(self) -> str:
        return f": {self.complaint.strip()}" if self.complaint.strip() else ""

    def _take_block(self, block: Block) -> None:
        if not self._requests:
            return
        request = self._requests[0]
        if block.lines == (request.end,):
            self._requests.popleft()
            if not request.answer.done():
                request.answer.set_result(request.blocks)
            return
        if not request.answer.done():
            request.blocks.append(block)

    def _tell(self, notification: Notification) -> None:
        for callback in tuple(self._listeners):
            callback(notification)

    def _end(self, error: Lost) -> None:
        if self._over:
            return
        self._over = True
        for request in self._requests:
            if not request.answer.done():
                error_text = [line for block in request.blocks if not block.ok for line in block.lines]
                request.answer.set_exception(Lost("; ".join([str(error), *error_text])))
        self._requests.clear()
        self._on_lost(self)


def child_environment() -> dict[str, str]:
    """Our environment without what would make the client think that it runs in a tmux."""
    return {name: value for name, value in os.environ.items() if name not in {"TMUX", "TMUX_PANE"}}


async def connect(
    socket: Path,
    *,
    binary: str = "tmux",
    on_lost: Callable[[Connection], None],
    deadline_s: float = CONNECT_S,
) -> Connection:
    """A connection to the server that listens at `socket`. Never starts one. Raises `TmuxError`."""
    name = f"{OUR_SESSION}{os.getpid()}"
    # `if-shell` keeps tmux from starting a server: only a command named on the command line can ask for that.
    # Two words: no shell starts the session's one process, so the user's default-shell may be anything.
    start = sequence(
        command("new-session", "-s", name, "-x", "80", "-y", "24", "sleep", "2147483647"),
        "set-option destroy-unattached on",
        "set-option detach-on-destroy on",
        "set-option status off",
    )
    arguments = (binary, "-u", "-S", str(socket), "-C", "if-shell", "-F", "1", start)
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.subprocess_exec(
            lambda: Connection(socket, on_lost), *arguments, env=child_environment(), start_new_session=True
        )
    except OSError as exc:
        raise Unsent(f"cannot run {binary}: {exc.strerror}") from exc
    try:
        await _introduce(connection, deadline_s)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _introduce(connection: Connection, deadline_s: float) -> None:
    token = secrets.token_hex(8)
    asked = command("display-message", "-p", f"{token} #{{version}} #{{pid}} #{{start_time}}")
    blocks = await connection.run(asked, deadline_s=deadline_s)
    for block in blocks:
        match block.text.split():
            case [first, version, pid, started] if first == token:
                connection.version = parse_version(version)
                connection.server = ServerId(str(connection.socket), int(pid), int(started))
                return
    raise Lost(f"tmux at {connection.socket} did not say its version: {blocks!r:.200}")


def parse_version(text: str) -> tuple[int, int, str]:
    """`3.3a` as `(3, 3, "a")`; `next-3.8` as the version it will be. Unknown forms count as very new."""
    digits = text.removeprefix("next-").removeprefix("openbsd-")
    major, _, rest = digits.partition(".")
    minor = rest.rstrip("abcdefghijklmnopqrstuvwxyz-")
    if not (major.isdigit() and minor.isdigit()):
        return (99, 0, text)
    return (int(major), int(minor), rest[len(minor) :])
