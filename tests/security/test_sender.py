"""Who really sent a message stands beside who says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux


def send_from(tmux: Tmux, daemon: Daemon, session: str, *words: str) -> None:
    """Have the shell of `session` run `ts-ipc send WORDS`."""
    environment = f"env TS_IPC_DIR={daemon.directory} PYTHONPATH={ROOT}"
    command = f"{sys.executable} -m tsipc_client send {' '.join(words)}"
    line = f"{environment} {command}; echo $? >>{daemon.directory}.sent"
    tmux.run("send-keys", "-t", f"={session}:", "-l", line)
    tmux.run("send-keys", "-t", f"={session}:", "Enter")


def test_a_false_sender_is_seen_through(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """A process in the pane of `liar` says that it is `boss`: both stand in the message and its view."""
    tmux.session("liar")
    tmux.session("boss")
    send_from(tmux, daemon, "liar", "boss", "boss", "pay", "notification")
    until(Path(f"{daemon.directory}.sent").exists, what="it was sent", within_s=60)
    (message,) = daemon.call("queue")["messages"]
    assert (message["source"], message["observed"]) == ("boss", "liar")
    assert daemon.call("show", id=message["id"])["message"]["observed"] == "liar"
    view = short_path / "ipc/queue" / f"{message['id']}.json"
    until(view.exists, what="the view is written")
    assert json.loads(view.read_text())["observed"] == "liar"


def test_a_false_sender_can_be_refused(make: Callable[..., Daemon], tmux: Tmux) -> None:
    """With the setting only the session itself may say that it is the sender; from outside nobody can."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    (daemon.directory / "config.toml").write_text('[delivery]\nsender = "observed"\n')
    daemon.start()
    tmux.session("liar")
    tmux.session("boss")
    for words in (("boss", "boss", "pay"), ("liar", "boss", "hello"), (".", "boss", "again")):
        send_from(tmux, daemon, "liar", *words, "notification")
    statuses = Path(f"{daemon.directory}.sent")
    until(lambda: statuses.exists() and len(statuses.read_text().split()) == 3, what="all ended", within_s=90)
    assert statuses.read_text().split() == ["7", "0", "0"]
    assert {message["source"] for message in daemon.call("queue")["messages"]} == {"liar"}
    for method, params in (("send", {"target": "boss", "message": "x"}), ("publish", {"event": "e"})):
        answer = call(daemon.socket_path, method, source="boss", **params)
        assert answer["error"]["data"]["code"] == "not_allowed", answer
