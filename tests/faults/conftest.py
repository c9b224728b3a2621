"""What every fault has: a tally of what was tried, named after the file it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import tally as tallies
from tests.faults.stage import Stage
from tests.faults.tally import Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts what this test tries; written down when it has ended, passed or not."""
    counted = Tally(request.path.stem.removeprefix("test_"))
    yield counted
    tallies.write(counted)


@pytest.fixture
def new_stage(short_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes a stage, with the options of `Stage`; its daemon does not run yet."""
    made: list[Stage] = []

    def make(**options: str) -> Stage:
        folder = short_path / f"s{len(made)}"
        folder.mkdir()
        made.append(Stage(folder, **options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(new_stage: Callable[..., Stage]) -> Stage:
    """A stage whose daemon serves."""
    stage = new_stage()
    stage.daemon.start()
    return stage
