"""Which events a listener wants."""

from __future__ import annotations

import pytest

from tsipc_client.wire.errors import BadInput
from tsipc_client.wire.messages import EventView
from tsipcd.stream.wanted import Wanted, chosen

EVENT = EventView(
    seq=41, at=1.0, event="build.app", source="ci", data='{"ok": true, "n": 3}', observed="main"
)


@pytest.mark.parametrize(
    ("where", "is_true"),
    [
        ("", True),
        ("event.type == 'BUILD.app'", True),
        ("event.source == 'ci' && event.id > 40", True),
        ("event.id == 42", False),
        ("fromJSON(event.data).ok", True),
        ("fromJSON(event.data).n < 3", False),
        ("startsWith(event.data, '{') && event.observed == 'main'", True),
        ("fromJSON(event.source).ok", False),
        ("event.nothing", False),
    ],
)
def test_an_expression_sees_the_event(where: str, *, is_true: bool) -> None:
    """One that cannot be evaluated for an event is not true of it."""
    wanted = Wanted(where=where)
    wanted.check()
    assert wanted.admits(EVENT) is is_true


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(patterns=("dep*",)),
        Wanted(where="event.type =="),
        Wanted(where="github.actor"),
        Wanted(where="success()"),
        Wanted(where="("),
    ],
)
def test_what_cannot_be_read_is_refused(wanted: Wanted) -> None:
    """With a hint how it is written."""
    with pytest.raises(BadInput) as refused:
        wanted.check()
    assert refused.value.hint


def test_names_and_expression_both_count() -> None:
    """Any of the names; and the expression."""
    wanted = Wanted(("deploy", "build.*"), "event.source == 'ci'")
    assert wanted.admits(EVENT)
    assert not Wanted(("deploy",)).admits(EVENT)
    assert not Wanted(("build.*",), "event.source == 'x'").admits(EVENT)


def test_looking_ends_with_the_last_that_is_wanted() -> None:
    """What comes behind it was not looked at."""
    assert chosen(Wanted(), [EVENT] * 5, 2) == ([0, 1], 2)
    assert chosen(Wanted(("x",)), [EVENT] * 5, 2) == ([], 5)
