"""Who is at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import until
from tsipcd.server.caller import ancestry, credentials, tmux_sockets

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def asleep() -> Iterator[subprocess.Popen[bytes]]:
    """A process that was started with an environment of our choice."""
    environment = {"TMUX": "/tmp/a,b/sock,123,4", "TMUX_TMPDIR": "/tmp/other"}  # noqa: S108 - never opened
    with subprocess.Popen(["/bin/sleep", "60"], env=environment) as process:
        until(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), what="it runs")
        yield process
        process.kill()


def test_the_peer_of_a_socket_is_this_process() -> None:
    """The kernel says which process and user connected."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert credentials(ours) == (os.getpid(), os.geteuid())


def test_ancestors_are_listed_from_the_process_up(asleep: subprocess.Popen[bytes]) -> None:
    """Itself first, then its parent, and so on."""
    chain = ancestry(asleep.pid)
    assert chain[:3] == (asleep.pid, os.getpid(), os.getppid())
    assert 1 in chain or len(chain) < 64


def test_an_orphan_belongs_to_the_terminal_that_it_was_started_in() -> None:
    """Its parent has ended, and init is its parent now; the shell that leads its session is still found."""
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "(sleep 60 & echo $!); exec sleep 60"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert leader.stdout is not None
    with leader, leader.stdout:
        orphan = int(leader.stdout.readline())
        chain = ancestry(orphan)
        os.killpg(leader.pid, 9)
    assert chain[0] == orphan
    assert {leader.pid, os.getpid()} <= set(chain)
    assert len(set(chain)) == len(chain)


def test_a_name_with_parentheses_does_not_confuse(tmp_path: Path) -> None:
    """A process may call itself anything."""
    program = tmp_path / ") S 1 ("
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        until(lambda: b"S 1" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), what="it runs")
        chain = ancestry(process.pid)
        process.kill()
    assert chain[:2] == (process.pid, os.getpid())


def test_the_environment_tells_of_tmux_servers(asleep: subprocess.Popen[bytes]) -> None:
    """The server it runs in, whose path may hold commas, and the one a plain `tmux` would reach."""
    assert tmux_sockets(asleep.pid) == (
        Path("/tmp/a,b/sock"),  # noqa: S108 - never opened
        Path(f"/tmp/other/tmux-{os.geteuid()}/default"),  # noqa: S108 - the same
    )


def test_what_is_gone_is_unknown_and_no_error() -> None:
    """A process may have ended before anybody asks; pid 0 is none."""
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    pid = int(done.stdout)
    for gone in (pid, 0, -1):
        assert ancestry(gone) == ()
        assert tmux_sockets(gone) == ()
