"""A live daemon under mutated sequences of valid requests, over both encodings, in one piece or in many.

After each burst it must still be the same process, answer a stranger at once, and have logged no defect.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS
from tests.support.daemon import Daemon
from tsipc_client.wire.frames import frame
from tsipc_client.wire.text import is_safe

NAME: Final = "live"
CONNECTIONS: Final = 12
MOST_MESSAGES: Final = 40
ANSWER_S: Final = 60.0
DEFECTS: Final = ("Traceback", " ERROR ", " CRITICAL ", "exception was never retrieved")

_SEEDS: Final = next(target for target in TARGETS if target.name == "requests").seeds()


@contextlib.contextmanager
def running() -> Iterator[Daemon]:
    """A daemon with a home and a tmux folder of its own."""
    home = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    daemon = Daemon(home / "ipc", {"TMUX_TMPDIR": str(home), "HOME": str(home)})
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
        shutil.rmtree(home, ignore_errors=True)


def burst(daemon: Daemon, seed: int) -> tuple[int, str]:
    """Say mutated things on some connections; how many, and what is wrong with the daemon now."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
    number = 0
    for _ in range(CONNECTIONS):
        messages = [chance.choice(_SEEDS) for _ in range(chance.randint(1, MOST_MESSAGES))]
        number += len(messages)
        _say(daemon, chance, messages)
    return number, _fault(daemon)


def _say(daemon: Daemon, chance: random.Random, messages: list[bytes]) -> None:
    in_lines = chance.random() < 0.5
    data = b"".join(
        _changed(chance, message) + b"\n" if in_lines else frame(_changed(chance, message) or b"\xc0")
        for message in messages
        if (message[:1] == b"{") == in_lines or chance.random() < 0.1
    )
    if chance.random() < 0.3:
        data = _changed(chance, data)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        connection.connect(str(daemon.socket_path))
        size = chance.choice((len(data) or 1, 1 + len(data) // 3))
        for at in range(0, len(data), size):
            connection.sendall(data[at : at + size])
        if chance.random() < 0.2:
            return  # it hangs up, and reads nothing
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


def _changed(chance: random.Random, data: bytes) -> bytes:
    if chance.random() < 0.7:
        data = mutated(chance, [data])
    # `stop` is a request like any other: it must not end the fuzzing.
    return data.replace(b"stop", b"st0p")


def _fault(daemon: Daemon) -> str:
    if daemon.process is None or daemon.process.poll() is not None:
        return f"the daemon ended: {daemon.log.read_text()[-2000:]}"
    try:
        daemon.call("hello")
    except (OSError, AssertionError, json.JSONDecodeError) as error:
        return f"it does not answer any more: {error!r}"
    text = daemon.log.read_text(errors="surrogateescape")
    if defects := [line for line in text.splitlines() if any(word in line for word in DEFECTS)]:
        return f"it logged: {defects[:5]}"
    if raw := {char for char in text if char != "\n" and not is_safe(char)}:
        return f"its log holds {raw!r}"
    return ""
