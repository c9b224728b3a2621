"""`ts-ipc run` in a real terminal, against a daemon that a test moves on.

    python live_driver.py short|long FIFO WORDS...

Each line of the FIFO is one of `samples.RUN_NEWS` by its index, `print ESCAPED`, `now` (a step starts), or
`end STATUS [LOG]`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["TYPER_USE_RICH"] = "0"

from tests.cli import samples
from tsipc_client.cli import app, deliver, oneshot
from tsipc_client.cli.orders import Options
from tsipc_client.wire.messages import Progress, Request, Result, RunEnded, RunStatus
from tsipcd.server import encode


class ScriptedDaemon:
    """Says what the FIFO tells it to say, when it tells it."""

    def __init__(self, script: Path) -> None:
        self._script = script

    @contextmanager
    def connect(self, options: Options, *, start: bool = True) -> Iterator[ScriptedDaemon]:
        assert options.timeout_s is None
        assert start
        yield self

    def call(self, request: Request, on_progress: Callable[[Progress], None] | None = None) -> Result:
        assert on_progress is not None, request
        for said in self._said():
            if isinstance(said, RunEnded):
                return said
            on_progress(said)
        raise EOFError("the test ended without an end")

    def serve(self, listener: socket.socket) -> None:
        """The same to one client over a socket."""
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            for said in self._said():
                if isinstance(said, RunEnded):
                    connection.sendall(encode.result(1, said, lines=False))
                    return
                connection.sendall(encode.progress(1, said, lines=False))

    def _said(self) -> Iterator[Progress | RunEnded]:
        with self._script.open() as lines:
            for line in lines:
                word, *rest = line.split()
                if word == "end":
                    yield samples.ended(RunStatus(rest[0]), log=rest[1] if rest[1:] else "")
                elif word == "print":
                    yield _printed(line.partition(" ")[2].rstrip("\n"))
                elif word == "now":
                    yield _begun_now()
                else:
                    yield samples.RUN_NEWS[int(word)]


def _printed(escaped: str) -> Progress:
    news = samples.RUN_NEWS[1]
    return replace(news, step=replace(news.step, last_line=escaped.encode().decode("unicode_escape")))


def _begun_now() -> Progress:
    news = samples.RUN_NEWS[1]
    return replace(news, step=replace(news.step, started_at=time.time()))


def main() -> int:
    way, script, *words = sys.argv[1:]
    daemon = ScriptedDaemon(Path(script))
    if way == "long":
        deliver.connect = daemon.connect
        return app.run(words)
    state = Path(script).parent
    os.environ["TS_IPC_DIR"] = str(state)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / "ipc.sock"))
        listener.listen()
        threading.Thread(target=daemon.serve, args=(listener,), daemon=True).start()
        status = oneshot.run(words)
    assert status is not None
    return status


if __name__ == "__main__":
    sys.exit(main())
