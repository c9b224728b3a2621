"""Another user of the machine gets nothing in, nothing out, and cannot pass for the daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.conftest import VICTIM, WITHIN_S, Stranger, settle, ts_ipc
from tests.support.daemon import ROOT, Daemon
from tests.support.wait import until
from tsipc_client.cli import oneshot
from tsipc_client.wire.text import visible
from tsipcd.server import listener
from tsipcd.server.caller import Credentials

ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(60)
    try:
        connection.connect(sys.argv[1])
        connection.sendall(b'{"id": 1, "method": "queue"}\\n')
        print("answered" if connection.recv(1000) else "hung up")
    except PermissionError:
        print("not allowed")
    except (BrokenPipeError, ConnectionResetError):
        print("hung up")
"""

LISTEN = """
import os, socket, sys
os.umask(0)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(8)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(60)
    print("heard", connection.recv(10_000).hex(), flush=True)
"""

LOOK = """
import os, sys
for top, _, files in os.walk(sys.argv[1], onerror=print):
    for name in files:
        try:
            print("read", open(os.path.join(top, name), "rb").read(10))
        except OSError as error:
            print(type(error).__name__)
"""


def admit_everybody() -> None:
    """Without the safeguard: the peer's user does not matter."""
    vars(listener)["credentials"] = lambda _connection: Credentials(0, os.geteuid())


def trust_every_listener() -> None:
    """Without the safeguard: the client talks to whoever listens."""
    vars(oneshot)["is_ours"] = lambda _connection: True


def open_wide(daemon: Daemon) -> None:
    """As if its owner had made everything accessible by mistake."""
    daemon.directory.parent.chmod(0o755)
    daemon.directory.chmod(0o755)
    daemon.socket_path.chmod(0o666)


def test_the_socket_is_out_of_their_reach(
    make: Callable[..., Daemon], stranger: Stranger, short_path: Path
) -> None:
    """The folder keeps them from it, also where everybody may enter what is above."""
    short_path.chmod(0o755)
    daemon = make()
    daemon.start()
    assert stranger.run(ASK, daemon.socket_path) == "not allowed\n"


def test_they_are_turned_away_even_at_an_open_socket(make: Callable[..., Daemon], stranger: Stranger) -> None:
    """Who connects is asked of the kernel, and they hear nothing; others are served, and it is in the log."""
    daemon = make()
    daemon.start()
    open_wide(daemon)
    assert stranger.run(ASK, daemon.socket_path) == "hung up\n"
    assert daemon.call("queue")["messages"] == []
    until(lambda: f"of user {stranger.uid}" in daemon.log.read_text(), what="it is in the log")


def test_without_the_check_they_would_be_served(make: Callable[..., Daemon], stranger: Stranger) -> None:
    """The test above can fail."""
    daemon = make(weakened=f"{__name__}:{admit_everybody.__name__}")
    daemon.start()
    open_wide(daemon)
    assert stranger.run(ASK, daemon.socket_path) == "answered\n"


def test_they_read_nothing(make: Callable[..., Daemon], stranger: Stranger) -> None:
    """Neither names nor content; and with the folder opened by mistake still not what is in the files."""
    daemon = make()
    daemon.start()
    daemon.call("subscribe", session="b", event="e")
    daemon.call("send", source="a", target="b", message="tell nobody", type="data")
    until((daemon.directory / "queue/msg-1.json").exists, what="the view is written")
    daemon.directory.parent.chmod(0o755)
    assert "read" not in stranger.run(LOOK, daemon.directory)
    for top, folders, _ in os.walk(daemon.directory):
        for name in (".", *folders):
            Path(top, name).chmod(0o755)
    seen = stranger.run(LOOK, daemon.directory)
    assert "PermissionError" in seen
    assert "read" not in seen


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777])
def test_a_folder_of_theirs_is_refused(
    make: Callable[..., Daemon], stranger: Stranger, public: Path, mode: int
) -> None:
    """They made it first, where we wanted ours: daemon and client say so, and leave nothing there."""
    folder = public / "ipc"
    folder.mkdir()
    folder.chmod(mode)
    stranger.owns(folder)
    daemon = make(folder)
    daemon.launch()
    assert not settle(daemon)
    assert f"belongs to uid {stranger.uid}" in daemon.log.read_text()
    status, _, told = ts_ipc(folder, "queue")
    assert status != 0
    assert f"belongs to user {stranger.uid}" in told
    assert list(folder.iterdir()) == []


def test_a_link_of_theirs_in_place_of_the_folder_is_refused(
    make: Callable[..., Daemon], stranger: Stranger, public: Path, short_path: Path
) -> None:
    """It leads to a folder of ours whose mode would be changed, and in which files would be made."""
    ours = short_path / "www"
    ours.mkdir(mode=0o755)
    link = public / "ipc"
    link.symlink_to(ours)
    os.chown(link, stranger.uid, stranger.gid, follow_symlinks=False)
    daemon = make(link)
    daemon.launch()
    assert not settle(daemon)
    assert ts_ipc(link, "queue")[0] != 0
    assert ours.stat().st_mode & 0o777 == 0o755
    assert list(ours.iterdir()) == []


