"""The listings, in the shapes of version 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli import samples
from tsipc_client.render import listing
from tsipc_client.render.columns import columns
from tsipc_client.render.style import PLAIN, Style
from tsipc_client.wire.messages import LogLines, Queued, RunList, SessionList, SubscriptionTable

TERMINAL = Style(width=80, colour=True, terminal=True)
NARROW = Style(width=30, terminal=True)

Listing = Callable[[Any, Style], Iterator[str]]

CASES: dict[str, tuple[Listing, object]] = {
    "queue": (listing.queue, samples.QUEUE),
    "empty queue": (listing.queue, Queued(messages=(), waiting=0)),
    "hostile queue": (listing.queue, samples.HOSTILE_QUEUE),
    "subscriptions": (listing.subscriptions, samples.SUBSCRIPTIONS),
    "no subscriptions": (listing.subscriptions, SubscriptionTable(subscriptions=())),
    "events": (listing.events, samples.EVENTS_OF_V1),
    "runs": (listing.runs, samples.RUNS),
    "no runs": (listing.runs, RunList(runs=())),
    "sessions": (listing.sessions, samples.SESSIONS),
    "no sessions": (listing.sessions, SessionList(sessions=())),
}


def text_of(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def test_the_queue_is_printed_as_in_version_1() -> None:
    """Byte for byte, in a pipe."""
    assert text_of(listing.queue(samples.QUEUE_OF_V1, PLAIN)) == (
        "═══════════════════════════════════════════════════\n"
        "           Message Queue\n"
        "═══════════════════════════════════════════════════\n"
        "  ● claude-blacklist → claude-manager [delivered]\n"
        "    Type: command\n"
        '    Message: echo "Test message from blacklist"...'
    )


def test_subscriptions_are_printed_as_in_version_1() -> None:
    """Byte for byte, in a pipe."""
    assert text_of(listing.subscriptions(samples.SUBSCRIPTIONS_OF_V1, PLAIN)) == (
        "═══════════════════════════════════════════════════\n"
        "           Event Subscriptions\n"
        "═══════════════════════════════════════════════════\n"
        "  ● claude-manager\n"
        "    → deployment (notify)\n"
        "  ● claude-planka\n"
        "    → deployment (notify)"
    )


@pytest.mark.parametrize("style", [PLAIN, NARROW], ids=["piped", "narrow"])
def test_events_are_printed_as_they_are_logged(style: Style) -> None:
    """Whatever the width: a line without its end has lost its id."""
    assert tuple(listing.events(samples.EVENTS_OF_V1, style)) == samples.EVENTS_OF_V1.lines


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("style", [PLAIN, TERMINAL, NARROW], ids=["piped", "terminal", "narrow"])
def test_listing(name: str, style: Style, snapshot: SnapshotAssertion) -> None:
    """Every listing looks as it did when somebody last looked at it."""
    render, result = CASES[name]
    assert text_of(render(result, style)) == snapshot


@pytest.mark.parametrize("width", [8, 20, 39, 80])
@pytest.mark.parametrize("name", [name for name in CASES if name != "events"])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    """Whatever is in it."""
    render, result = CASES[name]
    lines = list(render(result, Style(width=width, terminal=True)))
    assert [line for line in lines if columns(line) > width] == []


@pytest.mark.parametrize("name", CASES)
def test_without_colour_it_is_the_same_text(name: str) -> None:
    """Colours add nothing but colours."""
    render, result = CASES[name]
    coloured = text_of(render(result, Style(colour=True)))
    for parameter in ("0", "1", "2", "31", "32", "33", "36"):
        coloured = coloured.replace(f"\x1b[{parameter}m", "")
    assert coloured == text_of(render(result, PLAIN))


def test_the_preview_is_fifty_characters_of_the_first_line() -> None:
    """Always followed by three dots, as in version 1."""
    queued = Queued(messages=(samples.message(text="a" * 60 + "\nsecond"),), waiting=0)
    assert list(listing.queue(queued, PLAIN))[-1] == "    Message: " + "a" * 50 + "..."


def test_a_log_line_cannot_forge_another() -> None:
    """A line end inside a line stays visible inside it."""
    forged = LogLines(lines=("2025-10-01T05:15:23+00:00 SEND a → b\n2025 SEND x",), path="")
    assert len(text_of(listing.events(forged, PLAIN)).split("\n")) == 1


def test_ids_are_shown_to_people_only() -> None:
    """The first row of a message is that of version 1 in a pipe, and has the id on a terminal."""
    assert "msg-123" not in text_of(listing.queue(samples.QUEUE_OF_V1, PLAIN))
    assert "msg-123" in text_of(listing.queue(samples.QUEUE_OF_V1, TERMINAL))
