"""The folder that is ready for the next step: used once, and never needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tsipcd.tmux.spares import LOG, PARTIAL, SPARE, Spares
from tsipcd.tmux.transcript import cut


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


async def refilled(spares: Spares) -> None:
    spares.refill()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "spare folder"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_spare_becomes_the_folder_and_the_log_of_one_step(runs: Path) -> None:
    """The next step finds none until it is made anew; all of it is for us alone."""
    spares = Spares(runs, ("step",))
    await refilled(spares)
    spares.place(runs / "1", runs / "1.log")
    spares.place(runs / "2", runs / "2.log")
    assert names(runs) == {"1", "1.log"}
    assert names(runs / "1") == {"step", PARTIAL}
    assert [oct(path.stat().st_mode & 0o777) for path in (runs / "1", runs / "1.log")] == ["0o700", "0o600"]
    await refilled(spares)
    spares.place(runs / "2", runs / "2.log")
    assert (runs / "2.log").exists()


@pytest.mark.parametrize("there", ["1", "1.log"])
async def test_what_an_earlier_submission_left_is_kept(runs: Path, there: str) -> None:
    """A folder or a log that is there already is not replaced by an empty one."""
    spares = Spares(runs, ("step",))
    await refilled(spares)
    if there == "1":
        (runs / there).mkdir()
    else:
        (runs / there).write_text("printed")
    spares.place(runs / "1", runs / "1.log")
    assert names(runs) == {there, SPARE}
    assert there == "1" or (runs / there).read_text() == "printed"


async def test_what_lies_in_the_place_of_a_spare_is_not_used(runs: Path, tmp_path: Path) -> None:
    """A link there, or in a folder there, leads nothing of a step to where it points."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (runs / SPARE).mkdir()
    (runs / SPARE / LOG).symlink_to(victim)
    spares = Spares(runs, ("step",))
    await refilled(spares)
    spares.place(runs / "1", runs / "1.log")
    assert not (runs / "1").exists()
    assert victim.read_text() == "precious"


async def test_a_spare_that_went_is_not_missed(runs: Path) -> None:
    """Somebody tidies up: the step makes its own."""
    spares = Spares(runs, ())
    await refilled(spares)
    for path in (runs / SPARE).iterdir():
        path.unlink()
    (runs / SPARE).rmdir()
    spares.place(runs / "1", runs / "1.log")
    assert not names(runs)


def test_a_log_is_cut_into_the_spare_file(tmp_path: Path) -> None:
    """With one or without; what an earlier life left half done is no hindrance."""
    for spare in (tmp_path / PARTIAL, tmp_path / "none"):
        log = tmp_path / "1.log"
        log.write_bytes(b"typed<out>rest")
        (tmp_path / "1.log.partial").write_text("left by an earlier life, and longer")
        (tmp_path / PARTIAL).touch()
        cut(log, b"<", b">", whole=True, spare=spare)
        assert log.read_bytes() == b"out"
        assert spare.exists() is False
        assert not (tmp_path / "1.log.partial").exists()
