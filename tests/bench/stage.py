"""What a measurement plays on: a real daemon, real tmux sessions with shells, and a line back from them."""

from __future__ import annotations

import itertools
import os
import select
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgpack

from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux

DEADLINE_S = 60.0
FOLDER = "/var/tmp"  # noqa: S108 - the stage is a folder of its own below it
"""On a disk on most machines, where /tmp is often memory."""
LENGTH = struct.Struct(">I")
RESPONSE = b"\x94\x01"
NIL = 0xC0


class Wire:
    """One connection that speaks frames; requests may be in flight together."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")
        self.numbers = itertools.count(1)

    def frame(self, method: str, **params: Any) -> bytes:
        body: bytes = msgpack.packb([0, next(self.numbers), method, params])
        return LENGTH.pack(len(body)) + body

    def answer(self) -> dict[str, Any]:
        """The next response's result; what is streamed in between is skipped."""
        while True:
            (length,) = LENGTH.unpack(self.reader.read(LENGTH.size))
            kind, *rest = msgpack.unpackb(self.reader.read(length))
            if kind == 1:
                _, error, result = rest
                assert error is None, error
                found: dict[str, Any] = result
                return found

    def answers(self, count: int) -> None:
        """Read so many responses, none of them an error. Hardly decoded: that takes a third of a core."""
        left = b""
        while count:
            read = self.socket.recv(1 << 18)
            assert read, "the daemon closed the connection"
            data, at = left + read, 0
            while at + LENGTH.size <= len(data):
                end = at + LENGTH.size + LENGTH.unpack_from(data, at)[0]
                if end > len(data):
                    break
                # [1, id, nil, {...}]: an error is a map, and after it comes nil.
                assert data[at + LENGTH.size : at + LENGTH.size + 2] == RESPONSE, data[at:end]
                assert data[end - 1] != NIL, data[at:end]
                count -= 1
                at = end
            left = data[at:]

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        self.socket.sendall(self.frame(method, **params))
        return self.answer()

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


class Stage:
    """A daemon on a disk, not on a memory file system, and the sessions it finds. `close` takes all away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ti-", dir=FOLDER))
        self.tmux = Tmux(self.folder / "t")
        self.daemon = Daemon(
            self.folder / "ipc",
            {"TMUX_TMPDIR": str(self.tmux.folder), "HOME": str(self.folder), "PYTHONPATH": str(ROOT)},
        )
        self._servers: set[str] = set()
        self.back = self.folder / "back"
        os.mkfifo(self.back)
        self.line = os.open(self.back, os.O_RDWR | os.O_NONBLOCK)

    def start(self) -> Self:
        self.daemon.start()
        return self

    def wire(self) -> Wire:
        return Wire(self.daemon.socket_path)

    def shell(self, name: str) -> None:
        """A session with bash at its prompt, whose descriptor 9 is the line back to `heard`."""
        rc = self.folder / "rc"
        rc.write_text(f"exec 9>{self.back}\nPS1='$ '\nHISTFILE=\n")
        self.tmux.session(name, f"exec bash --noprofile --rcfile {rc}")

    def start_tmux(self, server: str, session: str, command: str) -> None:
        """A session of a tmux server of that name, which is started if it is not there. `close` ends it."""
        self.tmux.run("-L", server, "new-session", "-d", "-s", session, "-x", "100", "-y", "30", command)
        self._servers.add(server)

    def typist(self, sessions: str, text: str) -> Callable[[], None]:
        """Types `text` and Enter into each of the `sessions` (a pattern), unchecked, by one tmux."""
        wanted = f"#{{m:{sessions},#{{session_name}}}}"
        panes = self.tmux.run("list-panes", "-a", "-f", wanted, "-F", "#{pane_id}").split()
        script = self.folder / "typist"
        script.write_text("".join(f"send-keys -t {pane} '{text}' Enter\n" for pane in panes))

        def type_all() -> None:
            self.tmux.run("source-file", str(script))

        return type_all

    def heard(self, count: int) -> None:
        """Return when `count` bytes have come back from the shells."""
        while count > 0:
            ready, _, _ = select.select([self.line], [], [], DEADLINE_S)
            assert ready, f"{count} shells did not answer"
            count -= len(os.read(self.line, 65536))

    def close(self) -> None:
        self.daemon.close()
        self.tmux.close()
        for server in self._servers:
            self.tmux.run("-L", server, "kill-server", check=False)
        os.close(self.line)
        shutil.rmtree(self.folder, ignore_errors=True)
