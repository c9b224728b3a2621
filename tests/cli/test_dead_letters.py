"""A dead letter with everything real: told, listed, sent once more after a SIGKILL, and forgotten."""

from __future__ import annotations

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

SHELLS = {"bash": "exec /bin/bash --norc --noprofile", "dash": "PS1='$ ' exec dash"}


@pytest.mark.parametrize("shell", SHELLS)
def test_from_its_death_to_its_delivery(daemon: Daemon, tmux: Tmux, shell: str) -> None:
    """The target does not exist in time; when it does, the letter is typed once, whoever asks how often."""
    tmux.session("a")
    tmux.session("b", SHELLS[shell])
    daemon.call("sessions")
    tmux.run("kill-session", "-t", "=b:")
    sent = daemon.call("send", source="a", target="b", message="echo 'ali''ve'", ttl_s=0.5)["id"]
    until(lambda: daemon.status_of(sent) == "expired", what="its end")
    notice = daemon.call("queue")["messages"][-1]
    assert (notice["source"], notice["target"], notice["type"]) == ("ts-ipc", "a", "notification")
    assert notice["message"].startswith(f"{sent} to b expired: ")
    assert [x["id"] for x in daemon.call("queue", dead=True)["messages"]] == [sent]
    tmux.session("b", SHELLS[shell])
    again = daemon.call("retry", id=sent)["id"]
    daemon.kill()
    daemon.start()
    assert daemon.call("retry", id=sent)["id"] == again
    # The time to live is as short as it was: it may have died once more, and is sent once more then.
    while daemon.call("wait", id=again)["status"] == "expired":
        again = daemon.call("retry", id=again)["id"]
    assert daemon.status_of(again) == "delivered"
    until(lambda: "\nalive" in tmux.screen("b"), what="the command ran")
    assert daemon.call("queue", dead=True)["messages"] == []
    assert tmux.screen("b").count("\nalive") == 1


def test_forgetting(daemon: Daemon, tmux: Tmux) -> None:
    """Its file goes too, and the next life does not list it either."""
    tmux.session("a")
    tmux.session("b")
    daemon.call("sessions")
    tmux.run("kill-session", "-t", "=b:")
    sent = daemon.call("send", source="a", target="b", message="true", ttl_s=0.1)["id"]
    until(lambda: daemon.status_of(sent) == "expired", what="its end")
    file = daemon.directory / "queue" / f"{sent}.json"
    until(file.exists, what="its file")
    assert daemon.call("purge") == {"purged": 1}
    until(lambda: not file.exists(), what="its file is gone")
    daemon.kill()
    daemon.start()
    assert [x["id"] for x in daemon.call("queue")["messages"]] == ["msg-2"]
