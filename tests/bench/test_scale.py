"""The measuring with more and more of everything: that it runs, and that the page shows what was kept."""

from __future__ import annotations

import pytest

from tests.bench import curves, scaling
from tests.bench.__main__ import IMAGES, PAGE, SCALE
from tests.bench.scaling import CURVES, MEMORY, Point


@pytest.mark.slow
@pytest.mark.xdist_group("bench")
@pytest.mark.parametrize("name", CURVES)
def test_every_curve_can_be_measured(name: str) -> None:
    """Two small points on a real stage, each with all its values; the numbers mean nothing."""
    first, second = scaling.measure(CURVES[name], 2, sizes=(2, 3))
    assert (first.at, second.at) == (2, 3)
    assert first.values.keys() == second.values.keys() >= {MEMORY}
    assert min(second.values.values()) >= 0


def test_what_the_machine_cannot_give_is_a_point_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how many there are, and nothing is tried."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (50, 50))
    assert CURVES["clients"].lacks(10) == "it takes 110 descriptors (`ulimit -n`), and there are 50"


def test_the_kept_curves_can_be_read_again() -> None:
    """The JSON holds every point as it was."""
    found = {"clients": [Point(at=1, values={MEMORY: 30.0}), Point(at=1000, skipped="it takes more")]}
    assert curves.read(curves.document(found, {"cores": "2"})) == (found, {"cores": "2"})


def test_the_page_shows_the_kept_curves() -> None:
    """Tables, notes, machine and pictures are those of the kept points: nobody edits them by hand."""
    found, machine = curves.read(SCALE.read_text())
    assert found.keys() == CURVES.keys()
    page = PAGE.read_text()
    assert curves.page(found, machine) in page
    for name, picture in curves.pictures(found).items():
        assert (IMAGES / name).read_text() == picture
        assert f"(images/{name})" in page


def test_a_picture_has_a_line_for_each_time_and_names_none_over_another() -> None:
    """Values that end at one height have their names below each other; a skipped point is not drawn."""
    points = [Point(at=1, values={"a": 1.0, "b < c": 1.0}), Point(at=10, skipped="no")]
    picture = curves.pictures({"clients": points})["scale-clients.svg"]
    assert picture.count("<polyline") == picture.count("<circle") == 2
    assert "b &lt; c" in picture
    heights = [line.split(' y="')[1].split('"')[0] for line in picture.splitlines() if 'style="fill:' in line]
    assert len(set(heights)) == len(heights) == 2
