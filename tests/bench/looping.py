"""A thousand sends in a loop, in each of the ways that a script has: one process each, or one for all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench.samples import Row, interleaved
from tests.bench.stage import Stage

SHELLS = ("bash", "zsh")
LOOP = 'i=0; while [ $i -lt {sends} ]; do ts-ipc send bench bench-loop "line $i" data; i=$((i+1)); done'
INIT = 'eval "$(ts-ipc shell-init {shell})"; '

BLOCKING = """
import sys
from tsipc_client import Client
from tsipc_client.wire.messages import MessageType, Send
requests = [
    Send(source="bench", target="bench-loop", message=f"line {n}", type=MessageType.DATA)
    for n in range(int(sys.argv[1]))
]
with Client() as client:
    assert all(hasattr(outcome, "id") for outcome in client.call_many(requests))
"""

ASYNCIO = """
import asyncio, sys
from tsipc_client import AsyncClient
count = int(sys.argv[1])
async def main():
    async with AsyncClient() as client:
        sends = (client.send("bench", "bench-loop", f"line {n}", type="data") for n in range(count))
        await asyncio.gather(*sends)
asyncio.run(main())
"""


def measure(stage: Stage, *, sends: int, rounds: int) -> list[Row]:
    """Each from the start of its process to its end, interleaved; the plain loop does a tenth."""
    stage.shell("bench-loop")
    scripts = Path(sys.executable).parent
    environment = {**stage.daemon.environment, "PATH": f"{scripts}:{stage.daemon.environment['PATH']}"}
    do = partial(_do, environment)
    lines = "".join(f"send bench bench-loop 'line {n}' data\n" for n in range(sends))
    few = max(sends // 10, 1)
    actions: dict[str, Callable[[], None]] = {
        f"{few:,} sends, a process each": partial(do, "", "bash", "-c", LOOP.format(sends=few)),
        f"{sends:,} sends, `ts-ipc pipe`": partial(do, lines, "ts-ipc", "pipe"),
        **{
            f"{sends:,} sends, `shell-init {shell}`": partial(
                do, "", shell, "-c", INIT.format(shell=shell) + LOOP.format(sends=sends)
            )
            for shell in SHELLS
            if shutil.which(shell)
        },
        f"{sends:,} sends, `Client.call_many`": partial(do, "", sys.executable, "-c", BLOCKING, str(sends)),
        f"{sends:,} sends, `AsyncClient`": partial(do, "", sys.executable, "-c", ASYNCIO, str(sends)),
    }
    taken = interleaved(rounds, actions)
    plain = next(iter(actions))
    return [samples.row(name, promise="" if name == plain else "< 2 s") for name, samples in taken.items()]


def _do(environment: dict[str, str], text: str, *command: str) -> None:
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[:2]} ended with {done.returncode}: {done.stderr}"
