"""Patterns of event names."""

from __future__ import annotations

import time

import pytest

from tsipcd.core.event_names import fits, pattern_fault


@pytest.mark.parametrize(
    ("pattern", "name", "does"),
    [
        ("deployment", "deployment", True),
        ("deployment", "deployments", False),
        ("deploy.*", "deploy.app", True),
        ("deploy.*", "deploy", False),
        ("deploy.*", "deploy.app.eu", False),
        ("build.**", "build.app", True),
        ("build.**", "build.app.eu.x", True),
        ("build.**", "build", False),
        ("*", "a", True),
        ("*", "a.b", False),
        ("**", "a.b.c", True),
        ("*.error", "disk.error", True),
        ("**.error", "a.b.error", True),
        ("a.**.z", "a.b.c.z", True),
        ("a.**.z", "a.z", False),
        ("a.**.b.*", "a.b.b.b.c", True),
        ("a.*", "a.", True),
        ("세션.*", "세션.끝", True),
        ("Deploy.*", "deploy.app", False),
    ],
)
def test_a_star_is_a_word_and_two_are_several(pattern: str, name: str, *, does: bool) -> None:
    """A bare name is only itself."""
    assert fits(pattern, name) is does


@pytest.mark.parametrize("pattern", ["dep*", "a.b*", "***", "a.*x.b"])
def test_a_star_within_a_word_is_refused(pattern: str) -> None:
    """It would be taken for what it is in a shell, and fit nothing."""
    assert "whole word" in pattern_fault(pattern)
    assert pattern_fault("a.*.b.**") == ""


def test_no_pattern_takes_long() -> None:
    """As many stars as a name may have, against a name that fits only nearly."""
    pattern = ".".join(["**", "a"] * 42)
    began = time.process_time()
    assert not fits(pattern, ".".join("a" * 127) + ".b")
    assert time.process_time() - began < 30
