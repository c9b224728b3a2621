"""Percent-encoding gives the very text back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.views import percent

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT, st.sets(st.characters(exclude_categories=())))
def test_decoding_gives_the_text_back(text: str, must: set[str]) -> None:
    """Whatever has to be encoded, lone surrogates included."""
    assert percent.decode(percent.encode(text, must.__contains__)) == text


def test_an_escape_is_the_utf_8_of_the_character() -> None:
    """Any tool that knows percent-encoding can decode it."""
    assert percent.encode("a/%→", lambda char: char in "/→") == "a%2F%25%E2%86%92"


def test_what_nobody_encoded_is_refused() -> None:
    """Half of a character's bytes is no text."""
    with pytest.raises(UnicodeDecodeError):
        percent.decode("%E2%86")
