"""`events.log` on disk: appended, rotated, and what is told about it after a crash is true."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsipcd.views import log_file
from tsipcd.views.folder import Folder
from tsipcd.views.log_file import LogFile

JOURNAL = "0123abcd"


@pytest.fixture
def log(state: Path) -> Path:
    return state / "events.log"


@pytest.fixture
def file(folder: Folder) -> Iterator[LogFile]:
    opened = LogFile(folder, journal=JOURNAL, max_bytes=100, keep=2)
    opened.recover()
    yield opened
    opened.close()


def recover(folder: Folder, journal: str = JOURNAL) -> tuple[int | None, Counter[str]]:
    again = LogFile(folder, journal=journal, max_bytes=100, keep=2)
    found = again.recover()
    again.close()
    return found.sequence, found.beyond


def position(state: Path) -> dict[str, object]:
    return dict(json.loads((state / "events.position").read_text()))


def test_a_first_log_wants_every_fact(log: Path, folder: Folder) -> None:
    """It is made, empty and ours alone."""
    assert recover(folder) == (0, Counter())
    file = LogFile(folder, journal=JOURNAL)
    file.recover()
    file.append(b"one\n")
    file.close()
    assert recover(folder) == (0, Counter({"one": 1}))
    assert log.stat().st_mode & 0o7777 == 0o600


def test_the_position_tells_what_the_log_has(log: Path, state: Path, file: LogFile, folder: Folder) -> None:
    """After `mark`; without it the lines are found again, with how often they are there."""
    file.append(b"one\n")
    file.mark(7)
    assert position(state) == {
        "journal": JOURNAL, "sequence": 7, "size_bytes": 4, "inode": log.stat().st_ino
    }  # fmt: skip
    file.append(b"two\ntwo\nthree\n")
    assert recover(folder) == (7, Counter({"two": 2, "three": 1}))


def test_the_lines_are_synced_before_the_position(file: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot leave a position that tells of lines that are not there."""
    calls = []
    fsync = os.fsync

    def spy(fd: int) -> None:
        calls.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    file.append(b"one\n")
    monkeypatch.setattr(os, "fsync", spy)
    file.mark(1)
    assert calls[0] == "events.log"
    assert calls[1].startswith(".tmp-")


def test_a_torn_line_is_cut(log: Path, file: LogFile, folder: Folder) -> None:
    """It comes again, whole, from its fact."""
    file.append(b"one\n")
    file.mark(1)
    log.write_bytes(b"one\ntwo\nthr")
    assert recover(folder) == (1, Counter({"two": 1}))
    assert log.read_bytes() == b"one\ntwo\n"


def test_a_line_end_that_somebody_forgot_is_added(log: Path, folder: Folder) -> None:
    """What a person wrote stays, and no line of ours is glued to it."""
    log.write_bytes(b"by hand")
    assert recover(folder) == (None, Counter())
    assert log.read_bytes() == b"by hand\n"


def test_a_log_without_its_position_is_taken_as_complete(log: Path, folder: Folder) -> None:
    """Nothing is written a second time into the log of an earlier tool, or after the position was deleted."""
    log.write_bytes(b"old\n")
    assert recover(folder) == (None, Counter())
    file = LogFile(folder, journal=JOURNAL)
    file.recover()
    file.skip_to(9)
    file.append(b"new\n")
    assert recover(folder) == (9, Counter({"new": 1}))
    file.close()


def test_another_journal_starts_anew(file: LogFile, folder: Folder) -> None:
    """Its numbers say nothing about the log; what is there stays, all its facts are new."""
    file.append(b"one\n")
    file.mark(70)
    file.append(b"two\n")
    assert recover(folder, "another0") == (0, Counter())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"journal": 1}', "x" * 5_000_000])
