"""One control-mode client on one tmux server: requests out, blocks and notifications in.

It never starts a server, never attaches to a user's session, and never waits without a deadline. It knows
nothing of panes and messages. It does not reconnect: a lost connection is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tsipcd.core.topology import ServerId
from tsipcd.tmux.commands import command, sequence
from tsipcd.tmux.control import Block, ControlParser, Event, Notification, Overflow, Stray
from tsipcd.tmux.failures import Deadline, Lost, TmuxError, Unsent
from tsipcd.tmux.inquiry import inquire, start
from tsipcd.tmux.leash import Leash

__all__ = ["Connection", "Deadline", "Lost", "TmuxError", "Unsent", "attach", "connect", "parse_version"]

CONNECT_S = 2.0
RUN_S = 5.0
CLOSE_S = 1.0
MAX_PENDING = 10_000
"""Requests under way; more are refused at once."""
MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""What may wait for a server that reads slowly."""
GATHER_BYTES = 16_384
"""Requests of one turn of the loop go together, but so many bytes go at once: tmux works while we go on."""

OUR_SESSION = "~ts-ipc-"
"""Followed by digits. The tilde sorts behind every usual name: scripts take the first line of `tmux ls`."""


@dataclass(slots=True)
class _Request:
    commands: list[str]
    is_joint: bool
    """Others may add their commands until it is written."""
    end: str
    """What its last block holds."""
    answer: asyncio.Future[list[Block]]
    blocks: list[Block] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """A client that is attached to a private session of ours. Make one with `connect`."""

    server: ServerId
    version: tuple[int, int, str]
    """`3.3a` is `(3, 3, "a")`: comparable."""

    def __init__(self, socket: Path, name: str, process: subprocess.Popen[bytes], leash: Leash) -> None:
        self.socket = socket
        self.on_lost: Callable[[Connection], None] = lambda _: None
        """Called once, when the connection is over, whoever ended it."""
        self.ended = asyncio.Event()
        """Set when the client's process has ended."""
        self._process = process
        self._leash = leash
        self._name = name
        self._session = ""
        """The id of our session `name`."""
        self._stdin: asyncio.WriteTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._attached: asyncio.Future[str] = self._loop.create_future()
        self._parser = ControlParser()
        self._token = secrets.token_hex(8)
        self._count = 0
        self._requests: deque[_Request] = deque()
        self._gathered: list[_Request] = []
        """Requests that were made in this turn and not written yet."""
        self._gathered_bytes = 0
        self._listeners: list[Callable[[Notification], None]] = []
        self._complaint = ""
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
        return await self._answer(self._send(list(commands), is_joint=False), deadline_s)

    async def join(self, command: str, *, deadline_s: float = RUN_S) -> list[Block]:
        """Run `command` in one list with those of others who join in the same turn of the loop.

        So it may be skipped since another's failed, and the blocks are those of all. tmux reads a list at
        once, but separate lines in pieces of 4 KiB, and looks after all its panes behind each piece.
        """
        return await self._answer(self._send([command], is_joint=True), deadline_s)

    async def _answer(self, request: _Request, deadline_s: float) -> list[Block]:
        try:
            async with asyncio.timeout(deadline_s):
                # Whoever joined goes on waiting if one of them does not.
                return await (asyncio.shield(request.answer) if request.is_joint else request.answer)
        except TimeoutError as exc:
            raise Deadline(f"tmux at {self.socket} did not answer in {deadline_s:g} s") from exc

    async def introduce(self, deadline_s: float) -> None:
        """Learn who is at the other end. Raises `TmuxError`, also if tmux made no session for us."""
        try:
            # Nothing is asked before: a control client without a session that gives commands crashes tmux.
            async with asyncio.timeout(deadline_s):
                self._session = await asyncio.shield(self._attached)
        except TimeoutError as exc:
            raise Deadline(f"tmux at {self.socket} did not answer in {deadline_s:g} s") from exc
        token = secrets.token_hex(8)
        asked = command("display-message", "-p", f"{token} #{{version}} #{{pid}} #{{start_time}}")
        for block in await self.run(asked, deadline_s=deadline_s):
            match block.text.split():
                case [first, version, pid, started] if first == token:
                    self.version = parse_version(version)
                    self.server = ServerId(str(self.socket), int(pid), int(started))
                    return
        raise Lost(f"tmux at {self.socket} did not say its version")

    def _send(self, commands: list[str], *, is_joint: bool) -> _Request:
        if any("\n" in command for command in commands):
            raise ValueError("a command list is one line")
        if self._over or self._stdin is None:
            raise Unsent(f"the connection to tmux at {self.socket} is over")
        if len(self._requests) >= MAX_PENDING or self._stdin.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise Unsent(f"tmux at {self.socket} does not keep up: {len(self._requests)} requests wait")
        if is_joint and self._gathered and self._gathered[-1].is_joint:
            request = self._gathered[-1]
            request.commands += commands
        else:
            self._count += 1
            end = f"end-{self._token}-{self._count}"
            request = _Request(commands, is_joint, end, self._loop.create_future())
            if not self._gathered:
                self._loop.call_soon(self._write_gathered)
            self._gathered.append(request)
            self._requests.append(request)
        self._gathered_bytes += sum(map(len, commands))
        # One that finds nothing under way waits for no others.
        if len(self._requests) == 1 or self._gathered_bytes >= GATHER_BYTES:
            self._write_gathered()
        return request

    def _write_gathered(self) -> None:
        # The end is a line of its own: it is run even if the first one fails or does not parse.
        lines = "".join(
            f"{sequence(*request.commands)}\ndisplay-message -p {request.end}\n" for request in self._gathered
        )
        self._gathered.clear()
        self._gathered_bytes = 0
        if lines and self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(lines.encode("utf-8", "surrogateescape"))

    async def close(self) -> None:
        """Leave the server; our session ends. Returns within about a second."""
        is_open = self.is_open
        self._end(f"we left tmux at {self.socket}")
        if is_open and self._stdin is not None and not self._stdin.is_closing():
            # By its id, always: without a target, a client that is attached nowhere kills a user's session.
            self._stdin.write(f"kill-session -t {self._session}\n".encode())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.ended.wait()
        self.abort()

    def abort(self) -> None:
        """Kill the client at once. What was sent may still be carried out."""
        self._end(f"the connection to tmux at {self.socket} was cut")
        if self._process.returncode is None:
            self._process.kill()

    # ── what asyncio calls ────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """The client printed."""
        try:
            events = self._parser.feed(data)
        except Overflow as exc:
            self._complaint = str(exc)
            self.abort()
            return
        for event in events:
            self._take(event)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The client's output ended: it was detached or killed, or its server is gone."""
        # A client that has closed its output has ended but for its exit: nothing is lost by making sure.
        self._process.kill()
        self._process.wait()
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.abort()
        because = f": {self._complaint}" if self._complaint else ""
        self._end(f"the client of tmux at {self.socket} ended{because}")
        self.ended.set()

    def _take(self, event: Event) -> None:
        match event:
            case Block():
                self._take_block(event)
            case Notification():
                session, _, name = event.rest.partition(" ")
                if (event.name, name) == ("session-changed", self._name) and not self._attached.done():
                    self._attached.set_result(session)
                for callback in tuple(self._listeners):
                    callback(event)
            case Stray():
                self._complaint = event.line[:200]

    def _take_block(self, block: Block) -> None:
        if not self._requests:
            return
        request = self._requests[0]
        if block.lines == (request.end,):
            self._requests.popleft()
            if not request.answer.done():
                request.answer.set_result(request.blocks)
            return
        if not block.ok:
            self._complaint = block.text[:200]
        if not request.answer.done():
            request.blocks.append(block)

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._leash.cut()
        if not self._attached.done():
            self._attached.set_exception(Lost(reason))
            # Whoever connects may have given up already.
            self._attached.exception()
        for request in self._requests:
            if not request.answer.done():
                request.answer.set_exception(Lost(reason))
                # Those who joined may all have given up.
                request.answer.exception()
        self._requests.clear()
        self._gathered.clear()
        self._gathered_bytes = 0
        self.on_lost(self)


