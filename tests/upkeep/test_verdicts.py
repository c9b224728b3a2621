"""The doctor's judgements, without the world: each on both sides of its line."""

from __future__ import annotations

import os
import resource
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tsipc_client.cli.doctor import daemon, folder, programs, tmux, units
from tsipc_client.cli.doctor.finding import Finding, Verdict, bad, ok, warn, worst
from tsipc_client.cli.doctor.patient import Daemon
from tsipc_client.wire.messages import MessageType, MessageView, Status, StatusReport
from tsipc_client.wire.version import VERSION
from tsipcd.tmux.programs import SHELLS

REPORT = StatusReport(
    version=VERSION, wire_version=1, pid=7, started_at=0.0, directory="/d", activation="process", waiting=0,
    held={}, runs=0, clients=1, servers=(), journal_bytes=0, last_sync_s=0.001, storage_low=False,
)  # fmt: skip
HELD = MessageView(
    id="msg-1", source="a", target="b", type=MessageType.COMMAND, message="x", size_bytes=1, timestamp=1000.0,
    status=Status.HELD, reason="busy: vim",
)  # fmt: skip
MOUNTS = """\
22 1 259:1 / / rw - ext4 /dev/root rw
23 22 0:30 / /home/a\\040b rw - nfs4 server:/x rw
24 22 0:31 / /tmp rw,nosuid shared:5 - tmpfs tmpfs rw
25 22 0:32 / /hom rw - btrfs /dev/x rw
"""


def of_folder(mode: int, uid: int = 5) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, uid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("tmux 3.0a", Verdict.BAD),
        ("tmux 2.9", Verdict.BAD),
        ("tmux 3.1", Verdict.OK),
        ("tmux 3.3a", Verdict.OK),
        ("tmux next-3.7", Verdict.OK),
        ("tmux master", Verdict.WARN),
        ("", Verdict.WARN),
    ],
)
def test_versions_of_tmux(said: str, verdict: Verdict) -> None:
    """Below 3.1 nothing works; the crashing ones are noted."""
    found = tmux.judge_version(said, "/usr/bin/tmux")
    assert found.verdict is verdict
    assert ("crash" in found.seen) == (said == "tmux 3.3a")


@pytest.mark.parametrize(
    ("found", "usable", "verdict"),
    [
        (of_folder(stat.S_IFDIR | 0o700), True, Verdict.OK),
        (of_folder(stat.S_IFDIR | 0o750), True, Verdict.WARN),
        (of_folder(stat.S_IFDIR | 0o700, 6), True, Verdict.BAD),
        (of_folder(stat.S_IFDIR | 0o500), False, Verdict.BAD),
        (of_folder(stat.S_IFLNK | 0o777), True, Verdict.BAD),
    ],
)
def test_the_state_folder(found: os.stat_result, usable: bool, verdict: Verdict) -> None:
    """Ours alone, a folder, and usable."""
    assert folder.judge_owner("/d", found, 5, usable=usable).verdict is verdict


@pytest.mark.parametrize(
    ("path", "kind", "verdict"),
    [
        ("/var/x", "ext4", Verdict.OK),
        ("/home/a b/.config", "nfs4", Verdict.WARN),
        ("/home/c", "ext4", Verdict.OK),
        ("/tmp", "tmpfs", Verdict.WARN),  # noqa: S108 - a name, never opened
    ],
)
def test_file_systems(path: str, kind: str, verdict: Verdict) -> None:
    """The mount that the path lies under, by whole names; network and memory are told."""
    assert folder.kind_of(MOUNTS, Path(path)) == kind
    assert folder.judge_file_system(kind).verdict is verdict


@pytest.mark.parametrize(
    ("free", "inodes", "verdict"),
    [
        (1 << 30, 10**6, Verdict.OK),
        (1 << 30, None, Verdict.OK),
        (100 << 20, 10**6, Verdict.WARN),
        (1 << 20, 10**6, Verdict.BAD),
        (1 << 30, 500, Verdict.WARN),
        (1 << 30, 0, Verdict.BAD),
    ],
)
def test_room(free: int, inodes: int | None, verdict: Verdict) -> None:
    """Bytes and inodes both count; a file system without inodes is none the worse."""
    assert folder.judge_room(free, inodes).verdict is verdict


def test_paths_of_sockets() -> None:
    """Too long for the kernel: a warning where there is a way around it."""
    assert folder.judge_length("/d", 107, linux=True).verdict is Verdict.OK
    assert folder.judge_length("/d", 108, linux=True).verdict is Verdict.WARN
    assert folder.judge_length("/d", 108, linux=False).verdict is Verdict.BAD


def test_the_clock() -> None:
    """A file that is younger than now says that time went back."""
    assert folder.judge_clock(1000.0, 900.0).verdict is Verdict.OK
    assert folder.judge_clock(1000.0, 90_000.0).verdict is Verdict.WARN


def test_presence() -> None:
    """None, a good one, one of another version, one that is stopped and one that hangs."""
    assert daemon.judge_presence(Daemon(), stopped=False).verdict is Verdict.OK
    assert daemon.judge_presence(Daemon(7, REPORT), stopped=False).verdict is Verdict.OK
    other = replace(REPORT, version="0.9.0")
    assert daemon.judge_presence(Daemon(7, other), stopped=False).verdict is Verdict.WARN
    assert "kill -CONT 7" in daemon.judge_presence(Daemon(7, silence="no"), stopped=True).advice
    assert daemon.judge_presence(Daemon(7, silence="no"), stopped=False).verdict is Verdict.BAD


