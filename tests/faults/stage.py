"""What faults of tmux play on: servers below one folder, shells that leave marks, witnesses, and a daemon.

A command leaves its mark as a line in the folder of the shell that runs it: typed twice, it is there twice,
and typed elsewhere, it is elsewhere. A witness is a pane that writes down every byte it reads: nobody sends
to it, so it must read none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.daemon import Answer, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

WITHIN_S = 60.0
"""No test waits longer for anything; none is expected to wait long."""

SHELLS = {
    "bash": "exec bash --noprofile --norc",
    "zsh": "exec zsh -f",
    "fish": "exec fish --no-config",
    "dash": "exec dash -i",
    "ksh": "exec ksh -i",
}
MARKS = "marks"
FENCE = "fence"
"""A mark of the test's own, see `Seat.fence`."""
ENDED = frozenset({"delivered", "done", "failed", "expired", "cancelled", "in-doubt", "dead"})


def mark(what: object) -> str:
    """A command that leaves this mark, in any shell."""
    return f"echo {what} >>{MARKS}"


def shells() -> list[str]:
    """Those of `SHELLS` that are installed."""
    return [kind for kind in SHELLS if shutil.which(kind)]


def other_releases() -> list[str]:
    """`VERSION/tmux` of each release of tmux under `TS_IPC_TMUX_VERSIONS`."""
    return [
        str(path) for path in sorted(Path(os.environ.get("TS_IPC_TMUX_VERSIONS", "/none")).glob("*/tmux"))
    ]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    return Path(f"/proc/{pid}/fd/0").exists()


def _reading(file: Path) -> str:
    return f"stty raw -echo; : >{file}; printf reading; exec cat >{file}"


