from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import IDENTITY, put_segment, replay, segment
from tests.journal.crashing import Latest
from tests.support.daemon import ROOT
from tests.support.wait import until
from tsipcd.core import facts
from tsipcd.journal.compact import Orphaned, compact, main
from tsipcd.journal.errors import Corrupt
from tsipcd.journal.layout import segment_name, snapshot_name

BATCHES = [[b"a 1", b"b 1"], [b"a 2"], [b"a 3"], [b"b 2"], [b"c 1"]]


@pytest.fixture
def journal(path: Path) -> Path:
    """Four closed segments and a live one."""
    first = 1
    for batch in BATCHES:
        put_segment(path, first, segment(first, [batch]))
        first += len(batch)
    return path


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_closed_segments_become_one_snapshot(journal: Path) -> None:
    """The state is the same, the files are a snapshot and the live segment, the identity stays."""
    assert compact(journal, 100, Latest()) == 4
    assert names(journal) == [snapshot_name(5), segment_name(6)]
    recovered, payloads = replay(journal)
    assert payloads == [(5, b"a 3"), (5, b"b 2"), (6, b"c 1")]
    assert recovered.identity == IDENTITY


def test_it_rests_all_along(path: Path) -> None:
    """While it reads and while it writes, it offers again and again to let others work."""
    put_segment(path, 1, segment(1, [[b"%d 1" % number for number in range(100)]]))
    put_segment(path, 101, segment(101, [[b"live"]]))
    rests: list[int] = []

    def rest() -> None:
        rests.append(len(names(path)))

    assert compact(path, 100, Latest(), rest=rest) == 1
    # Two segments while it reads, a third file while the snapshot is written.
    assert rests.count(2) >= 4
    assert rests.count(3) >= 4


def test_nothing_after_the_limit_is_folded(journal: Path) -> None:
    """A segment that ends after the given sequence stays as it is."""
    assert compact(journal, 4, Latest()) == 3
    assert names(journal) == [snapshot_name(4), segment_name(5), segment_name(6)]
    assert replay(journal)[1] == [(4, b"a 3"), (4, b"b 1"), (5, b"b 2"), (6, b"c 1")]


def test_a_second_compaction_builds_on_the_first(journal: Path) -> None:
    """The older snapshot is folded into the newer one and removed."""
    compact(journal, 3, Latest())
    assert compact(journal, 5, Latest()) == 2
    assert names(journal) == [snapshot_name(5), segment_name(6)]
    assert replay(journal)[1] == [(5, b"a 3"), (5, b"b 2"), (6, b"c 1")]


def test_the_live_segment_is_never_folded(path: Path) -> None:
    """With nothing but the live segment there is nothing to do."""
    put_segment(path, 1, segment(1, BATCHES))
    before = names(path)
    assert compact(path, 100, Latest()) == 0
    assert names(path) == before


def test_damage_is_not_folded_away(journal: Path) -> None:
    """A damaged segment stops the compaction before anything is written or removed."""
    file = journal / segment_name(4)
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    before = names(journal)
    with pytest.raises(Corrupt):
        compact(journal, 100, Latest())
    assert names(journal) == before


def test_an_orphan_gives_up(journal: Path) -> None:
    """A compaction whose daemon is gone leaves the folder to the next one."""
    before = names(journal)
    with pytest.raises(Orphaned):
        compact(journal, 100, Latest(), parent=os.getppid() + 1)
    assert names(journal) == before


def test_an_orphan_gives_up_midway(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that dies while its compaction writes has left no snapshot."""

    class Endless(Latest):
        def snapshot(self) -> Iterator[bytes]:
            monkeypatch.setattr(os, "getppid", lambda: 1)
            while True:
                yield b"x"

    with pytest.raises(Orphaned):
        compact(journal, 100, Endless(), parent=os.getppid())
    assert not list(journal.glob("*.snap"))
    assert replay(journal)[0].last_sequence == 6


def test_the_child_folds_facts(path: Path) -> None:
    """`python -m tsipcd.journal.compact` gives the state of the core."""
    seen = [facts.encode(facts.SessionSeen(float(number), f"s{number % 2}")) for number in range(6)]
    put_segment(path, 1, segment(1, [seen]))
    put_segment(path, 7, segment(7, []))
    subprocess.run([sys.executable, "-m", "tsipcd.journal.compact", str(path), "6"], check=True, timeout=30)
    folded = [facts.decode(payload) for _, payload in replay(path)[1]]
    assert [fact.name for fact in folded if isinstance(fact, facts.SessionSeen)] == ["s0", "s1"]


@pytest.mark.parametrize("arguments", [[], ["/nowhere"], ["/nowhere", "x"], ["/nowhere", "1", "2", "3"]])
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments give the usage and status 2."""
    assert main(arguments, Latest) == 2
    assert "usage: python -m tsipcd.journal.compact" in capsys.readouterr().err


def test_a_failure_is_one_sentence(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The child says what is wrong in one line and has status 1."""
    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr("tsipcd.journal.compact.end_with_parent", lambda: None)
    (journal / segment_name(3)).unlink()
    assert main([str(journal), "5"], Latest) == 1
    assert capsys.readouterr().err.count("\n") == 1


STOPPED_CHILD = """
import os, signal
from tsipcd.journal.compact import end_with_parent
{safeguard}
print(os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def ends_with_its_parent(safeguard: str) -> bool:
    """Whether a child that is stopped is gone when its parent was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, STOPPED_CHILD.format(safeguard=safeguard)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}")
        until(lambda: state_of(child) == "T", what="the child stopped")
        parent.kill()
        parent.wait()
    try:
        until(lambda: state_of(child) in ("", "Z"), what="the child is gone", within_s=2)
    except AssertionError:
        os.kill(int(child.name), signal.SIGKILL)
        return False
    return True


def state_of(process: Path) -> str:
    """The letter of /proc/PID/stat; empty: there is no such process."""
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends it only on Linux")
def test_a_stopped_child_ends_with_its_parent() -> None:
    """A compaction that somebody stopped does not outlive its daemon and hold the folder's lock."""
    assert ends_with_its_parent("end_with_parent()")
    assert not ends_with_its_parent(""), "the check cannot fail"
