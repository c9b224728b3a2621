"""Widths of text on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipc_client.render.columns import columns, cut, share


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("세션", 4), ("é", 1), ("e\u0301", 1), ("→●═✓", 4), ("😀", 2), ("ｆｕｌｌ", 8)],  # noqa: RUF001 (full-width letters are the test)
)
def test_columns(text: str, width: int) -> None:
    """East Asian characters and emoji take two, combining marks none."""
    assert columns(text) == width


@given(st.text(), st.integers(min_value=0, max_value=30))
def test_cut_fits_and_changes_nothing_that_fits(text: str, limit: int) -> None:
    """The result is never too wide; what is not too wide stays as it is."""
    shortened = cut(text, limit)
    assert columns(shortened) <= limit
    if columns(text) <= limit:
        assert shortened == text
    elif limit:
        assert shortened.endswith("…")


@given(st.text(), st.text(), st.integers(min_value=2, max_value=60))
def test_shared_room_is_enough_for_both(first: str, second: str, limit: int) -> None:
    """Two texts that share a width fit into it, and are only cut if they did not."""
    one, two = share(limit, first, second)
    assert columns(one) + columns(two) <= limit
    if columns(first) + columns(second) <= limit:
        assert (one, two) == (first, second)
