"""`match(glob, text)`: as fnmatch has it for `*` and `?`, in time that no pattern can stretch."""

from __future__ import annotations

import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.expressions.evaluation import Evaluation
from tsipcd.workflows.expressions.parser import parse


@given(st.text(st.sampled_from("ab*?"), max_size=9), st.text(st.sampled_from("abAB"), max_size=12))
def test_it_matches_what_a_shells_glob_matches(pattern: str, text: str) -> None:
    """Case aside, which no comparison here regards."""
    source = f"match('{pattern}', '{text}')"
    assert Evaluation(source, {}).of(parse(source)) is fnmatch.fnmatchcase(text.lower(), pattern.lower())
