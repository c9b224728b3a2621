"""N events give the lines that they should give, and parsing those gives the events back: for any names."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.conftest import unsafe_in
from tests.security.hostile import MOVING, NAMES, NO_NAMES
from tsipc_client.wire.messages import Action, MessageType
from tsipcd.core import facts as f
from tsipcd.views import log, log_words, percent
from tsipcd.views.folder import Folder
from tsipcd.views.log_file import LogFile
from tsipcd.views.tail import tail

names = st.one_of(
    st.sampled_from([*NAMES, *(name for name in NO_NAMES if name), *MOVING]),
    st.text(min_size=1, max_size=20),
    st.text(st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Cs"]), min_size=1, max_size=5),
)

accepted = st.builds(
    lambda source, target, kind: f.MessageAccepted(1.0, 7, source, target, kind, "body", 2.0),
    names,
    names,
    st.sampled_from(MessageType),
)
published = st.builds(
    lambda source, event, sessions: f.EventPublished(
        1.0, 7, source, event, "data", 2.0, tuple((session, Action.NOTIFY) for session in sessions)
    ),
    names,
    names,
    st.lists(names, max_size=3),
)
subscribed = st.builds(lambda session, event: f.Subscribed(1.0, session, event, Action.COMMAND), names, names)
events = st.one_of(accepted, published, subscribed)


def nothing(_number: int) -> None:
    return None


def name(word: str) -> str:
    """What stands behind a word of a line."""
    return "" if word == "%" else percent.decode(word)


def told(fact: f.Fact) -> list[tuple[str, ...]]:
    """What the lines of the event must say."""
    match fact:
        case f.MessageAccepted():
            return [("SEND", fact.source, "", fact.target, fact.type.value)]
        case f.EventPublished():
            return [
                ("PUBLISH", fact.source, fact.event, session, "")
                for session in [session for session, _ in fact.subscribers] or [""]
            ]
        case f.Subscribed():
            return [("SUBSCRIBE", fact.session, fact.event, "", "")]
    raise AssertionError(fact)


def parsed(line: str) -> tuple[str, ...]:
    words = line.split(" ")
    datetime.fromisoformat(words[0])
    what, rest = words[1], words[2:]
    if what == "SEND":
        source, arrow, target, kind, _ = rest
        assert arrow == "→"
        return (what, name(source), "", name(target), kind[1:-1])
    if what == "PUBLISH":
        source, event, arrow, target = rest
        assert arrow == "→"
        return (what, name(source), name(event[1:-1]), "" if target == "-" else name(target), "")
    session, event, _ = rest
    return (what, name(session), name(event[1:-1]), "", "")


@given(st.lists(events, max_size=8))
def test_the_events_come_back(facts: list[f.Fact]) -> None:
    """Line by line, through a real file."""
    lines = [line for fact in facts for line in log.lines(fact, nothing, nothing)]
    with tempfile.TemporaryDirectory() as path:
        folder = Folder.open(str(Path(path, "s")))
        file = LogFile(folder, journal="0badcafe")
        file.recover()
        file.append("".join(f"{line}\n" for line in lines).encode())
        written = Path(folder.path, "events.log").read_text()
        assert tail(folder, ["events.log"], 1000)[0] == lines
        file.close()
        folder.close()
    assert not unsafe_in(written)
    found = written.split("\n")
    assert found.pop() == ""
    assert found == lines
    assert [parsed(line) for line in found] == [event for fact in facts for event in told(fact)]


@given(names, names)
def test_different_names_are_different_words(one: str, other: str) -> None:
    """Nobody can pass for somebody else in the log."""
    assert (log_words.safe_name(one) == log_words.safe_name(other)) == (one == other)


def test_without_the_encoding_an_event_would_be_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail."""
    monkeypatch.setattr(log, "safe_name", lambda name: name)
    (line,) = log.lines(f.Subscribed(1.0, "a\nb", "e", Action.NOTIFY), nothing, nothing)
    assert "\n" in line
