"""What every fault has: a tally of what was tried, named after the file it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import tally as tallies
from tests.faults.orders import Orders
from tests.faults.stage import Stage
from tests.faults.tally import Tally
from tests.faults.world import World
from tests.support.tmux import Tmux


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


@pytest.fixture
def world(short_path: Path, tmux: Tmux, tally: Tally) -> Iterator[World]:
    """A state folder that nobody serves yet, and panes."""
    world = World(tmux, short_path / "ipc", tally)
    world.furnish()
    yield world
    world.daemon.close()


@pytest.fixture
def orders(world: World) -> Orders:
    """Asks one thing at a time. The subscriptions are there, made by an earlier life."""
    world.start()
    world.subscribe()
    world.stop()
    return Orders(world)
