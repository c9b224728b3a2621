"""Listings show the latest messages in the order of their numbers, whatever order the state holds them in."""

from __future__ import annotations

import pytest

from tests.support.talk import Talk, only, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core.state import State


def listed(talk: Talk, limit: int, *, pending: bool = False) -> list[int]:
    queued = only(talk.ask(m.Queue(limit=limit, pending=pending)), e.Reply).result
    assert isinstance(queued, m.Queued)
    return [int(view.id.removeprefix("msg-")) for view in queued.messages]


def recovered() -> Talk:
    """Messages that ended in an order of their own, a snapshot of that, and new ones after it."""
    talk = Talk()
    talk.see(session("a", 1))
    for _ in range(8):
        talk.send("a")
    for number in (7, 2, 5):
        talk.ask(m.Cancel(id=f"msg-{number}"))
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(fact)
    again = Talk(state)
    again.see(session("a", 1))
    again.send("a")
    again.ask(m.Cancel(id="msg-4"))
    assert list(state.messages) != sorted(state.messages)
    return again


@pytest.mark.parametrize("limit", [0, 1, 2, 4, 7, 100])
def test_the_latest_are_listed_in_order_after_a_recovery(limit: int) -> None:
    """Those that ended and those that wait are one list; `pending` leaves out what ended."""
    talk = recovered()
    numbers = sorted(talk.state.messages)
    waiting = [number for number in numbers if not talk.state.messages[number].has_ended]
    assert waiting == [1, 3, 6, 8, 9]
    assert listed(talk, limit) == numbers[len(numbers) - min(limit, len(numbers)) :]
    assert listed(talk, limit, pending=True) == waiting[len(waiting) - min(limit, len(waiting)) :]


def test_sessions_count_what_waits_for_them() -> None:
    """By any name that leads there; what ended does not count."""
    talk = Talk()
    talk.see(session("claude-a", 1), session("b", 2))
    for target in ("a", "claude-a", "b", "b"):
        talk.send(target)
    talk.ask(m.Cancel(id="msg-4"))
    seen = only(talk.ask(m.Sessions()), e.Reply).result
    assert isinstance(seen, m.SessionList)
    assert {view.name: view.pending for view in seen.sessions} == {"claude-a": 2, "b": 1}
