"""Old runs' output goes by count; what still runs stays."""

from __future__ import annotations

from pathlib import Path

from tsipcd.views.folder import Folder
from tsipcd.views.run_logs import RunLogs


def test_the_last_runs_and_those_that_run_are_kept(tmp_path: Path) -> None:
    """Ten is newer than nine, whatever the alphabet says; other people's folders are left alone."""
    for number in range(1, 13):
        (tmp_path / f"runs/run-{number}/1").mkdir(parents=True)
        (tmp_path / f"runs/run-{number}/1.log").write_text("x")
        (tmp_path / f"runs/msg-{number}").mkdir()
    (tmp_path / "runs/mine").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "runs/run-0").symlink_to(outside)
    (tmp_path / "runs/msg-100").mkdir()
    under_way = {("run", 2), ("msg", 5)}
    runs = RunLogs(Folder.open(str(tmp_path / "runs")), keep=3)
    runs.prune(lambda kind, number: (kind, number) in under_way)
    left = {path.name for path in (tmp_path / "runs").iterdir()}
    assert left == {
        "mine", "run-0", "run-2", "run-10", "run-11", "run-12", "msg-5", "msg-11", "msg-12", "msg-100"
    }  # fmt: skip
    assert outside.is_dir()
