"""The measuring itself: that it runs, and that its table says what was measured. No number is judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import charts, report
from tests.bench.__main__ import IMAGES, NOTES, PAGE, PARTS, RESULTS, measure
from tests.bench.samples import Row, Samples


@pytest.mark.slow
@pytest.mark.xdist_group("bench")
@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_measured(part: str) -> None:
    """Each part runs on a real stage and gives rows; the numbers of one round mean nothing."""
    rows = measure([part], rounds=1)
    assert len(rows) > 1
    assert all(row.value >= 0 for row in rows)
    assert all(row.note for row in rows if row.runs), "each says what it measures and leaves out"


def test_the_table_shows_value_ratio_and_promise() -> None:
    """A row's number, what it stands beside and what was promised are on its line."""
    ours, bare = Samples([0.020, 0.024, 0.022]), Samples([0.011, 0.011])
    lines = report.table([ours.row("send", promise="< 1.6 x", beside="python", other=bare)]).splitlines()
    assert lines[2] == "| send | 22.0 ms | 24.0 ms | python | 2.00 | < 1.6 x |"


def test_every_part_says_what_it_measures() -> None:
    """For those of its rows that do not say it themselves."""
    assert PARTS.keys() == NOTES.keys()


def test_one_note_of_many_rows_is_said_once() -> None:
    """A few rows are named, of many the first and the last; rows without a note are in the table only."""
    few = [Row(name=name, value=1, unit="ms", note="no client") for name in ("a", "b")]
    many = [Row(name=f"c{number}", value=1, unit="ms", note="no disk") for number in range(9)]
    rows = [few[0], *many, few[1], Row(name="d", value=1, unit="ms")]
    assert report.notes(rows) == "- a; b: no client.\n- c0, and 8 rows from c1 to c8: no disk.\n"


def test_the_results_can_be_read_again() -> None:
    """The JSON holds every row as it was."""
    row = Row(name="sends", value=40_000, unit="/s", runs=3)
    kept = json.loads(report.document([row], {"cores": "2"}))
    assert Row(**kept["rows"][0]) == row


def test_a_page_keeps_what_is_around_the_table(tmp_path: Path) -> None:
    """Only what stands between the marks is replaced, and doing it twice is doing it once."""
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):
        report.place(page, "new\n")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_the_page_shows_what_the_results_say() -> None:
    """Table, notes and machine in the page are those of the kept results: nobody edits them by hand."""
    kept = json.loads(RESULTS.read_text())
    rows = [Row(**row) for row in kept["rows"]]
    assert report.page(rows, kept["machine"]) in PAGE.read_text()


def test_the_charts_show_what_the_results_say() -> None:
    """Each picture is what the kept results give, and stands in the page."""
    rows = [Row(**row) for row in json.loads(RESULTS.read_text())["rows"]]
    drawn = charts.pictures(rows)
    assert drawn.keys() == charts.CHARTS.keys()
    for name, picture in drawn.items():
        assert (IMAGES / name).read_text() == picture
        assert f"(images/{name})" in PAGE.read_text()


def test_a_chart_has_a_bar_for_each_line_that_was_measured() -> None:
    """Lines of other parts or units, and of what is not on this machine, are not drawn; names are escaped."""
    rows = [
        Row(name="a < b", value=2, unit="ms", part="publish", p99=4),
        Row(name="not here", value=0, unit="ms", part="publish", runs=0),
        Row(name="memory", value=2, unit="MiB", part="publish"),
        Row(name="elsewhere", value=2, unit="ms", part="steps"),
    ]
    (picture,) = charts.pictures(rows).values()
    assert picture.count("<rect") == 1
    assert "a &lt; b" in picture
