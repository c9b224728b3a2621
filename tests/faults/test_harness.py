"""The suite's own tools work: a count is a count, a seed repeats, and a safeguard can be switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import tally as tallies
from tests.faults.effort import chance, count, parts
from tests.faults.report import table
from tests.faults.tally import Spread, Tally, Totals
from tests.support.daemon import Daemon
from tsipc_client.wire.messages import Welcome
from tsipcd import front_desk


def with_another_version() -> None:
    """Not a safeguard: something that can be seen from outside."""
    welcome = Welcome(version="weakened", wire_version=1, limits={}, methods=())
    front_desk.WELCOME = welcome  # type: ignore[misc]  # final, but for this


def test_a_weakened_daemon_runs_the_patch(short_path: Path) -> None:
    """What the named function patched is in force in the daemon's process."""
    daemon = Daemon(short_path / "ipc", weakened=f"{__name__}:{with_another_version.__name__}")
    try:
        daemon.start()
        assert daemon.call("hello")["version"] == "weakened"
    finally:
        daemon.close()


def test_chance_repeats() -> None:
    """The same seed and names give the same numbers; other names others."""
    assert chance("a", 1).random() == chance("a", 1).random() != chance("a", 2).random()


def test_parts_add_up() -> None:
    """Pieces are no larger than asked for and together what was asked for."""
    pieces = parts(25, 100, each=10)
    assert sum(pieces) == count(25, 100)
    assert max(pieces) <= 10


def test_a_tally_adds_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of several tests of a family are summed, durations are spread."""
    path = tmp_path / "tally"
    monkeypatch.setenv("TS_IPC_TALLY", str(path))
    for seconds in (0.1, 0.3):
        one = Tally("kills")
        one.add("kills", 5)
        one.took("serving again", seconds)
        tallies.write(one)
    tallies.write(Tally("nothing"))
    found = tallies.totals(path.read_text().splitlines())
    assert found == {"kills": Totals({"kills": 10}, {"serving again": Spread(2, 200.0, 300.0, 300.0)})}
    assert "kills: 10" in tallies.report(found)
    assert "| kills | serving again | 2 | 200.0 ms | 300.0 ms | 300.0 ms |" in table(found)