def _command_line(binary: str, socket: Path, session: str, leash: Leash) -> list[str]:
    start = sequence(
        # Several words: no shell starts the session's one process, the user's default-shell may be anything.
        command("new-session", "-s", session, "-x", "80", "-y", "24", *leash.command),
        # What a user may have set for all sessions. The first one crashes tmux, see `leash`.
        "set-option destroy-unattached off",
        "set-option detach-on-destroy on",
        "set-option status off",
        "set-option -w remain-on-exit off",
    )
    # `if-shell` keeps tmux from starting a server: only a command named on the command line can ask for that.
    # `-u`: without it a client in a locale that is not UTF-8 gets every other character as `_`.
    return [binary, "-u", "-S", str(socket), "-C", "if-shell", "-F", "1", start]


async def connect(
    socket: Path,
    *,
    binary: str = "tmux",
    folder: Path | None = None,
    deadline_s: float = CONNECT_S,
    on_lost: Callable[[Connection], None] | None = None,
) -> Connection:
    """A connection to the server that listens at `socket`. Never starts one. Raises `TmuxError`.

    `folder` (by default the system's for temporary files) holds a FIFO while the connection lasts.
    """
    await inquire(socket, binary=binary, deadline_s=deadline_s)
    connection = await attach(socket, binary=binary, folder=folder, deadline_s=deadline_s)
    if on_lost is not None:
        connection.on_lost = on_lost
    return connection


async def attach(
    socket: Path, *, binary: str = "tmux", folder: Path | None = None, deadline_s: float = CONNECT_S
) -> Connection:
    """As `connect`, to a server that has just answered an inquiry."""
    # A name that no other connection has: of ours that ends just now, or of a daemon with our process id in
    # another process namespace.
    name = f"{OUR_SESSION}{os.getpid()}{secrets.randbelow(10**6):06d}"
    connection = await _spawn(socket, binary, name, Leash(folder or Path(tempfile.gettempdir())))
    try:
        await connection.introduce(deadline_s)
    except BaseException:
        connection.abort()
        raise
    return connection


async def _spawn(socket: Path, binary: str, name: str, leash: Leash) -> Connection:
    try:
        process = start(_command_line(binary, socket, name, leash), stdin=subprocess.PIPE)
    except TmuxError:
        leash.cut()
        raise
    loop = asyncio.get_running_loop()
    connection = Connection(socket, name, process, leash)
    connection._stdin, _ = await loop.connect_write_pipe(asyncio.Protocol, process.stdin)  # noqa: SLF001
    await loop.connect_read_pipe(lambda: connection, process.stdout)
    return connection


def parse_version(text: str) -> tuple[int, int, str]:
    """`3.3a` as `(3, 3, "a")`; `next-3.8` as the version it will be. Unknown forms count as very new."""
    digits = text.removeprefix("next-").removeprefix("openbsd-")
    major, _, rest = digits.partition(".")
    minor = rest.rstrip("abcdefghijklmnopqrstuvwxyz-")
    if not (major.isdigit() and minor.isdigit()):
        return (99, 0, text)
    return (int(major), int(minor), rest[len(minor) :])
