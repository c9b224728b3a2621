"""What a daemon promised to whom, and what a shell saw of it: the oracle of faults that end in a restart.

Each message types `echo KEY` into the shell, which appends the key to a file: that file shows what was really
typed, and how often.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.daemon import ROOT, Answer, Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until

PATIENCE_S = 60.0
"""These machines are shared; no fault takes that long."""

SESSION = "shell"


class Ledger:
    """One state folder and its lives. `start` begins one; `expect_all_once` is the oracle."""

    def __init__(self, place: Path, state: Path) -> None:
        self.place = place
        self.state = state
        self.tmux = Tmux(place / "t")
        self.typed = place / "typed"
        self.typed.touch()
        self.ids: dict[str, str] = {}
        """Of each key that was acknowledged."""
        self.unknown: list[str] = []
        """Keys of requests whose outcome the daemon could not tell."""
        self.kept: list[str] = []
        """Ids of other messages that were acknowledged: they are to be there."""
        self.daemon = self._daemon()

    def _daemon(self, **more: Any) -> Daemon:
        return Daemon(self.state, {"TMUX_TMPDIR": str(self.tmux.folder)}, **more)

    def launch(self, **more: Any) -> None:
        """A new life, with the wrapper or weakness given; the one before is ended."""
        self.daemon.close()
        self.daemon = self._daemon(**more)
        self.daemon.launch()

    def start(self, **more: Any) -> None:
        """A new life, once it serves."""
        self.launch(**more)
        until(self.daemon.serves, what=f"it serves:\n{self.log()}", within_s=PATIENCE_S)

    def serves_or_ended(self) -> str:
        """`serves` or `ended`; empty: neither yet."""
        assert self.daemon.process is not None
        if self.daemon.process.poll() is not None:
            return "ended"
        return "serves" if self.daemon.serves() else ""

    def end_successor(self) -> None:
        """End the daemon that a client has started, if one has."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.state / "lock").read_text())
            mine = self.daemon.process.pid if self.daemon.process is not None else 0
            if (
                pid != mine
                and f"TS_IPC_DIR={self.state}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            ):
                os.kill(pid, signal.SIGTERM)
                until(lambda: not Path(f"/proc/{pid}/fd/0").exists(), what="it ended", within_s=PATIENCE_S)

    def close(self) -> None:
        self.daemon.close()
        self.end_successor()
        self.tmux.close()

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────

    def request(self, key: str) -> dict[str, Any]:
        """What is sent for `key`: always the same."""
        return {"source": "test", "target": SESSION, "message": f"echo {key} >> {self.typed}", "key": key}

    def send(self, key: str) -> str:
        """Send it; empty if it was acknowledged, else the error's code."""
        try:
            return self._note(key, call(self.daemon.socket_path, "send", **self.request(key)))
        except OSError:
            self.unknown.append(key)
            return "unreachable"

    def send_all(self, keys: Sequence[str]) -> list[str]:
        """Send all at once on one connection; the outcome of each, as `send` says it."""
        lines = [
            json.dumps({"jsonrpc": "2.0", "id": number, "method": "send", "params": self.request(key)}) + "\n"
            for number, key in enumerate(keys)
        ]
        outcomes: dict[int, str] = {}
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(ConnectionError):
            connection.settimeout(PATIENCE_S)
            try:
                connection.connect(str(self.daemon.socket_path))
            except OSError:
                self.unknown += keys
                return ["unreachable"] * len(keys)
            connection.sendall("".join(lines).encode())
            with connection.makefile("rb") as stream:
                for line in stream:
                    answer = json.loads(line)
                    outcomes[answer["id"]] = self._note(keys[answer["id"]], answer)
                    if len(outcomes) == len(keys):
                        break
        for number, key in enumerate(keys):
            if number not in outcomes:
                self.unknown.append(key)
        return [outcomes.get(number, "no answer") for number in range(len(keys))]

    def client(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`ts-ipc`, as a user gives the command."""
        return subprocess.run(
            [sys.executable, "-m", "tsipc_client", *words],
            cwd=ROOT,
            env=self.daemon.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def _note(self, key: str, answer: Answer) -> str:
        if "result" in answer:
            self.ids[key] = answer["result"]["id"]
            return ""
        code = str(answer["error"]["data"]["code"])
        if code == "unknown_outcome":
            self.unknown.append(key)
        return code

    # ── judging ───────────────────────────────────────────────────────────────────────────────────────────

    def ended(self) -> int:
        """The exit status, once it has one."""
        assert self.daemon.process is not None
        return self.daemon.process.wait(PATIENCE_S)

    def log(self) -> str:
        """All that its lives said on standard error."""
        return self.daemon.log.read_text()

    def expect_all_once(self) -> None:
        """What was acknowledged is there, and was typed once; so is the unknown when it is sent again."""
        for key in dict.fromkeys(self.unknown):
            assert self.send(key) == "", f"{key} could not be sent again"
        self.expect_kept()
        until(lambda: not (set(self.ids) - set(self._typed())), what="all is typed", within_s=PATIENCE_S)
        self.daemon.call("queue")
        assert self._typed() == Counter(dict.fromkeys(self.ids, 1))

    def expect_kept(self) -> None:
        """Whoever serves now knows everything that was acknowledged."""
        assert len(set(self.ids.values())) == len(self.ids), "two requests share a message"
        for key, id_ in self.ids.items():
            answer = call(self.daemon.socket_path, "show", id=id_)
            assert "result" in answer, f"{key} was acknowledged as {id_}: {answer}"
            assert f"echo {key} " in answer["result"]["message"]["message"], f"{id_} is another message"

    def _typed(self) -> Counter[str]:
        return Counter(self.typed.read_text().split())


@contextlib.contextmanager
def ledger(state: Path | None = None) -> Iterator[Ledger]:
    """One in a folder of its own, in which the state folder is as well if it is not elsewhere."""
    place = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    made = Ledger(place, state or place / "ipc")
    try:
        made.tmux.session(SESSION)
        yield made
    finally:
        made.close()
        shutil.rmtree(place, ignore_errors=True)
