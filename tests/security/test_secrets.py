"""What a message says is in its own file and nowhere else; what a secret one says is in no view at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.conftest import ts_ipc
from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

BODY, SECRET = "an ordinary sentence", "hunter2-hunter2"
WITHOUT_BODIES = ("events.log", "events.position", "subscriptions.json", "lock")


def holding(folder: Path, text: str) -> set[str]:
    """The files below `folder` that hold the text, by name."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    }


def test_bodies_are_in_no_log(make: Callable[..., Daemon], tmux: Tmux) -> None:
    """Commands, notifications, data and events: the logs tell that they were, not what they said."""
    tmux.session("work")
    daemon = make()
    daemon.start()
    daemon.call("subscribe", session="work", event="e", action="command")
    for kind in ("command", "notification", "data"):
        daemon.call("send", source="a", target="work", message=f"echo {BODY}", type=kind)
    daemon.call("publish", source="a", event="e", data=f"echo {BODY}")
    until(lambda: len(daemon.call("events", lines=100)["lines"]) >= 8, what="it is logged", within_s=60)
    for name in WITHOUT_BODIES:
        assert BODY not in (daemon.directory / name).read_text(errors="replace"), name
    assert BODY not in daemon.log.read_text()


@pytest.mark.parametrize("kind", ["command", "data"])
def test_a_secret_is_in_no_view(make: Callable[..., Daemon], tmux: Tmux, kind: str) -> None:
    """Not in the queue, its story, an answer, a view or a log; only in the journal, and where it was sent."""
    tmux.session("work")
    daemon = make()
    daemon.start()
    words = ("send", "a", "work", "-", kind, "--secret")
    status, _, told = ts_ipc(daemon.directory, *words, stdin=f"echo {SECRET} >/dev/null")
    assert status == 0, told
    views = daemon.directory / "queue"
    until((views / "msg-1.json").exists, what="the view is written", within_s=60)
    shown = [ts_ipc(daemon.directory, *words)[1] for words in (("queue",), ("queue", "--json"))]
    shown += [ts_ipc(daemon.directory, "show", "msg-1", *more)[1] for more in ((), ("--json",))]
    shown += [ts_ipc(daemon.directory, "events", "100")[1], daemon.log.read_text(), told]
    shown += [json.dumps(daemon.call(verb)) for verb in ("queue", "subscriptions", "sessions", "status")]
    assert not [text for text in shown if SECRET in text]
    assert "a → work" in shown[0]
    found = {name for name in holding(daemon.directory, SECRET) if not name.startswith("journal/")}
    assert found <= {"work.data"}


def test_an_ordinary_body_would_be_found(make: Callable[..., Daemon], tmux: Tmux) -> None:
    """The test above can fail: without --secret the same text is in the queue and its view."""
    tmux.session("work")
    daemon = make()
    daemon.start()
    daemon.call("send", source="a", target="work", message=f"echo {SECRET}", type="notification")
    until(lambda: holding(daemon.directory / "queue", SECRET), what="the view is written")
    assert SECRET in ts_ipc(daemon.directory, "queue")[1]