def test_the_daemon_s_disk() -> None:
    """Full is bad, slow is worth a word."""
    assert daemon.judge_disk(REPORT).verdict is Verdict.OK
    assert daemon.judge_disk(replace(REPORT, last_sync_s=None)).verdict is Verdict.OK
    assert daemon.judge_disk(replace(REPORT, last_sync_s=0.2)).verdict is Verdict.WARN
    assert daemon.judge_disk(replace(REPORT, storage_low=True)).verdict is Verdict.BAD


def test_held_messages() -> None:
    """By reason, the one that waits longest first, with its age; an hour is worth a word."""
    younger = replace(HELD, id="msg-2", timestamp=4000.0)
    other = replace(HELD, id="msg-3", reason="copy mode", timestamp=4500.0)
    done = replace(HELD, id="msg-4", status=Status.IN_DOUBT)
    first, second = daemon.judge_held([other, younger, HELD, done], 5000.0)
    assert (first.verdict, second.verdict) == (Verdict.WARN, Verdict.OK)
    assert first.seen == "2 messages: busy: vim; the oldest, msg-1, for 1h 06m"
    many = [replace(HELD, id=f"msg-{number}", reason=f"r{number}") for number in range(9)]
    assert "4 other reasons" in list(daemon.judge_held(many, 5000.0))[-1].seen
    assert [found.seen for found in daemon.judge_held([], 0.0)] == ["none"]


def test_doubts() -> None:
    """A person is told what to decide about, and how."""
    assert daemon.judge_doubts([]).verdict is Verdict.OK
    found = daemon.judge_doubts([f"msg-{number}" for number in range(8)])
    assert found.verdict is Verdict.WARN
    assert "msg-4, …" in found.seen
    assert "ts-ipc resolve msg-0" in found.advice


def test_path() -> None:
    """Nowhere, another one first, several, one with two names, and all well."""
    real = {"/a/ts-ipc": "/a/ts-ipc", "/b/ts-ipc": "/b/ts-ipc", "/l/ts-ipc": "/a/ts-ipc"}
    assert programs.judge_path([], {}, "").verdict is Verdict.WARN
    assert "this is /b/ts-ipc" in programs.judge_path(["/a/ts-ipc"], real, "/b/ts-ipc").seen
    assert "several" in programs.judge_path(["/a/ts-ipc", "/b/ts-ipc"], real, "").seen
    assert programs.judge_path(["/a/ts-ipc", "/l/ts-ipc"], real, "/a/ts-ipc").verdict is Verdict.OK


def test_the_tmux_that_the_daemon_finds() -> None:
    """None is bad, another one is worth a word."""
    assert programs.judge_tmux_paths("/usr/bin/tmux", None).verdict is Verdict.BAD
    assert programs.judge_tmux_paths("/usr/bin/tmux", "/opt/tmux").verdict is Verdict.WARN
    assert programs.judge_tmux_paths("/usr/bin/tmux", "/usr/bin/tmux").verdict is Verdict.OK


def test_shells() -> None:
    """Those that the daemon can follow steps in, all of them, and no other."""
    assert {name for name, shell in SHELLS.items() if shell.dialect is not None} == programs.SHELLS
    assert programs.judge_shells(["/bin/bash", "/usr/bin/fish"]).verdict is Verdict.OK
    assert "/usr/bin/nu" in programs.judge_shells(["/bin/bash", "/usr/bin/nu"]).seen


def test_open_files() -> None:
    """Few are worth a word, hardly any are bad."""
    verdicts = [programs.judge_descriptors(n).verdict for n in (64, 512, 4096, resource.RLIM_INFINITY)]
    assert verdicts == [Verdict.BAD, Verdict.WARN, Verdict.OK, Verdict.OK]


def test_units() -> None:
    """Of this version and this Python, or not."""
    assert units.judge_texts({"a": "x"}, {"a": "x"}).verdict is Verdict.OK
    assert units.judge_texts({"a": "x"}, {"a": "y"}).verdict is Verdict.WARN
    drop_in = '[Service]\nExecStart=\nExecStart="/opt/my %% py/python" -P -m tsipcd\n'
    assert units.judge_python(drop_in, "/opt/my % py/python").verdict is Verdict.OK
    assert units.judge_python(drop_in, "/usr/bin/python").verdict is Verdict.WARN
    assert units.judge_python("", "/usr/bin/python").verdict is Verdict.WARN
    assert units.judge_enabled("enabled\nenabled\n").verdict is Verdict.OK
    assert units.judge_enabled("disabled\nenabled\n").verdict is Verdict.WARN
    assert "enable-linger" in units.judge_linger(lingers=False).seen


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], Verdict.OK),
        ([ok("a", "")], Verdict.OK),
        ([ok("a", ""), warn("b", "", "")], Verdict.WARN),
        ([bad("a", "", ""), warn("b", "", "")], Verdict.BAD),
        ([Finding("a", Verdict.SKIPPED, "")], Verdict.OK),
    ],
)
def test_the_whole(findings: list[Finding], verdict: Verdict) -> None:
    """The worst of all; what was skipped is no sickness."""
    assert worst(findings) is verdict


def test_a_folder_that_others_could_swap_is_bad(short_path: Path) -> None:
    """Somewhere above it everybody may replace what is there; /tmp with its sticky bit is no such place."""
    parent = short_path / "open"
    parent.mkdir()
    assert list(folder.above(parent / "a/ipc")) == []
    parent.chmod(0o777)
    (finding,) = folder.above(parent / "a/ipc")
    assert "everybody may replace" in finding.seen