def test_a_bad_position_counts_as_none(
    state: Path, file: LogFile, folder: Folder, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning."""
    file.append(b"one\n")
    file.mark(1)
    (state / "events.position").write_text(text)
    assert recover(folder) == (None, Counter())
    assert "events.position is not used" in caplog.text


def test_a_deleted_log_begins_anew_where_it_was(log: Path, file: LogFile, folder: Folder) -> None:
    """What was deleted is not written again."""
    file.append(b"one\n")
    file.mark(5)
    log.unlink()
    assert recover(folder) == (5, Counter())
    assert recover(folder) == (5, Counter())


@pytest.mark.parametrize("text", [b"edited and longer than before\n", b"x\n"])
def test_an_edited_log_goes_on_from_its_end(log: Path, file: LogFile, folder: Folder, text: bytes) -> None:
    """An editor puts a new file in its place."""
    file.append(b"one\n")
    file.mark(5)
    log.with_suffix(".new").write_bytes(text)
    log.with_suffix(".new").rename(log)
    assert recover(folder) == (5, Counter())
    assert log.read_bytes() == text


def test_a_log_that_is_moved_or_deleted_meanwhile_is_made_again(
    log: Path, state: Path, file: LogFile, folder: Folder
) -> None:
    """Its position is there before its first line, so that a crash in between repeats nothing."""
    file.append(b"one\n")
    file.mark(5)
    log.rename(state / "kept.log")
    file.append(b"two\n")
    assert log.read_bytes() == b"two\n"
    assert position(state)["size_bytes"] == 0
    assert recover(folder) == (5, Counter({"two": 1}))
    log.unlink()
    file.append(b"three\n")
    file.mark(6)
    assert log.read_bytes() == b"three\n"
    assert (state / "kept.log").read_bytes() == b"one\n"


def test_a_planted_log_is_replaced(log: Path, folder: Folder, tmp_path: Path) -> None:
    """Nothing is written through a link, a pipe or a hard link."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for plant in (log.symlink_to, log.hardlink_to, lambda _: os.mkfifo(log)):
        log.unlink(missing_ok=True)
        plant(victim)
        file = LogFile(folder, journal=JOURNAL)
        file.recover()
        file.append(b"one\n")
        file.close()
        assert log.read_bytes() == b"one\n"
        (log.parent / "events.position").unlink(missing_ok=True)
    assert victim.read_text() == "precious"


def test_a_failed_append_leaves_nothing(log: Path, file: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the part that found room, so that the next try repeats nothing."""
    file.append(b"one\n")

    def short(fd: int, data: bytes) -> None:
        os.write(fd, data[:3])
        raise OSError(28, "full")

    with monkeypatch.context() as patch:
        patch.setattr(log_file, "write_all", short)
        with pytest.raises(OSError, match="full"):
            file.append(b"two\n")
    assert log.read_bytes() == b"one\n"
    file.append(b"two\n")
    assert log.read_bytes() == b"one\ntwo\n"


def logs(state: Path) -> dict[str, str]:
    return {path.name: path.read_text()[:3] for path in sorted(state.glob("events.log*"))}


def fill(file: LogFile, *words: str) -> None:
    for sequence, word in enumerate(words, 1):
        file.append(f"{word:-<100}\n".encode())
        file.mark(sequence)


def test_a_long_log_is_rotated(state: Path, file: LogFile) -> None:
    """The newest is 1; the oldest goes."""
    fill(file, "one", "two", "tri", "for")
    assert logs(state) == {"events.log.1": "for", "events.log.2": "tri"}
    file.append(b"new\n")
    assert logs(state) == {"events.log": "new", "events.log.1": "for", "events.log.2": "tri"}


def test_rotation_may_keep_none(state: Path, folder: Folder) -> None:
    """The log begins anew then."""
    file = LogFile(folder, journal=JOURNAL, max_bytes=100, keep=0)
    file.recover()
    fill(file, "one", "two")
    assert logs(state) == {}


def test_nothing_is_repeated_after_a_rotation(file: LogFile, folder: Folder) -> None:
    """A crash right after it, and one after the first line of the new log."""
    fill(file, "one")
    assert recover(folder) == (1, Counter())
    file.append(b"two\n")
    assert recover(folder) == (1, Counter({"two": 1}))


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_crash_within_a_rotation_loses_no_log(
    state: Path, file: LogFile, folder: Folder, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """After any of its renames; the next rotation closes the gap."""
    fill(file, "one", "two")
    assert logs(state) == {"events.log.1": "two", "events.log.2": "one"}
    (state / "events.log.2").unlink()
    done = 0
    rename = Folder.rename

    def crash(self: Folder, old: str, new: str) -> None:
        nonlocal done
        if done == renames:
            raise KeyboardInterrupt
        done += 1
        rename(self, old, new)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Folder, "rename", crash)
        fill(file, "tri")
    again = LogFile(folder, journal=JOURNAL, max_bytes=100, keep=2)
    assert again.recover() == log_file.Recovered(1, Counter())
    again.append(b"")
    again.mark(1)
    assert set(logs(state).values()) >= {"tri", "two"}
    again.close()
