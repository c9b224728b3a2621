"""Every input that ever found something is read again, and some new ones. `scripts/fuzz` goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import live, runs
from tests.fuzz.runs import Run
from tests.fuzz.targets import CORPUS, TARGETS, Finding, Target, journal
from tests.support.daemon import Daemon

EXAMPLES = 200
CORPUS_BYTES = 1 << 20

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@each_target
def test_the_seeds_and_the_corpus_find_nothing(target: Target) -> None:
    """What was found once stays mended."""
    for data in (*target.seeds(), *(path.read_bytes() for path in target.corpus)):
        target.run(data)


@each_target
def test_some_mutated_inputs_find_nothing(target: Target) -> None:
    """The same ones in every run."""
    run = Run(target, seed=1)
    run.go_on(EXAMPLES)
    assert run.error is None, (run.found, run.error)
    assert run.executions == EXAMPLES


def test_a_live_daemon_takes_mutated_requests() -> None:
    """It goes on, answers others, and logs no defect."""
    with live.running() as daemon:
        for seed in range(3):
            number, fault = live.burst(daemon, seed)
            assert number
            assert fault == ""


def test_the_fuzzer_finds_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A planted defect is found, shrunk and kept where it is replayed from."""

    def breaks_on_a_bracket(data: bytes) -> str:
        if b"[" in data:
            raise Finding("a bracket")
        return "no bracket"

    target = Target("planted", breaks_on_a_bracket, lambda: [b"abcdef"])
    monkeypatch.setattr(runs, "CORPUS", tmp_path)
    run = Run(target, seed=1)
    run.go_on(2000)
    assert isinstance(run.error, Finding)
    assert run.found == b"["
    assert (tmp_path / runs.keep(target, run.found)).read_bytes() == run.found


def test_a_daemon_that_gave_up_is_found(short_path: Path) -> None:
    """The live oracle sees a dead daemon."""
    daemon = Daemon(short_path / "ipc")
    daemon.start()
    daemon.kill()
    assert "ended" in live.burst(daemon, 1)[1]


def test_a_journal_that_is_read_too_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle fails a reader that takes damage for the end."""
    right = next(target for target in TARGETS if target.name == "journal").seeds()[0]
    damaged = right[:-80] + bytes([right[-80] ^ 0xFF]) + right[-79:]
    journal(damaged)

    def forgiving(data: bytes, found: list[bytes]) -> None:
        found += [b"1", b"2"] if data == right else [b"1"]

    monkeypatch.setattr("tests.fuzz.targets._read", forgiving)
    with pytest.raises(Finding, match="no complaint"):
        journal(damaged)


def test_the_corpus_is_small() -> None:
    """It is read in every run, and lies in every clone."""
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < CORPUS_BYTES
    assert {path.parent.name for path in files} <= {target.name for target in TARGETS}
