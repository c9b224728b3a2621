"""More work than may wait, less memory than has to be free: refused before it is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.tally import Tally
from tests.spec.conftest import Shell
from tests.support.daemon import call
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipc_client.client import Client
from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import Send, Sent

TEBIBYTES = 1 << 50
CAP = 20


@pytest.fixture
def shell(short_path: Any) -> Iterator[Shell]:
    """A home with a session `w`, whose subscribers `x` and `y` do not exist yet."""
    shell = Shell(short_path)
    shell.tmux.session("w")
    shell.ok("ts-ipc subscribe w e data; ts-ipc subscribe x e command; ts-ipc subscribe y e command")
    yield shell
    shell.close()


def configure(shell: Shell, text: str) -> None:
    """The daemon's next life has these settings."""
    (shell.ipc / "config.toml").write_text(text)
    shell.ok("ts-ipc daemon restart")


def waiting(shell: Shell) -> int:
    return int(call(shell.ipc / "ipc.sock", "status")["result"]["waiting"])


def test_a_full_queue_refuses_and_says_which_setting(shell: Shell, tally: Tally) -> None:
    """Status 7, and nothing of it is there; what ends makes room, and without the setting there is no cap."""
    configure(shell, "[queue]\nmax_waiting = 3\n")
    shell.ok("ts-ipc send a x 1; ts-ipc send a x 2; ts-ipc send a y 3 --key k")
    ran = shell.run("ts-ipc send a y 4")
    assert (ran.status, ran.out) == (7, "")
    assert "3 of at most 3 messages wait already" in ran.err
    assert "[queue] max_waiting in config.toml" in ran.err
    assert shell.ok("ts-ipc send a y 3 --key k") == "msg-3\n"
    shell.ok("ts-ipc cancel msg-1")
    ran = shell.run("ts-ipc publish a e true")
    assert (ran.status, ran.out) == (7, "")
    assert waiting(shell) == 2
    assert not (shell.ipc / "w.data").exists()
    configure(shell, "")
    assert shell.ok("ts-ipc publish a e true").split() == ["msg-4", "msg-5", "msg-6"]
    tally.add("full queues")


def test_a_full_target_leaves_the_others_alone(shell: Shell, tally: Tally) -> None:
    """An event with one subscriber too many is refused whole."""
    configure(shell, "[queue]\nmax_waiting_per_target = 2\n")
    shell.ok("ts-ipc send a x 1; ts-ipc send a x 2")
    ran = shell.run("ts-ipc send a x 3 --json")
    assert ran.status == 7
    assert '"cap": "max_waiting_per_target"' in ran.err.replace('":"', '": "')
    assert shell.run("ts-ipc publish a e true").status == 7
    shell.ok("ts-ipc send a y 1; ts-ipc send a w true")
    shell.delivered("msg-4")
    tally.add("full queues")


@pytest.mark.parametrize("capped", [True, False], ids=["capped", "control"])
def test_a_burst_over_one_connection_stops_at_the_cap(shell: Shell, tally: Tally, capped: bool) -> None:
    """Exactly so many are accepted, in order; without the cap, all of them."""
    configure(shell, f"[queue]\nmax_waiting = {CAP if capped else 0}\n")
    with Client(shell.ipc) as client:
        outcomes = client.call_many(Send(source="a", target="x", message=f"{n}") for n in range(5 * CAP))
    accepted = [isinstance(outcome, Sent) for outcome in outcomes]
    assert accepted == [n < CAP or not capped for n in range(5 * CAP)]
    assert all(outcome.code is ErrorCode.QUEUE_FULL for outcome in outcomes if isinstance(outcome, Refused))
    assert waiting(shell) == sum(accepted)
    tally.add("refusals", len(accepted) - sum(accepted))


def test_little_memory_refuses_new_work_and_goes_on_with_the_old(shell: Shell, tally: Tally) -> None:
    """What waits is delivered, a run begun before goes on step by step; with less to be free all is taken."""
    shell.ok("ts-ipc workflow long 'w:read -r line' 'w:echo second-$line'; ts-ipc run long --detach")
    shell.ok("ts-ipc send a x 'echo came'")
    until(lambda: "started" in shell.ok("ts-ipc show msg-1"), what="the first step")
    configure(shell, f"[queue]\nmin_free_memory = {TEBIBYTES}\n")
    for command in ("ts-ipc send a w true", "ts-ipc publish a e true", "ts-ipc run long --detach"):
        ran = shell.run(command)
        assert ran.status == 7, ran
        assert "[queue] min_free_memory" in ran.err
    shell.tmux.run("send-keys", "-t", "=w:", "line", "Enter")
    shell.sees("w", "\nsecond-line")
    until(lambda: "END long run-1 success" in shell.ok("ts-ipc events"), what="the run's end")
    Tmux.session(shell.tmux, "x")
    shell.delivered("msg-2")
    configure(shell, "")
    shell.ok("ts-ipc send a w true")
    tally.add("refusals", 3)
