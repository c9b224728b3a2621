"""`ts-ipc doctor` in the world: each kind of sickness is told, nothing is changed, nothing is started."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tests.upkeep.conftest import ROOT, everything, ts_ipc

SOON_S = 60.0


class Report:
    """What one run of the doctor said."""

    def __init__(self, directory: Path, *, live: bool = False, **environment: str) -> None:
        before = everything(directory) if directory.is_dir() else {}
        self.said = ts_ipc(directory, "doctor", "--json", **environment)
        after = everything(directory) if directory.is_dir() else {}
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        # A daemon that goes on writes at any time.
        assert changed == set() or live
        self.checks = self.said.document["checks"]
        assert self.said.status == (10 if self.said.document["verdict"] == "bad" else 0)

    def of(self, check: str, verdict: str) -> str:
        """What was seen and advised by the findings of that check with that verdict; there is one."""
        found = [one for one in self.checks if (one["check"], one["verdict"]) == (check, verdict)]
        assert found, [one for one in self.checks if one["check"] == check]
        return " ".join(f"{one['seen']} {one['advice']}" for one in found)

    @property
    def bad(self) -> list[str]:
        return [one["check"] for one in self.checks if one["verdict"] == "bad"]


def runs_no_daemon(directory: Path) -> bool:
    """Nobody listens on the folder's socket."""
    said = ts_ipc(directory, "daemon", "status")
    return said.status == 69


def test_a_healthy_house(daemon: Daemon, tmux: Tmux) -> None:
    """Nothing is bad, every check speaks, and what waits is told with its reason."""
    tmux.session("here")
    daemon.call("subscribe", session="absent", event="e")
    daemon.call("send", source="me", target="absent", message="x")
    report = Report(daemon.directory, live=True, TMUX_TMPDIR=str(tmux.folder))
    assert report.bad == []
    assert "1 server answered" in report.of("tmux servers", "ok")
    assert "no session absent yet" in report.of("held messages", "ok")
    assert str(daemon.pid) in report.of("daemon", "ok")
    assert daemon.serves()


def test_no_folder_at_all(short_path: Path) -> None:
    """Before the first use: nothing is bad, and nothing is made."""
    report = Report(short_path / "none")
    assert report.bad == []
    assert not (short_path / "none").exists()


def test_no_daemon(stopped: Path) -> None:
    """That is no sickness; the journal is read, and no daemon runs afterwards."""
    report = Report(stopped)
    assert report.bad == []
    assert "10 messages not ended" in report.of("journal", "ok")
    assert runs_no_daemon(stopped)


def test_a_killed_daemon(daemon: Daemon) -> None:
    """Its socket is there and nobody listens: told as no daemon."""
    daemon.kill()
    report = Report(daemon.directory)
    assert report.bad == []
    assert "none runs" in report.of("daemon", "ok")
    assert runs_no_daemon(daemon.directory)


def test_a_daemon_that_stands_still(daemon: Daemon) -> None:
    """It is told within its deadline, with the command that lets it go on."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        report = Report(daemon.directory)
        assert report.bad == ["daemon"]
        assert f"kill -CONT {daemon.pid}" in report.of("daemon", "bad")
        report.of("journal", "skipped")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert daemon.serves()


def test_no_tmux(stopped: Path, tmp_path: Path) -> None:
    """Nothing else is found then either, and nothing breaks."""
    report = Report(stopped, PATH=str(tmp_path))
    assert report.bad == ["tmux"]
    assert "install tmux" in report.of("tmux", "bad")


def test_an_old_tmux(stopped: Path, tmp_path: Path) -> None:
    """By what it says of itself."""
    fake = tmp_path / "tmux"
    fake.write_text("#!/bin/sh\necho tmux 2.9a\n")
    fake.chmod(0o755)
    report = Report(stopped, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "3.1 or later" in report.of("tmux", "bad")


def test_a_stopped_tmux_server(stopped: Path, tmux: Tmux) -> None:
    """It hangs nobody, and is named."""
    tmux.session("here")
    pid = int(tmux.run("display-message", "-p", "#{pid}"))
    os.kill(pid, signal.SIGSTOP)
    try:
        report = Report(stopped, TMUX_TMPDIR=str(tmux.folder))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert report.bad == ["tmux server"]
    assert str(tmux.folder) in report.of("tmux server", "bad")


def test_a_dead_socket_of_tmux(stopped: Path, tmux: Tmux) -> None:
    """A server that was killed leaves its socket: no harm."""
    tmux.session("here")
    pid = int(tmux.run("display-message", "-p", "#{pid}"))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}/fd").exists() or not _alive(pid), what="its end", within_s=SOON_S)
    report = Report(stopped, TMUX_TMPDIR=str(tmux.folder))
    assert report.bad == []
    assert "1 socket without a server" in report.of("tmux servers", "ok")


def _alive(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.toml", "[tmux]\nbinray = 'tmux'\n"),
        ("config.toml", "[tmux\n"),
        ("subscriptions.json", "{"),
        ("workflows/w.json", '{"steps": [], "retries": 3}'),
    ],
)
def test_files_that_the_daemon_would_refuse(stopped: Path, name: str, text: str) -> None:
    """Named, with the place and the reason, by the daemon's own reader."""
    (stopped / "workflows").mkdir(exist_ok=True)
    (stopped / name).write_text(text)
    report = Report(stopped)
    assert report.bad == ["edited files"]
    assert name.rpartition("/")[2] in report.of("edited files", "bad")


