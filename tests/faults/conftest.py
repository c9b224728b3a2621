"""What every fault has: a tally of what was tried, named after the file it is in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import tally as tallies
from tests.faults.tally import Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts what this test tries; written down when it has ended, passed or not."""
    counted = Tally(request.path.stem.removeprefix("test_"))
    yield counted
    tallies.write(counted)
