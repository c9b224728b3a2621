"""Lines of the event log: the spec's form, one event one line, and parsing gives the events back."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsipc_client.wire.messages import Action, Decision, MessageType, RunStatus, Step
from tsipc_client.wire.text import is_safe
from tsipcd.core import facts as f
from tsipcd.core.aftermath import MessageRetried, MessagesPurged
from tsipcd.core.questions import QuestionAnswered
from tsipcd.core.runs import facts as rf
from tsipcd.core.topology import PanePin, ServerId
from tsipcd.views import percent
from tsipcd.views.log import lines

AT = datetime(2025, 10, 1, 5, 15, 23, tzinfo=UTC).timestamp()
COMMAND = MessageType.COMMAND
PIN = PanePin(ServerId("/s", 1, 2), "%0", 3)


class Known(NamedTuple):
    """What the state knows of a message."""

    target: str
    type: MessageType


def shown(fact: f.Fact, target: str = "claude-manager", workflow: str | None = "deploy-full") -> list[str]:
    """The lines of `fact`, of a message to `target`."""
    found = lines(fact, lambda _: Known(target, COMMAND), lambda _: workflow)
    return [line.removeprefix("2025-10-01T05:15:23+00:00 ") for line in found]


def accepted(source: str, target: str, held: str = "") -> f.MessageAccepted:
    return f.MessageAccepted(AT, 123, source, target, COMMAND, "secret body", AT + 60, held=held)


def published(source: str, event: str, *sessions: str) -> f.EventPublished:
    pairs = tuple((session, Action.NOTIFY) for session in sessions)
    return f.EventPublished(AT, 124, source, event, "secret data", AT + 60, pairs)


def test_the_specs_examples_are_exact() -> None:
    """All three, letter by letter."""
    facts: list[tuple[f.Fact, str]] = [
        (
            accepted("claude-blacklist", "claude-manager"),
            "2025-10-01T05:15:23+00:00 SEND claude-blacklist → claude-manager [command] msg-123",
        ),
        (
            f.MessageDelivered(AT + 1.9, 123),
            "2025-10-01T05:15:24+00:00 DELIVER claude-manager [command] msg-123",
        ),
        (
            f.EventPublished(
                AT + 47, 124, "claude-blacklist", "deployment", "v1", 0, (("claude-manager", Action.NOTIFY),)
            ),
            "2025-10-01T05:16:10+00:00 PUBLISH claude-blacklist [deployment] → claude-manager",
        ),
    ]
    for fact, line in facts:
        assert lines(fact, lambda _: Known("claude-manager", COMMAND), lambda _: None) == (line,)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            accepted("a", "b", held="no such session"),
            ["SEND a → b [command] msg-123", "HOLD b [command] msg-123 (no such session)"],
        ),
        (published("ci", "deployment"), ["PUBLISH ci [deployment] → -"]),
        (published("ci", "d", "b", "c"), ["PUBLISH ci [d] → b", "PUBLISH ci [d] → c"]),
        (
            f.EventPaused(AT, 7, "a b", "", "ping", "too deep\n", AT + 60, AT + 99),
            ["PAUSE a%20b [ping] (too deep%0A)"],
        ),
        (f.EventPaused(AT, 7, "", "-", "ping", "x", AT + 60, AT + 99, ("b",)), ["PAUSE %2D [ping] (x)"]),
        (f.EventPaused(AT, 7, "", "", "ping", "x", AT + 60, AT + 99, ("b", "c")), ["PAUSE - [ping] (x)"]),
        (f.MessageHeld(AT, 7, "busy: sleep"), ["HOLD claude-manager [command] msg-7 (busy: sleep)"]),
        (f.MessageHeld(AT, 7, ""), ["HOLD claude-manager [command] msg-7"]),
        (f.MessageFailed(AT, 7, "gone\n100%"), ["FAIL claude-manager [command] msg-7 (gone%0A100%25)"]),
        (f.MessageDoubted(AT, 7, "pane died"), ["DOUBT claude-manager [command] msg-7 (pane died)"]),
        (
            f.DoubtResolved(AT, 7, Decision.REDELIVER, "by hand in a\nb", AT),
            ["RESOLVE claude-manager [command] msg-7 redeliver (by hand in a%0Ab)"],
        ),
        (f.MessageExpired(AT, 7), ["EXPIRE claude-manager [command] msg-7"]),
        (f.MessageCancelled(AT, 7), ["CANCEL claude-manager [command] msg-7"]),
        (MessageRetried(AT, 7, 9), ["RETRY claude-manager [command] msg-7 msg-9"]),
        (MessagesPurged(AT, (7,)), []),
        (QuestionAnswered(AT, 7, "yes", "a b"), ["REPLY claude-manager [command] msg-7 (a b)"]),
        (f.CommandStopAsked(AT, 7, "a b"), ["STOP claude-manager [command] msg-7 (a b)"]),
        (f.StepStarted(AT, 7), ["START claude-manager [command] msg-7"]),
        (f.StepFinished(AT, 7, 0), ["DONE claude-manager [command] msg-7 exit 0"]),
        (
            rf.RunStarted(AT, 3, "deploy-full", (Step(session="a", command="secret"),)),
            ["RUN deploy-full run-3"],
        ),
        (rf.RunCancelAsked(AT, 3, "claude-man"), ["CANCEL deploy-full run-3 (claude-man)"]),
        (rf.RunFinished(AT, 3, RunStatus.SUCCESS), ["END deploy-full run-3 success"]),
        (
            f.Subscribed(AT, "claude-manager", "deployment", Action.NOTIFY),
            ["SUBSCRIBE claude-manager [deployment] notify"],
        ),
        (f.Unsubscribed(AT, "claude-manager", "deployment"), ["UNSUBSCRIBE claude-manager [deployment]"]),
        (f.TypingIntended(AT, 7, 1, PIN), []),
        (f.SessionSeen(AT, "a"), []),
        (f.CountersKept(AT, 1, 2, 3), []),
    ],
)
def test_each_fact_has_its_lines(fact: f.Fact, expected: list[str]) -> None:
    """Bodies are in none of them."""
    assert shown(fact) == expected
    assert "secret" not in "".join(shown(fact))


def test_what_is_not_known_any_more_is_a_bare_dash() -> None:
    """The line is there nonetheless; no name looks like it."""
    assert lines(f.MessageExpired(AT, 7), lambda _: None, lambda _: None)[0].endswith("EXPIRE - [-] msg-7")
    assert lines(rf.RunFinished(AT, 3, RunStatus.FAILURE), lambda _: None, lambda _: None)[0].endswith(
        "END - run-3 failure"
    )
    assert shown(f.MessageExpired(AT, 7), target="-") == ["EXPIRE %2D [command] msg-7"]
    assert shown(published("-", "-", "-")) == ["PUBLISH %2D [%2D] → %2D"]


def test_ordinary_names_are_readable() -> None:
    """Only what could be taken for something else is encoded."""
    assert shown(accepted("세션", "a b→[c]\t%0")) == ["SEND 세션 → a%20b→[c]%09%250 [command] msg-123"]


# A reader of the log that knows nothing of the writer but the form in its documentation.

WORD, BRACKET = r"(\S+)", r"\[(\S+)\]"
FORMS = {
    "SEND": rf"{WORD} → {WORD} {BRACKET} (msg-\d+)",
    "PUBLISH": rf"{WORD} {BRACKET} → {WORD}",
    **dict.fromkeys(("DELIVER", "EXPIRE", "CANCEL", "START"), rf"{WORD} {BRACKET} (msg-\d+)"),
    **dict.fromkeys(("HOLD", "FAIL", "DOUBT"), rf"{WORD} {BRACKET} (msg-\d+)(?: \((.*)\))?"),
    "DONE": rf"{WORD} {BRACKET} (msg-\d+) exit (-?\d+)",
    "RUN": rf"{WORD} (run-\d+)",
    "END": rf"{WORD} (run-\d+) (\w+)",
    "SUBSCRIBE": rf"{WORD} {BRACKET} (\w+)",
    "UNSUBSCRIBE": rf"{WORD} {BRACKET}",
}


def parse(line: str) -> tuple[str, ...]:
    stamp, action, rest = line.split(" ", 2)
    assert datetime.fromisoformat(stamp).utcoffset() is not None
    found = re.fullmatch(FORMS[action], rest)
    assert found is not None, line
    words = ("" if word in ("%", None) else percent.decode(word) for word in found.groups())
    return (action, *words)


TEXT = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["-", "→", "a → b", "[x] msg-1", "a\nb", "%0A", "%", "\u2028", "\u202e", "\xa0", ") (", "\x1b[2J"]
)
NUMBER = st.integers(1, 10**12)


Event = tuple[f.Fact, str, list[tuple[str, ...]]]


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A fact, what the state knows, and what its lines should tell."""
    name, other, reason, number = draw(TEXT), draw(TEXT), draw(TEXT), draw(NUMBER)
    message, run = f"msg-{number}", f"run-{number}"
    subject = (name, "command", message)
    sessions = tuple(draw(st.lists(TEXT, max_size=3)))
    published = [("PUBLISH", other, name, session) for session in sessions or ("-",)]
    pairs = tuple((session, Action.DATA) for session in sessions)
    choices: list[Event] = [
        (f.MessageAccepted(AT, number, other, name, COMMAND, "", 0), name, [("SEND", other, *subject)]),
        (f.MessageDelivered(AT, number), name, [("DELIVER", *subject)]),
        (f.EventPublished(AT, number, other, name, "", 0, pairs), name, [*published]),
        (f.MessageHeld(AT, number, reason), name, [("HOLD", *subject, reason)]),
        (f.MessageFailed(AT, number, reason), name, [("FAIL", *subject, reason)]),
        (f.MessageDoubted(AT, number, reason), name, [("DOUBT", *subject, reason)]),
        (f.StepFinished(AT, number, 130), name, [("DONE", *subject, "130")]),
        (rf.RunStarted(AT, number, name, ()), name, [("RUN", name, run)]),
        (rf.RunFinished(AT, number, RunStatus.SUCCESS), name, [("END", name, run, "success")]),
        (f.Subscribed(AT, name, other, Action.DATA), name, [("SUBSCRIBE", name, other, "data")]),
        (f.Unsubscribed(AT, name, other), name, [("UNSUBSCRIBE", name, other)]),
    ]
    return draw(st.sampled_from(choices))


FORGED = "a\n2025-10-01T05:15:23+00:00 SEND b"


@given(st.lists(events(), max_size=8))
@example([(f.MessageFailed(AT, 1, "x) (y"), FORGED, [("FAIL", FORGED, "command", "msg-1", "x) (y")])])
def test_n_events_are_n_lines_and_parsing_gives_them_back(happened: list[Event]) -> None:
    """Whatever is in the names and reasons, no line is forged, split or lost."""
    log = ""
    expected: list[tuple[str, ...]] = []
    for fact, name, told in happened:
        found = lines(fact, functools.partial(known, name), functools.partial(named, name))
        log += "".join(f"{line}\n" for line in found)
        expected += told
    assert [parse(line) for line in log.splitlines()] == expected
    assert all(is_safe(char) for char in log.replace("\n", ""))


def known(target: str, _: int) -> Known:
    return Known(target, COMMAND)


def named(workflow: str, _: int) -> str:
    return workflow
