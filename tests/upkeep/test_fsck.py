"""`ts-ipc fsck`: every kind of damage is found, named, and salvaged where it can be; then a daemon serves."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tests.upkeep.conftest import ROOT, everything, ts_ipc
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, Layout, read_heading, snapshot_name
from tsipcd.journal.reading import read_journal
from tsipcd.journal.record import HEADER_BYTES, encode, header_at, seed_of
from tsipcd.journal.snapshot import write_snapshot

RUNS_INTO = 60.0


def segment_of(directory: Path) -> Path:
    (segment,) = (directory / "journal").glob("*.seg")
    return segment


def records_of(directory: Path) -> int:
    folder = Folder.existing(directory / "journal")
    try:
        return read_journal(folder, lambda *_: None).records
    finally:
        folder.close()


def frames_of(segment: Path) -> list[int]:
    """Where the frames begin, and where the last one ends."""
    data = segment.read_bytes()
    (file,) = Layout.of([segment.name]).segments
    seed = seed_of(read_heading(SEGMENT, data, "", file).identity)
    offsets = [HEADING_BYTES]
    while (header := header_at(data, offsets[-1], seed)) is not None:
        offsets.append(offsets[-1] + header.frame_bytes)
    return offsets


def flip(file: Path, offset: int) -> None:
    content = bytearray(file.read_bytes())
    content[offset] ^= 1
    file.write_bytes(content)


def put_fact(segment: Path, sequence: int, fact: object) -> None:
    """One record more, at the end."""
    (file,) = Layout.of([segment.name]).segments
    content = segment.read_bytes()
    identity = read_heading(SEGMENT, content, "", file).identity
    end = frames_of(segment)[-1]
    frame = encode(seed_of(identity), sequence, [msgspec.msgpack.encode(fact)])
    segment.write_bytes(content[:end] + frame + content[end + len(frame) :])


def refuses(daemon: Daemon) -> str:
    """What the daemon says when it is started and ends at once."""
    daemon.log.write_text("")
    with pytest.raises(AssertionError, match="exited with 1"):
        daemon.start()
    said = daemon.log.read_text()
    assert "Traceback" not in said, said
    return said


def serves_again(daemon: Daemon, tmux: Tmux) -> None:
    """It starts, and a command sent now is typed."""
    tmux.session("here")
    daemon.start()
    sent = daemon.call("send", source="me", target="here", message="echo still-here")
    until(lambda: daemon.status_of(sent["id"]) == "delivered", what="a delivery", within_s=RUNS_INTO)
    until(lambda: "\nstill-here" in tmux.screen("here"), what="its output", within_s=RUNS_INTO)


def test_a_whole_journal(stopped: Path) -> None:
    """Status 0, the records counted, nothing changed; --salvage has nothing to do then."""
    before = everything(stopped)
    for words in (["fsck"], ["fsck", "--salvage"]):
        said = ts_ipc(stopped, *words)
        assert (said.status, said.err) == (0, "")
        assert "the journal is whole" in said.out
    assert everything(stopped) == before
    document = ts_ipc(stopped, "fsck", "--json").document
    assert (document["verdict"], document["waiting"], document["damage"]) == ("whole", 10, None)
    assert document["records"] == records_of(stopped)


def test_no_journal_is_no_damage(short_path: Path) -> None:
    """A folder in which no daemon ever ran, and none at all: status 0, and nothing is made."""
    assert ts_ipc(short_path / "none", "fsck").status == 0
    assert not (short_path / "none").exists()


def test_not_while_a_daemon_runs(daemon: Daemon) -> None:
    """Status 7, and how to stop it; the daemon goes on."""
    said = ts_ipc(daemon.directory, "fsck")
    assert said.status == 7
    assert str(daemon.pid) in said.err
    assert "ts-ipc daemon stop" in said.err
    assert daemon.serves()


def test_a_flipped_bit(stopped: Path, daemon: Daemon, tmux: Tmux) -> None:
    """Named with its byte; refused by the daemon; cut off by --salvage, with a copy; then it serves."""
    segment = segment_of(stopped)
    total, frames = records_of(stopped), frames_of(segment)
    flip(segment, frames[3] + HEADER_BYTES + 9)
    before = everything(stopped / "journal")
    said = ts_ipc(stopped, "fsck")
    assert said.status == 9
    assert f"{segment}, byte {frames[3]}" in said.out
    assert "--salvage" in said.out
    assert "ts-ipc fsck" in refuses(daemon)
    assert everything(stopped / "journal") == before
    salvaged = ts_ipc(stopped, "fsck", "--salvage", "--json").document
    assert salvaged["verdict"] == "whole"
    assert 3 <= salvaged["records"] < total
    assert salvaged["records"] + salvaged["lost_records"] in {total - 1, total - 2}
    copy = Path(salvaged["copy"])
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        Path(path).name: content for path, (_, content) in before.items() if Path(path).is_file()
    }
    (leftover,) = ts_ipc(stopped, "fsck", "--json").document["leftovers"]
    assert (leftover["path"], leftover["deletable"]) == (str(copy), True)
    serves_again(daemon, tmux)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (["delivered", 1.0, 999], "999"),
        (["held", 1.0, "x", "y"], "no fact"),
        ("nonsense", "no fact"),
    ],
    ids=["about nothing", "wrong type", "no fact"],
)
def test_damage_of_meaning(stopped: Path, daemon: Daemon, tmux: Tmux, fact: object, reason: str) -> None:
    """Right bytes that cannot be replayed: named by record; refused without a traceback; salvaged."""
    segment, total = segment_of(stopped), records_of(stopped)
    put_fact(segment, total + 1, fact)
    said = ts_ipc(stopped, "fsck")
    assert said.status == 9
    assert f"record {total + 1}" in " ".join(said.out.split())
    assert reason in " ".join(said.out.split())
    before = everything(stopped / "journal")
    assert f"record {total + 1}" in refuses(daemon)
    assert everything(stopped / "journal") == before
    assert ts_ipc(stopped, "fsck", "--salvage").status == 0
    assert records_of(stopped) == total
    serves_again(daemon, tmux)


def test_a_newer_journal(stopped: Path, daemon: Daemon) -> None:
    """A fact of a later version: daemon, fsck and --salvage ask for an upgrade, and change nothing."""
    put_fact(segment_of(stopped), records_of(stopped) + 1, ["teleported", 1.0, 1])
    before = everything(stopped / "journal")
    assert "Upgrade ts-ipc" in refuses(daemon)
    said = ts_ipc(stopped, "fsck")
    assert said.status == 9
    assert "newer ts-ipc" in said.out
    refused = ts_ipc(stopped, "fsck", "--salvage")
    assert refused.status == 7
    assert "Upgrade ts-ipc" in refused.err
    assert everything(stopped / "journal") == before


def test_a_damaged_snapshot(stopped: Path) -> None:
    """Named; not guessed at: --salvage refuses and copies nothing."""
    segment = segment_of(stopped)
    payloads: list[bytes] = []
    folder = Folder.existing(stopped / "journal")
    last = read_journal(folder, lambda _sequence, payload: payloads.append(payload)).last_sequence
    (file,) = Layout.of([segment.name]).segments
    identity = read_heading(SEGMENT, segment.read_bytes(), "", file).identity
    write_snapshot(folder, identity, last, payloads)
    folder.close()
    segment.unlink()
    assert ts_ipc(stopped, "fsck").status == 0
    flip(stopped / "journal" / snapshot_name(last), 100)
    before = everything(stopped)
    said = ts_ipc(stopped, "fsck")
    assert said.status == 9
    assert "backup" in said.out
    assert ts_ipc(stopped, "fsck", "--salvage").status == 7
    assert everything(stopped) == before


def test_leftovers_are_listed(stopped: Path) -> None:
    """Each with what it is and whether it may go."""
    journal = stopped / "journal"
    for name in ("0000000000000001.seg.broken-20260101T000000Z", "0000000000000004.snap.tmp", "notes"):
        (journal / name).write_bytes(b"x")
    said = {Path(one["path"]).name: one for one in ts_ipc(stopped, "fsck", "--json").document["leftovers"]}
    assert {name: one["deletable"] for name, one in said.items()} == {
        "0000000000000001.seg.broken-20260101T000000Z": True,
        "0000000000000004.snap.tmp": False,
        "notes": True,
    }


def test_a_folder_that_is_none(stopped: Path) -> None:
    """A link in place of the journal, and a file: refused with the reason."""
    shutil.move(stopped / "journal", stopped / "elsewhere")
    (stopped / "journal").symlink_to(stopped / "elsewhere")
    said = ts_ipc(stopped, "fsck")
    assert said.status == 7
    assert "is no folder" in said.err


@pytest.mark.parametrize(("answer", "status"), [("n", 9), ("y", 0)])
def test_it_asks_on_a_terminal(stopped: Path, tmux: Tmux, answer: str, status: int) -> None:
    """In 80 columns nothing is cut or wrapped within a word; `n` changes nothing, `y` salvages."""
    segment = segment_of(stopped)
    flip(segment, frames_of(segment)[3] + HEADER_BYTES + 9)
    before = everything(stopped)
    command = (
        f"TS_IPC_DIR={stopped} {sys.executable} -m tsipc_client fsck --salvage; echo status $?; exec cat"
    )
    tmux.run("new-session", "-d", "-s", "t", "-x", "80", "-y", "40", "-c", str(ROOT), command)
    until(lambda: "[y/N]" in tmux.screen("t"), what="the question", within_s=RUNS_INTO)
    screen = tmux.run("capture-pane", "-p", "-t", "=t:")
    assert max(map(len, screen.splitlines())) <= 80
    assert "that could be read" in screen
    tmux.run("send-keys", "-t", "=t:", answer, "Enter")
    until(lambda: f"status {status}" in tmux.screen("t"), what=f"status {status}", within_s=RUNS_INTO)
    assert (everything(stopped) == before) == (answer == "n")
    assert ts_ipc(stopped, "fsck").status == status
