"""A daemon without core, journal and tmux: the real server, the real socket, and answers made up on the spot.

Runs as a process of its own, for tests of clients: `python stub_daemon.py`, with TS_IPC_DIR set.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script

from tests.wire.samples import PROGRESS, RESULTS
from tsipc_client.wire import messages as m
from tsipc_client.wire.address import state_directory
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused
from tsipcd.core.inputs import Call
from tsipcd.server.listener import Server, activated, bind


class StubRuntime:
    """Answers at once, in ways that the body of a `send` chooses."""

    def __init__(self) -> None:
        self.server = Server(self.on_request, self.on_gone)
        self.requests: list[m.Request] = []
        self.pids: list[int] = []
        self.gone: list[int] = []
        self.open: list[Call] = []
        """Asked to wait, by a `send` with the body `wait`; answered in reverse order by one with `go`."""
        self.sent: dict[str, m.Sent] = {}
        self.stopped = asyncio.Event()
        self.on_any: Callable[[], None] | None = None

    def on_request(self, call: Call, pid: int, request: m.Request) -> None:
        self.requests.append(request)
        self.pids.append(pid)
        match request:
            case m.Send():
                self._send(call, request)
            case m.Run():
                self.server.tell(call, replace(PROGRESS, workflow=request.name))
                self.server.tell(call, PROGRESS)
                self.server.reply(call, RESULTS[m.Run])
            case m.Stop():
                self.server.reply(call, m.Stopping(pid=os.getpid()))
                self.stopped.set()
            case m.DaemonStatus():
                status = RESULTS[m.DaemonStatus]
                assert isinstance(status, m.StatusReport)
                self.server.reply(call, replace(status, pid=os.getpid(), clients=self.server.clients))
            case m.Events(lines=lines) if lines > 1000:
                self.server.reply(call, m.LogLines(lines=("x" * lines,), path="/p"))
            case m.Show(id="nothing"):
                self.server.fail(call, BadInput(ErrorCode.UNKNOWN_ID, "nothing is known of it", hint="look"))
            case _:
                self.server.reply(call, RESULTS[type(request)])

    def on_gone(self, peer: int) -> None:
        self.gone.append(peer)

    def _send(self, call: Call, request: m.Send) -> None:
        match request.message:
            case "wait":
                self.open.append(call)
                return
            case "go":
                while self.open:
                    self.server.reply(self.open.pop(), self._sent(""))
            case "die":
                os._exit(1)
            case "die once":
                self._die_once()
            case "stopping":
                self.server.fail(call, Refused(ErrorCode.STOPPING, "the daemon is stopping"))
                self.stopped.set()
                return
            case "unknown outcome":
                self.server.fail(call, Broken(ErrorCode.UNKNOWN_OUTCOME, "the disk failed"))
                self.stopped.set()
                return
            case "defect":
                raise RuntimeError("a defect")
        self.server.reply(call, self._sent(request.key))

    def _die_once(self) -> None:
        mark = state_directory() / "died"
        if not mark.exists():
            mark.touch()
            os._exit(1)

    def _sent(self, key: str) -> m.Sent:
        if key in self.sent:
            return self.sent[key]
        answer = m.Sent(id=f"msg-{len(self.requests)}", status=m.Status.ACCEPTED, target="b")
        if key:
            self.sent[key] = answer
        return answer


async def _serve() -> None:
    runtime = StubRuntime()
    directory = state_directory()
    with (directory / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    await runtime.server.start(activated() or bind(directory))
    (directory / f"ready-{os.getpid()}").touch()
    await runtime.stopped.wait()
    await runtime.server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
