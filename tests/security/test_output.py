"""Whatever is in names and bodies, what people look at moves no terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from tests.security.conftest import ts_ipc, unsafe_in
from tests.security.hostile import MOVING
from tests.support.daemon import ROOT, Daemon, call
from tests.support.wait import until
from tsipc_client.render import style
from tsipc_client.wire.frames import frame
from tsipcd.views import log

VIEWS = (
    ("queue",),
    ("queue", "--pending"),
    ("queue", "--json"),
    ("show", "msg-1"),
    ("show", "msg-1", "--json"),
    ("events", "100"),
    ("events", "100", "--json"),
    ("subscriptions",),
    ("subscriptions", "--json"),
    ("sessions",),
    ("daemon", "status"),
    ("daemon", "status", "--json"),
)


def show_everything_raw() -> None:
    """Without the safeguard: texts are printed as they are."""
    vars(style)["visible"] = lambda text: text


def write_names_raw() -> None:
    """Without the safeguard: names go into the event log as they are."""
    vars(log)["safe_name"] = lambda name: name


@pytest.fixture
def full(make: Callable[..., Daemon]) -> Daemon:
    """A daemon that has met every body that moves a terminal, and names of that kind from edited files."""
    daemon = make()
    fill(daemon)
    return daemon


def fill(daemon: Daemon) -> None:
    daemon.directory.mkdir(mode=0o700)
    rows = {
        f"s{number} {text}": [{"event": f"e{text}"}, {"event": "e"}] for number, text in enumerate(MOVING)
    }
    (daemon.directory / "subscriptions.json").write_text(json.dumps({"subscriptions": rows}))
    daemon.start()
    for text in MOVING:
        daemon.call("publish", source="a", event="e", data=text)
    until(
        lambda: len(daemon.call("events", lines=1000)["lines"]) >= len(MOVING) ** 2, what="the log is there"
    )


def test_every_view_is_safe(full: Daemon) -> None:
    """Piped: one row for each thing, nothing unsafe in any."""
    for words in VIEWS:
        status, out, err = ts_ipc(full.directory, *words)
        assert status == 0, (words, err)
        assert not unsafe_in(out + err), (words, unsafe_in(out + err))


def test_on_a_terminal_only_our_colours_move_it(full: Daemon) -> None:
    """The same with colours, cut to the width."""
    for words in (("queue",), ("show", "msg-1"), ("subscriptions",), ("events", "100")):
        shown = on_a_terminal([sys.executable, "-m", "tsipc_client", *words], full.directory)
        assert "\x1b[" in shown, words
        assert not unsafe_in(shown.replace("\r\n", "\n")), (words, unsafe_in(shown))


def on_a_terminal(command: list[str], directory: Path) -> str:
    parent, child = pty.openpty()
    environment = {**os.environ, "TS_IPC_DIR": str(directory), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=child, stdout=child, stderr=child
    ) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(parent, 1 << 16):
                shown += part
        except OSError:  # EIO: nobody has the other end any more
            pass
        os.close(parent)
        assert process.wait(60) == 0
    return shown.decode()


def test_without_the_one_function_they_would_not_be(full: Daemon) -> None:
    """The tests above can fail."""
    code = f"import {__name__} as t; t.show_everything_raw(); from tsipc_client.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "queue"],
        cwd=ROOT,
        env={**os.environ, "TS_IPC_DIR": str(full.directory)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert unsafe_in(done.stdout.decode())


def test_what_the_daemon_writes_is_safe(full: Daemon) -> None:
    """Its log, the event log and the views, which people read with `cat`."""
    queue = full.directory / "queue"
    until(lambda: len(list(queue.glob("*.json"))) >= len(MOVING), what="the views are written")
    paths = [full.log, full.directory / "events.log", *queue.glob("*.json")]
    for path in paths:
        assert not unsafe_in(path.read_text()), path
    full.call("subscribe", session="z", event="z")
    assert not unsafe_in((full.directory / "subscriptions.json").read_text())


def test_lines_of_json_are_safe(full: Daemon) -> None:
    """People look at the socket with `nc`: every answer is one line in which all that moves is escaped."""
    for method, params in (("queue", {"limit": 500}), ("subscriptions", {}), ("events", {"lines": 500})):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(full.socket_path))
            connection.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
            line = connection.makefile("rb").readline().decode()
        assert not unsafe_in(line), (method, unsafe_in(line))
    bodies = {view["message"] for view in full.call("queue", limit=500)["messages"]}
    assert {f"Event: e - {text}" for text in MOVING} <= bodies


def test_errors_about_hostile_words_are_safe(full: Daemon) -> None:
    """Of the daemon, and of the command line itself."""
    for text in ("".join(MOVING), "\x9b31mred", "\u202eevil"):
        argument = text.replace("\x00", "")
        for words in (
            ("send", "a", argument, "x"),
            ("send", "a", "b", argument),
            ("show", argument),
            ("run", argument),
            ("cancel", argument),
            ("workflow", argument, argument),
            ("queue", f"--{argument}"),
            (argument,),
        ):
            status, out, err = ts_ipc(full.directory, *words)
            assert status != 0, words
            assert not unsafe_in(out + err), (words, err)


@contextmanager
def impostor(directory: Path, answer: object) -> Iterator[None]:
    """Something that listens where the daemon would, and answers that to whatever it is asked."""
    directory.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "ipc.sock"))
        listener.listen(16)
        listener.settimeout(60)

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(frame(msgpack.packb(answer)))
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)


@pytest.mark.parametrize(
    "answer",
    [
        [1, 1, {"code": "refused", "message": "".join(MOVING), "hint": "".join(MOVING), "data": None}, None],
        [1, None, {"code": "\x1b[31m", "message": "\u202ex", "hint": "\x9b31m", "data": {}}, None],
        [1, 1, None, {"messages": [], "waiting": "\x1b]0;x\x07"}],
        [1, 1, None, "\x1b[31m"],
        "\x1b[31m",
    ],
)
def test_an_error_from_a_hostile_daemon_is_safe(short_path: Path, answer: object) -> None:
    """The client trusts nothing that it prints."""
    directory = short_path / "ipc"
    with impostor(directory, answer):
        for words in (("queue",), ("queue", "--json"), ("send", "a", "b", "c")):
            status, out, err = ts_ipc(directory, *words, TS_IPC_NO_START="1")
            assert status != 0
            assert not unsafe_in(out + err), (words, out, err)


def test_the_daemons_log_is_shown_safely(short_path: Path) -> None:
    """Also what another program wrote there."""
    directory = short_path / "ipc"
    directory.mkdir(mode=0o700)
    (directory / "daemon.log").write_text("\n".join(MOVING))
    status, out, err = ts_ipc(directory, "daemon", "logs", XDG_CONFIG_HOME=str(short_path))
    assert status == 0
    assert re.search(r"\\x1b\[31m", out)
    assert not unsafe_in(out + err)


def test_a_name_in_the_event_log_is_one_word_of_one_line(make: Callable[..., Daemon]) -> None:
    """N events are N lines, whatever the names in edited files are; without the safeguard there are more."""
    for weakened in ("", f"{__name__}:{write_names_raw.__name__}"):
        daemon = make(weakened=weakened)
        daemon.directory.mkdir(mode=0o700, exist_ok=True)
        forged = "x\n2026-01-01T00:00:00+00:00 DELIVER other [command] msg-9"
        (daemon.directory / "subscriptions.json").write_text(
            json.dumps({"subscriptions": {forged: [{"event": "e"}]}})
        )
        daemon.start()
        call(daemon.socket_path, "publish", source="a", event="e", data="x")
        lines = until(lambda d=daemon: d.call("events", lines=100)["lines"], what="it is logged")  # type: ignore[misc]
        assert any(line.endswith("DELIVER other [command] msg-9") for line in lines) == bool(weakened)
        daemon.close()
        (daemon.directory / "events.log").unlink()
