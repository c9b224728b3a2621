"""The long forms: a message's story, the daemon's report."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli import samples
from tsipc_client.render import story
from tsipc_client.render.style import PLAIN, Style
from tsipc_client.wire.messages import Shown, Status
from tsipc_client.wire.text import is_safe

TERMINAL = Style(width=80, colour=True, terminal=True)


@pytest.mark.parametrize("style", [PLAIN, TERMINAL], ids=["piped", "terminal"])
def test_shown(style: Style, snapshot: SnapshotAssertion) -> None:
    """One message's story looks as it did when somebody last looked at it."""
    assert "\n".join(story.shown(samples.SHOWN, style)) == snapshot


@pytest.mark.parametrize("style", [PLAIN, TERMINAL], ids=["piped", "terminal"])
def test_status(style: Style, snapshot: SnapshotAssertion) -> None:
    """The report looks as it did when somebody last looked at it."""
    assert "\n".join(story.status(samples.STATUS, style, now=samples.NOON)) == snapshot


@pytest.mark.parametrize("style", [PLAIN, TERMINAL], ids=["piped", "terminal"])
def test_shown_in_doubt(style: Style, snapshot: SnapshotAssertion) -> None:
    """It says what to type next."""
    message = replace(samples.SHOWN.message, status=Status.IN_DOUBT, exit_code=None)
    assert "\n".join(story.shown(replace(samples.SHOWN, message=message), style)) == snapshot


def with_text(text: str) -> Shown:
    return replace(samples.SHOWN, message=replace(samples.SHOWN.message, message=text))


def test_a_pipe_gets_the_whole_message() -> None:
    """All of 100 KB, in its own lines."""
    lines = [f"line {index} " + "x" * 90 for index in range(1000)]
    printed = list(story.shown(with_text("\n".join(lines)), PLAIN))
    assert printed[-1000:] == [f"    {text}" for text in lines]


@pytest.mark.parametrize("text", ["x\n" * 50_000, "x" * 100_000], ids=["many lines", "one long line"])
def test_a_terminal_gets_the_beginning_of_a_long_message(text: str) -> None:
    """And is told that there is more."""
    printed = list(story.shown(with_text(text), TERMINAL))
    assert sum(len(line) for line in printed) < 6000
    assert "more characters" in printed[-1]


def test_a_hostile_message_is_shown_safely() -> None:
    """Only the message's own line ends make lines."""
    printed = list(story.shown(with_text(samples.HOSTILE + "\nsecond"), PLAIN))
    assert all(is_safe(char) for line in printed for char in line)
    assert printed[-1] == "    second"
