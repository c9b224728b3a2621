"""The parser of control mode: bytes in, blocks and notifications out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.tmux import control
from tsipcd.tmux.control import Block, ControlParser, Notification, Overflow, Stray

STREAM = (
    b"%begin 17 250 0\n%end 17 250 0\n%sessions-changed\n%session-changed $1 a b\nhi\n"
    b"%begin 17 251 1\nx\n\n%end 17 250 1\n%error 17 251 0\n%sessions-changed\n\xff\xec\x84\xb8\n"
    b"%end 17 251 1\n"
    b"%begin 18 252 1\nno such pane\n%error 18 252 1\n%exit\n"
)
EVENTS = [
    Block((), ok=True),
    Notification("sessions-changed", ""),
    Notification("session-changed", "$1 a b"),
    Stray("hi"),
    Block(
        ("x", "", "%end 17 250 1", "%error 17 251 0", "%sessions-changed", "\udcff세"),
        ok=True,
    ),
    Block(("no such pane",), ok=False),
    Notification("exit", ""),
]


def test_a_block_ends_only_with_the_words_it_began_with() -> None:
    """Content that looks like the end of another block, or like a notification, is content."""
    assert ControlParser().feed(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    """Any cut of the stream gives the same events."""
    parser = ControlParser()
    places = [0, *sorted(cuts), len(STREAM)]
    events = [event for start, end in pairwise(places) for event in parser.feed(STREAM[start:end])]
    assert events == EVENTS


def test_endless_answers_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line or a block without end does not take all memory."""
    monkeypatch.setattr(control, "MAX_BLOCK_BYTES", 1000)
    block = ControlParser()
    block.feed(b"%begin 1 2 3\n" + 10 * (b"y" * 99 + b"\n"))
    with pytest.raises(Overflow):
        block.feed(b"y" * 99 + b"\n")
    with pytest.raises(Overflow):
        ControlParser().feed(b"x" * 1001)
