"""Names as file names: readable, reversible, and never out of their folder."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsipcd.views.filename import file_to_name, is_cut, name_to_file

ANY_NAME = st.text(st.characters(exclude_categories=()), min_size=1)
HOSTILE = ["../../x", "/etc/x", "..", ".", ".hidden", "-rf", "a\nb", "a\0b", "%2F", "a/b", "\u202egnp"]


@pytest.mark.parametrize("name", ["claude-manager", "a b", "세션", "deploy_v1.2", "0", "x=y;z", "é"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    """A person finds the file by the session's name."""
    assert name_to_file(name) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../x", "%2E.%2F..%2Fx"),
        ("/etc/x", "%2Fetc%2Fx"),
        ("..", "%2E."),
        (".", "%2E"),
        ("-rf", "%2Drf"),
        ("a\nb", "a%0Ab"),
        ("%0", "%250"),
        ("\u202egnp", "%E2%80%AEgnp"),
    ],
)
def test_hostile_names_are_encoded(name: str, file: str) -> None:
    """What would leave the folder, hide, or look like an option or another name, does not."""
    assert name_to_file(name) == file


@given(ANY_NAME)
@example("x" * 200)
@example("x" * 201)
@example("세" * 90)
def test_a_file_name_is_one_short_component(name: str) -> None:
    """No slash, no NUL, no leading dot or dash, not empty, and room for a suffix."""
    file = name_to_file(name)
    assert file
    assert not set("/\0\n") & set(file)
    assert file[0] not in ".-"
    assert len(file.encode()) <= 200


@given(ANY_NAME)
def test_decoding_gives_the_name_back(name: str) -> None:
    """Unless it had to be cut, which shows."""
    file = name_to_file(name)
    assert file_to_name(file) == (None if is_cut(file) else name)


@given(ANY_NAME, ANY_NAME)
@example("x" * 300, "x" * 301)
@example("a%2Fb", "a/b")
def test_different_names_have_different_files(one: str, other: str) -> None:
    """No name can take another's file."""
    assert (name_to_file(one) == name_to_file(other)) == (one == other)


def test_a_long_name_keeps_its_start() -> None:
    """A person still sees whose file it is; a cut is never in the middle of a character."""
    file = name_to_file("세" * 85)
    assert file.startswith("세" * 40 + "%~")
    assert is_cut(file)


def test_a_file_that_nobody_encoded_is_no_name() -> None:
    """Only one spelling belongs to a name."""
    assert [file_to_name(file) for file in ("50%", "%2f", ".x", "%41", "a\udc80", "%E2%86")] == [None] * 6