def test_a_place_where_everybody_may_swap_folders_is_refused(
    make: Callable[..., Daemon], short_path: Path
) -> None:
    """Nothing keeps them from putting theirs there later, with scripts that our shells would run."""
    parent = short_path / "open"
    parent.mkdir()
    parent.chmod(0o777)
    daemon = make(parent / "ipc")
    daemon.launch()
    assert not settle(daemon)
    assert f"everybody may replace what is in {parent}" in daemon.log.read_text()


def test_their_socket_hears_nothing_from_the_client(
    stranger: Stranger, public: Path, make: Callable[..., Daemon]
) -> None:
    """A program of theirs waits where the daemon would be: the client looks who listens before it speaks."""
    heard = listen_for(stranger, public, [sys.executable, "-m", "tsipc_client"], client_fails=True)
    assert heard == ""
    daemon = make(public / "theirs")
    daemon.launch()
    assert not settle(daemon)


def test_without_the_look_their_socket_would_hear_the_secret(stranger: Stranger, public: Path) -> None:
    """The test above can fail."""
    code = (
        f"import {__name__} as t; t.{trust_every_listener.__name__}(); "
        "from tsipc_client.__main__ import main; main()"
    )
    heard = listen_for(stranger, public, [sys.executable, "-c", code], client_fails=False)
    assert b"the secret" in bytes.fromhex(heard)


def listen_for(stranger: Stranger, public: Path, client: list[str], *, client_fails: bool) -> str:
    """What a program of theirs, which listens in a folder of theirs, hears from our client, in hex."""
    folder = public / "theirs"
    folder.mkdir()
    folder.chmod(0o777)
    stranger.owns(folder)
    server = stranger.start(LISTEN, folder / "ipc.sock")
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "ready\n"
        process = subprocess.Popen(
            [*client, "send", "a", "b", "the secret"],
            cwd=ROOT,
            env={**os.environ, "TS_IPC_DIR": str(folder)},
            stderr=subprocess.PIPE,
            text=True,
        )
        word, _, heard = server.stdout.readline().strip().partition(" ")
        assert word == "heard"
        if not client_fails:
            process.kill()
        _, told = process.communicate(timeout=WITHIN_S)
        if client_fails:
            assert process.returncode == 7
            assert "another user listens" in told
            assert visible(told, keep_newlines=True) == told
        return heard
    finally:
        server.kill()
        server.communicate()


def test_what_they_planted_in_an_open_folder_is_not_followed(
    make: Callable[..., Daemon], stranger: Stranger, short_path: Path
) -> None:
    """The folder is ours but was open to all for a while: it is closed, and their links lead nowhere."""
    short_path.chmod(0o755)
    folder = short_path / "ipc"
    folder.mkdir()
    folder.chmod(0o777)
    victim = short_path / "victim"
    victim.write_bytes(VICTIM)
    links = ("events.log", "subscriptions.json.new", "b.data", "daemon.log", ".tmp-0", ".tmp-1", "tmux")
    code = "import os, sys; [os.symlink(sys.argv[1], os.path.join(sys.argv[2], n)) for n in sys.argv[3:]]"
    stranger.run(code, victim, folder, *links)
    assert len(list(folder.iterdir())) == len(links)
    daemon = make(folder)
    daemon.start()
    daemon.call("subscribe", session="b", event="e")
    daemon.call("send", source="a", target="b", message="x", type="data")
    until(lambda: (folder / "events.log").read_bytes().count(b"DELIVER"), what="the log is written")
    assert victim.read_bytes() == VICTIM
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not (folder / "events.log").is_symlink()
    assert (folder / "b.data").read_text() == "x"


def test_a_lock_of_theirs_is_refused(
    make: Callable[..., Daemon], stranger: Stranger, short_path: Path
) -> None:
    """They could hold it, or say by it that they are the daemon to be stopped."""
    folder = short_path / "ipc"
    folder.mkdir(mode=0o700)
    (folder / "lock").write_text("1\n")
    stranger.owns(folder / "lock")
    daemon = make(folder)
    daemon.launch()
    assert not settle(daemon)
    assert "lock: it is no plain file of ours" in daemon.log.read_text()


def test_aliases_of_theirs_are_not_used(
    make: Callable[..., Daemon], stranger: Stranger, short_path: Path
) -> None:
    """They would decide where our commands go."""
    path = short_path / "aliases.json"
    path.write_text('{"aliases": {"m": "claude-evil"}}')
    stranger.owns(path)
    daemon = make()
    daemon.start()
    daemon.call("sessions")
    until(lambda: "is not used: another user may write it" in daemon.log.read_text(), what="it is told")