class Server(Tmux):
    """One tmux server, on the socket `name` of the folder. Its first session starts it."""

    def __init__(self, folder: Path, name: str, binary: str = "tmux") -> None:
        super().__init__(folder, binary)
        self.name = name
        self.environment |= {"HOME": str(folder), "ENV": ""}

    @property
    def socket(self) -> Path:
        return self.folder / f"tmux-{os.getuid()}" / self.name

    @property
    def pid(self) -> int:
        return int(self.run("display-message", "-p", "#{pid}"))

    def run(self, *arguments: str, check: bool = True) -> str:
        return super().run("-u", "-L", self.name, *arguments, check=check)

    def ask(self, pane: str, form: str) -> str:
        """What a format expands to for the pane."""
        return self.run("display-message", "-p", "-t", pane, form).rstrip("\n")

    def screen(self, session: str) -> str:
        """The text of a pane, `%N`, or of a session's active one."""
        target = session if session[:1] == "%" else f"={session}:"
        return self.run("capture-pane", "-p", "-J", "-t", target).rstrip()

    def keys(self, pane: str, text: str, *keys: str) -> None:
        """What a person types there: `text`, then `keys` by their names."""
        if text:
            self.run("send-keys", "-t", pane, "-H", *(f"{byte:02x}" for byte in text.encode()))
        if keys:
            self.run("send-keys", "-t", pane, *keys)

    def control_clients(self) -> list[int]:
        """The processes of the clients that daemons have here."""
        listed = self.run("list-clients", "-F", "#{client_control_mode} #{client_pid}", check=False)
        return [int(line.split()[1]) for line in listed.splitlines() if line.startswith("1 ")]

    def private_sessions(self) -> list[str]:
        """The ids of the sessions that daemons have here."""
        listed = self.run("list-sessions", "-F", "#{session_id} #{session_name}", check=False)
        return [line.split()[0] for line in listed.splitlines() if line.split()[1].startswith("~ts-ipc")]

    def kill(self, *, pid: int = 0, politely: bool = False) -> None:
        """SIGKILL, after which its socket remains, or `kill-server`; returns when it is gone."""
        pid = pid or self.pid
        if politely:
            self.run("kill-server", check=False)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid), what="the tmux server is gone", within_s=WITHIN_S)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[int]:
        """It stands still meanwhile; gives its process."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@dataclass
class Seat:
    """One session, the pane it began with, and the folder in which its commands leave marks."""

    server: Server
    name: str
    folder: Path
    pane: str
    pid: int
    """Of its shell."""
    server_pid: int

    @property
    def marked(self) -> list[str]:
        """The marks, in the order in which they were left."""
        return [mark for mark in self._lines if mark != FENCE]

    def mark(self, what: object) -> str:
        """A command that leaves this mark here, in any shell."""
        return mark(what)

    def shows(self, text: str) -> None:
        """Wait until the screen of its pane has the text."""
        until(
            lambda: text in self.server.screen(self.pane), what=f"{text!r} in {self.name}", within_s=WITHIN_S
        )

    def fence(self) -> None:
        """Wait until its shell has run everything that was typed so far, by typing one command more."""
        before = self._lines.count(FENCE)
        self.server.keys(self.pane, mark(FENCE), "Enter")
        until(
            lambda: self._lines.count(FENCE) > before,
            what=f"{self.name} runs what was typed",
            within_s=WITHIN_S,
        )

    @property
    def _lines(self) -> list[str]:
        marks = self.folder / MARKS
        return marks.read_text().splitlines() if marks.exists() else []


class Stage:
    """A daemon and the tmux servers it finds, all in one folder. `close` ends all of it."""

    def __init__(self, folder: Path, *, binary: str = "tmux", weakened: str = "") -> None:
        self.folder = folder
        self.binary = binary
        self.servers: dict[str, Server] = {}
        self._witnesses: list[Path] = []
        self.daemon = Daemon(
            folder / "ipc", {"TMUX_TMPDIR": str(folder / "t"), "HOME": str(folder)}, weakened=weakened
        )
        (folder / "ipc").mkdir(mode=0o700)
        if binary != "tmux":
            (folder / "ipc/config.toml").write_text(f'[tmux]\nbinary = "{binary}"\n')

    def server(self, name: str) -> Server:
        """The server of that name; nothing runs before its first session."""
        if name not in self.servers:
            self.servers[name] = Server(self.folder / "t", name, self.binary)
        return self.servers[name]

    def seat(
        self, server: str, name: str, kind: str = "bash", *, witness: str = "", command: str = ""
    ) -> Seat:
        """A new session with a shell at its prompt, in a folder of its own.

        `witness`, "before" or "behind", makes one in the same moment, so that it has the pane id 0 or 1:
        while the daemon meets a server that starts, further sessions may crash some releases of tmux.
        """
        if shutil.which(kind) is None:
            pytest.skip(f"{kind} is not installed")
        tmux = self.server(server)
        home = self.folder / f"{server}-{len(list(self.folder.iterdir()))}"
        home.mkdir()
        words = self._new_session(name, command or SHELLS[kind], home)
        if witness:
            file = home / "read"
            other = self._new_session(f"witness-{home.name}", _reading(file), home)
            words = [*other, ";", *words] if witness == "before" else [*words, ";", *other]
            self._witnesses.append(file)
        tmux.run(*words)
        pane, pid, server_pid = tmux.ask(f"={name}:", "#{pane_id} #{pane_pid} #{pid}").split()
        until(lambda: tmux.screen(pane), what=f"a prompt of {kind}", within_s=WITHIN_S)
        return Seat(tmux, name, home, pane, int(pid), int(server_pid))

    def _new_session(self, name: str, command: str, folder: Path) -> list[str]:
        return ["new-session", "-d", "-s", name, "-x", "120", "-y", "40", "-c", str(folder), command]

    def witness(self, server: str, name: str = "witness") -> str:
        """A pane of a session that nobody sends to; it writes down what it reads. Returns its id."""
        return self.recorder(server, name, self.folder / f"{server}-{name}.read", is_witness=True)

    def recorder(self, server: str, name: str, file: Path, *, is_witness: bool = False) -> str:
        """A session whose program takes every byte as it comes and writes it to `file`."""
        tmux = self.server(server)
        tmux.run(*self._new_session(name, _reading(file), self.folder))
        until(lambda: "reading" in tmux.screen(name), what=f"{name} reads", within_s=WITHIN_S)
        if is_witness:
            self._witnesses.append(file)
        return tmux.ask(f"={name}:", "#{pane_id}")

    def witnessed(self) -> bytes:
        """Everything that came into panes that nobody sent to."""
        return b"".join(file.read_bytes() for file in self._witnesses if file.exists())

    # ── asking the daemon ─────────────────────────────────────────────────────────────────────────────────

    def send(self, target: str, message: str, **more: Any) -> str:
        """The id of a new command, which is durable."""
        answer = self.daemon.call("send", source="tester", target=target, message=message, **more)
        return str(answer["id"])

    def messages(self) -> dict[str, Answer]:
        """The latest messages, by id."""
        return {message["id"]: message for message in self.daemon.call("queue", limit=1000)["messages"]}

    def becomes(self, message: str, status: str, reason: str = "") -> Answer:
        """Wait until the message has that status, with `reason` in its reason."""

        def is_so() -> Answer | None:
            seen.append(self.daemon.call("show", id=message)["message"])
            if seen[-1]["status"] in ENDED - {status}:
                raise AssertionError
            return seen[-1] if seen[-1]["status"] == status and reason in seen[-1].get("reason", "") else None

        seen: list[Answer] = []
        try:
            return until(is_so, what=f"{message} is {status} {reason}", within_s=WITHIN_S) or {}
        except AssertionError:
            raise AssertionError(f"{message} is not {status} ({reason}), but {seen[-1]}") from None

    def settle(self, messages: Sequence[str]) -> list[str]:
        """Wait until all of them have ended; how, in that order."""
        known = self.messages()

        def have_ended() -> bool:
            nonlocal known
            known = self.messages()
            return all(known[message]["status"] in ENDED for message in messages)

        try:
            until(have_ended, what="all messages have ended", within_s=WITHIN_S)
        except AssertionError:
            late = [known[message] for message in messages if known[message]["status"] not in ENDED]
            raise AssertionError(f"these do not end: {late}; {self.report()}") from None
        return [str(known[message]["status"]) for message in messages]

    def report(self) -> str:
        """What can be seen, for the message of a test that waits in vain."""
        panes = ["log:", self.daemon.log.read_text()]
        for server in self.servers.values():
            form = "#{pane_id} #{session_name} #{pane_width}x#{pane_height} at #{cursor_x},#{cursor_y}"
            for line in server.run("list-panes", "-a", "-F", form, check=False).splitlines():
                shown = server.run("capture-pane", "-p", "-t", line.split()[0], check=False)
                panes += [f"── {server.name} {line}", shown.rstrip()]
        return "\n".join(panes)

    def restart(self) -> None:
        """SIGKILL the daemon and start it again."""
        self.daemon.kill()
        self.daemon.start()

    def close(self) -> None:
        """End everything that was started, in whatever state it is."""
        self.daemon.close()
        for server in self.servers.values():
            server.close()


class Line:
    """A connection that may have many requests in flight, in JSON lines."""

    def __init__(self, path: Path, *, within_s: float = WITHIN_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(within_s)
        self._socket.connect(str(path))
        self._reader = self._socket.makefile("rb")
        self._asked = 0

    def ask(self, method: str, params: dict[str, Any]) -> int:
        """Send a request; its number."""
        self._asked += 1
        request = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return self._asked

    def answer(self) -> Answer:
        """The next answer: `id`, and `result` or `error`. An empty one: the daemon is gone."""
        while True:
            try:
                line = self._reader.readline()
            except OSError:
                return {}
            if not line.endswith(b"\n"):
                return {}
            answer: Answer = json.loads(line)
            if "method" not in answer:
                return answer

    def result(self, method: str, **params: Any) -> Answer:
        """The result of one request, with nothing else in flight."""
        number = self.ask(method, params)
        answer = self.answer()
        assert answer.get("id") == number, answer
        assert "result" in answer, answer
        result: Answer = answer["result"]
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()


def descendants(pid: int) -> list[int]:
    """The processes below `pid`."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    """Those that have ended are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def output_of(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
