"""A real `tsipcd` process with a state folder of its own, spoken to in JSON lines; not through our client."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from tests.support.wait import until

Answer = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class Daemon:
    """One daemon. `start` returns when it serves; `kill` is SIGKILL; `close` may be called at any time.

    `wrapper` goes before its command line and must become the daemon under the same process id (`strace -D`,
    `prlimit`). `weakened`, `MODULE:FUNCTION`, names a safeguard to switch off (tests/faults/weakened.py).
    `prepare` runs in the child before it becomes the daemon.
    """

    def __init__(
        self,
        directory: Path,
        environment: dict[str, str] | None = None,
        *,
        wrapper: Sequence[str] = (),
        weakened: str = "",
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.directory = directory
        self.wrapper = tuple(wrapper)
        self.weakened = weakened
        self.prepare = prepare
        self.environment = {**os.environ, **(environment or {}), "TS_IPC_DIR": str(directory)}
        self.log = directory.parent / f"{directory.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket_path(self) -> Path:
        return self.directory / "ipc.sock"

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    def launch(self) -> None:
        """Start it, and do not wait."""
        program = ("tests.faults.weakened", self.weakened) if self.weakened else ("tsipcd",)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, sys.executable, "-m", *program],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self.prepare,  # noqa: PLW1509 - test processes have one thread
            )

    def start(self) -> None:
        self.launch()
        until(self.serves, what=f"the daemon serves; its log is {self.log}")

    def serves(self) -> bool:
        assert self.process is not None, "not started"
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon exited with {self.process.returncode}:\n{self.log.read_text()}")
        try:
            return "result" in call(self.socket_path, "hello")
        except OSError:
            return False

    def call(self, method: str, **params: Any) -> Answer:
        """The result of one request; an AssertionError with the daemon's error otherwise."""
        answer = call(self.socket_path, method, **params)
        assert "result" in answer, answer
        return cast("Answer", answer["result"])

    def status_of(self, message: str) -> str:
        """Where `message` (its id) is on its way."""
        return str(self.call("show", id=message)["message"]["status"])

    def kill(self) -> None:
        assert self.process is not None, "not started"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def close(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()


def call(path: Path, method: str, **params: Any) -> Answer:
    """The answer to one JSON-RPC request on a connection of its own; notifications before it are skipped."""
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n"
    with socket.socket(socket.AF_UNIX) as connection, contextlib.ExitStack() as stack:
        connection.settimeout(60)
        connection.connect(str(path))
        connection.sendall(request.encode())
        for line in stack.enter_context(connection.makefile("rb")):
            answer = cast("Answer", json.loads(line))
            if answer.get("id") == 1 and "method" not in answer:
                return answer
    raise ConnectionError(f"the daemon closed the connection without an answer to {method}")