def test_a_damaged_journal(stopped: Path) -> None:
    """Named, with where to go from here."""
    (segment,) = (stopped / "journal").glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[100] ^= 1
    segment.write_bytes(content)
    report = Report(stopped)
    assert report.bad == ["journal"]
    assert "ts-ipc fsck" in report.of("journal", "bad")


def test_pieces_of_a_broken_journal(stopped: Path) -> None:
    """They are told until somebody removes them."""
    (stopped / "journal.before-salvage-20260101T000000Z").mkdir()
    (stopped / "journal" / "0000000000000001.seg.broken-20260101T000000Z").write_bytes(b"x")
    assert "2 pieces" in Report(stopped).of("leftovers", "warn")


def test_a_folder_that_others_can_enter(stopped: Path) -> None:
    """Told, not changed."""
    stopped.chmod(0o755)
    assert "chmod 700" in Report(stopped).of("state folder", "warn")


def test_a_folder_that_is_a_link(stopped: Path, short_path: Path) -> None:
    """The daemon would refuse it."""
    link = short_path / "link"
    link.symlink_to(stopped)
    assert "state folder" in Report(link).bad


def test_a_folder_of_another_user(stopped: Path) -> None:
    """Looked at as far as that goes."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(stopped, 12_345, 12_345)
    assert "12345" in Report(stopped).of("state folder", "bad")
    os.chown(stopped, 0, 0)


def test_a_path_that_is_too_long(short_path: Path) -> None:
    """For the kernel; ours works nonetheless."""
    deep = short_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    assert "systemd" in Report(deep).of("socket path", "warn")


def test_a_socket_that_others_can_open(daemon: Daemon) -> None:
    """Whoever did that."""
    daemon.socket_path.chmod(0o666)
    assert "666" in Report(daemon.directory, live=True).of("socket", "bad")


def test_time_that_went_back(stopped: Path) -> None:
    """The files are younger than the clock says it is."""
    later = time.time() + 86_400
    os.utime(stopped / "events.log", (later, later))
    assert "ahead" in Report(stopped).of("clock", "warn")


def test_programs_around_it(stopped: Path, tmp_path: Path) -> None:
    """Two different `ts-ipc` in PATH, and a login shell in which no step can be followed."""
    for name in ("one", "two"):
        program = tmp_path / name / "ts-ipc"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n: {name}\n")
        program.chmod(0o755)
    path = f"{tmp_path}/one:{tmp_path}/two:{os.environ['PATH']}"
    report = Report(stopped, PATH=path, SHELL="/usr/bin/nu")
    assert "several" in report.of("PATH", "warn")
    assert "/usr/bin/nu" in report.of("shells", "warn")


@pytest.fixture
def wide(tmux: Tmux) -> Tmux:
    """With a plain shell in 80 columns."""
    tmux.run("new-session", "-d", "-s", "t", "-x", "80", "-y", "60", "-c", str(ROOT), "exec /bin/sh")
    return tmux


def test_it_fits_a_terminal(stopped: Path, wide: Tmux) -> None:
    """80 columns: no line is wrapped by the terminal, each verdict stands at its beginning."""
    (stopped / "config.toml").write_text("[tmux]\nbinray = 'tmux'\n")
    command = f"clear; TS_IPC_DIR={stopped} {sys.executable} -m tsipc_client doctor; echo status $?"
    wide.run("send-keys", "-t", "=t:", command, "Enter")
    until(lambda: "\nstatus 10" in wide.screen("t"), what="the report", within_s=SOON_S)
    report = wide.screen("t").splitlines()  # lines that the terminal wrapped come joined
    assert max(map(len, report)) <= 80
    assert any(line.startswith("bad     edited files") for line in report)
    assert "1 thing to mend" in "\n".join(report)
