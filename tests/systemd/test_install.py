"""`ts-ipc daemon install` and `uninstall`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.daemon import call
from tests.support.wait import until
from tests.systemd.conftest import ROOT, SERVICE, SOCKET, UserManager
from tsipc_client.cli import install as units
from tsipc_client.wire.errors import BadInput, Refused

real_systemd = pytest.mark.xdist_group("systemd")


@real_systemd
@pytest.mark.systemd
def test_install_is_the_same_the_second_time(installed: UserManager) -> None:
    """Nothing is lost or doubled by installing again over a running daemon."""
    folder = installed.home / ".config/systemd/user"
    installed.call("subscribe", session="claude-tomorrow", event="wake", action="command")
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    installed.ts_ipc("daemon", "install")
    assert {path: path.read_text() for path in folder.rglob("*") if path.is_file()} == before
    assert installed.call("subscriptions")["subscriptions"][0]["session"] == "claude-tomorrow"


@real_systemd
@pytest.mark.systemd
def test_install_puts_the_shipped_units_in_place(installed: UserManager) -> None:
    """They are copied as they are and enabled; what is particular to this machine stands beside them."""
    folder = installed.home / ".config/systemd/user"
    for unit in (SOCKET, SERVICE):
        assert (folder / unit).read_text() == (ROOT / "systemd" / unit).read_text()
        assert installed.systemctl("is-enabled", unit) == "enabled"
    assert sys.executable in installed.show(SERVICE, "ExecStart")


@real_systemd
@pytest.mark.systemd
def test_install_takes_over_from_a_daemon_started_on_demand(manager: UserManager) -> None:
    """The old one drains and ends; what it had accepted is served by systemd's."""
    manager.ts_ipc("subscribe", "claude-tomorrow", "wake", "command")
    sent = manager.call("send", source="test", target="claude-tomorrow", message="echo morning")
    old = manager.call("status")
    assert old["activation"] == "process"
    assert "stopped the running daemon" in manager.ts_ipc("daemon", "install")
    assert manager.call("status")["activation"] == "systemd"
    until(lambda: manager.ended(old["pid"]), what="the old daemon ended")
    assert manager.call("show", id=sent["id"])["message"]["status"] == "held"


@real_systemd
@pytest.mark.systemd
def test_uninstall_leaves_nothing_but_the_state(installed: UserManager) -> None:
    """The units and drop-ins are gone, the daemon has ended, and commands start one on demand again."""
    pid = installed.call("status")["pid"]
    own = installed.home / f".config/systemd/user/{SERVICE}.d/50-own.conf"
    own.write_text("[Service]\n")
    installed.ts_ipc("daemon", "uninstall")
    until(lambda: installed.ended(pid), what="the daemon ended")
    left = [path for path in (installed.home / ".config/systemd/user").rglob("*") if not path.is_dir()]
    assert left == [own]
    own.unlink()
    assert (installed.directory / "journal").is_dir()
    installed.ts_ipc("queue")
    assert installed.call("status")["activation"] == "process"
    assert "nothing to do" in installed.ts_ipc("daemon", "uninstall")


@real_systemd
@pytest.mark.systemd
def test_another_state_folder_gets_its_own_socket(manager: UserManager) -> None:
    """With TS_IPC_DIR set, systemd listens there, and its daemon keeps its files there."""
    other = manager.home / "50% other"
    manager.ts_ipc("daemon", "install", TS_IPC_DIR=str(other))
    answer = call(other / "ipc.sock", "status")
    assert answer["result"]["directory"] == str(other)
    assert answer["result"]["activation"] == "systemd"


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="needs systemctl")
def test_without_a_manager_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    """In a container or after `su` nothing is written, and the sentence names the ways out."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    monkeypatch.setenv("HOME", str(short_path))
    with pytest.raises(Refused, match="enable-linger"):
        units.install(short_path / "ipc")
    assert list(short_path.iterdir()) == []


def test_without_systemd_it_says_that_nothing_is_needed(
    monkeypatch: pytest.MonkeyPatch, short_path: Path
) -> None:
    """On a Mac, or with no systemctl, the daemon is started on demand anyway."""
    monkeypatch.setenv("PATH", str(short_path))
    with pytest.raises(Refused, match="nothing needs installing"):
        units.install(short_path / "ipc")


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("PATH=/a b", '"PATH=/a b"'),
        ('/100%/"x"', '"/100%%/\\"x\\""'),
        ("/back\\slash", '"/back\\\\slash"'),
    ],
)
def test_paths_reach_systemd_unchanged(value: str, quoted: str) -> None:
    """Blanks, quotes, backslashes and specifiers are written so that systemd reads the same path."""
    assert units._quoted(value) == quoted


def test_a_path_with_a_line_end_is_refused() -> None:
    """It would add a line of its own to the unit."""
    with pytest.raises(BadInput):
        units._quoted("/x\nExecStart=/bin/evil")
