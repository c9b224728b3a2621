"""`send --at`, `--delay` and `--priority` with a real daemon, real shells and a SIGKILL between."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux

SHELLS = {"bash": "exec /bin/bash --norc --noprofile", "dash": "PS1='$ ' exec dash"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("killed", [False, True])
def test_a_delay_is_kept(daemon: Daemon, tmux: Tmux, shell: str, killed: bool) -> None:
    """Not a moment sooner, also if the daemon dies meanwhile; and then exactly once."""
    tmux.session("b", SHELLS[shell])
    began = time.time()
    sent = daemon.call("send", source="a", target="b", message="echo 'lat''er'", delay_s=2, key="k")
    assert (sent["status"], sent["reason"][:11]) == ("held", "not before ")
    if killed:
        daemon.kill()
        daemon.start()
        assert (
            daemon.call("send", source="a", target="b", message="echo 'lat''er'", delay_s=2, key="k") == sent
        )
    assert daemon.call("wait", id=sent["id"])["status"] == "delivered"
    assert time.time() - began >= 2
    until(lambda: tmux.screen("b").count("\nlater") == 1, what="the command ran")


def test_the_urgent_one_is_typed_first(daemon: Daemon, tmux: Tmux, short_path: Path) -> None:
    """Of what waits behind a command that runs."""
    tmux.session("b")
    gate = short_path / "gate"
    first = f"until [ -e {gate} ]; do sleep 0.05; done"
    daemon.call("send", source="a", target="b", message=first, capture=True)
    ids = [
        daemon.call("send", source="a", target="b", message=f"echo {word}", priority=word, capture=True)["id"]
        for word in ("low", "normal", "high")
    ]
    gate.touch()
    for message in ids:
        assert daemon.call("wait", id=message)["exit_code"] == 0
    log = daemon.directory / "events.log"

    def done() -> list[str]:
        return [line.split()[4] for line in log.read_text().splitlines() if " DONE b " in line]

    until(lambda: len(done()) == 4, what="the log of four ends")
    assert done() == ["msg-1", "msg-4", "msg-3", "msg-2"]
