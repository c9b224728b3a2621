"""Caps refuse new work, whole and with their name; what was accepted goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.bounds import Bounds, Caps
from tsipcd.core.state import State
from tsipcd.workflows.definition import chain

STEPS = (("a", "make"), ("b", "make test"))


def capped(waiting: int = 0, per_target: int = 0, state: State | None = None) -> Talk:
    talk = Talk(state, caps=Caps(waiting=waiting, per_target=per_target))
    talk.see(session("a", 1), session("b", 2))
    rows = tuple(m.Subscription(session=name, event="e", action=m.Action.DATA) for name in ("a", "b"))
    talk.tell(i.SubscriptionsRead(rows))
    return talk


def refused(effects: list[e.Effect]) -> dict[str, object]:
    error = only(effects, e.Fail).error
    assert error.code == "queue_full"
    assert "nothing was accepted" in error.message
    assert kinds(effects) == ["Fail"]
    return error.data


def publish(talk: Talk) -> list[e.Effect]:
    return talk.ask(m.Publish(source="x", event="e", data="d"))


def run(talk: Talk) -> list[e.Effect]:
    return talk.tell(i.RunAsked(i.Call(1, 90), i.Caller(), chain("w", STEPS), follow=True, key=""))


def test_the_cap_in_all_refuses_the_next_and_names_itself() -> None:
    """What ends makes room."""
    talk = capped(waiting=2)
    talk.send("a")
    talk.send("b")
    data = refused(talk.send("a"))
    assert data == {"cap": "max_waiting", "limit": 2, "waiting": 2}
    assert only(run(talk), e.Fail).error.code == "queue_full"
    assert not talk.state.runs
    talk.ask(m.Cancel(id="msg-2"))
    assert "Reply" in kinds(talk.send("a"))


def test_the_cap_for_a_target_leaves_the_others_alone() -> None:
    """Counted by the name that the target resolved to."""
    talk = capped(per_target=1)
    talk.send("a")
    data = refused(talk.send("a"))
    assert data == {"cap": "max_waiting_per_target", "limit": 1, "waiting": 1, "target": "a"}
    assert "Reply" in kinds(talk.send("b"))
    talk.ready(1, pin(1))
    talk.typed(1)
    assert "Reply" in kinds(talk.send("a"))


@pytest.mark.parametrize("caps", [(2, 0), (0, 1)], ids=["in all", "for each"])
def test_an_event_is_refused_whole(caps: tuple[int, int]) -> None:
    """One subscriber too many, and none gets it."""
    talk = capped(*caps)
    talk.send("b")
    facts = len(talk.facts)
    refused(publish(talk))
    assert talk.facts[facts:] == []
    talk.ask(m.Cancel(id="msg-1"))
    assert len(only(publish(talk), e.Reply).result.subscribers) == 2  # type: ignore[union-attr]


def test_a_repeated_request_is_answered_even_if_nothing_more_enters() -> None:
    """It was accepted before."""
    talk = capped(waiting=1)
    first = only(talk.send("a", key="k"), e.Reply).result
    refused(talk.send("a", key="other"))
    assert only(talk.send("a", key="k"), e.Reply).result == first


def test_steps_of_a_run_are_never_refused() -> None:
    """Neither over the caps, as after a restart with lower ones, nor without memory; outcomes neither."""
    before = capped()
    before.send("b", "first")
    run(before)
    talk = capped(waiting=1, per_target=1, state=before.state)
    talk.machine.restore(talk.now)
    talk.tell(i.MemoryChanged(low=True))
    refused(talk.send("a"))
    talk.see(session("a", 1), session("b", 2))
    talk.ready(2, pin(1))
    talk.typed(2)
    talk.tell(i.StepEnded(2, 0))
    assert talk.status(2) == "done"
    assert talk.state.messages[3].step == 2


def test_little_memory_refuses_until_there_is_more() -> None:
    """The views and the decisions about what was accepted still work."""
    talk = capped()
    talk.send("a")
    talk.tell(i.MemoryChanged(low=True))
    for effects in (talk.send("a"), publish(talk), run(talk)):
        assert refused(effects) == {"cap": "min_free_memory"}
    assert "Reply" in kinds(talk.ask(m.Queue()))
    assert "Reply" in kinds(talk.ask(m.Cancel(id="msg-1")))
    talk.tell(i.MemoryChanged(low=False))
    assert "Reply" in kinds(talk.send("a"))


@given(
    st.lists(
        st.sampled_from(["send", "data", "publish", "run", "ready", "typed", "end", "cancel"]), max_size=40
    )
)
def test_the_count_for_each_target_is_that_of_the_state(moves: list[str]) -> None:
    """After any turns, and after a restart."""
    talk = capped(per_target=5)
    for move in moves:
        number = next((n for n, x in talk.state.messages.items() if not x.has_ended), 0)
        match move:
            case "send":
                talk.send("a")
            case "data":
                talk.send("b", type=m.MessageType.DATA)
            case "publish":
                publish(talk)
            case "run":
                run(talk)
            case "ready":
                talk.ready(number, pin(1))
            case "typed" if number:
                talk.typed(number)
            case "end":
                talk.tell(i.StepEnded(number, 0))
                talk.tell(i.DataStored(number))
            case "cancel":
                talk.ask(m.Cancel(id=f"msg-{number}"))
            case _:
                pass
        anew = Bounds(talk.state, Caps(per_target=5))
        assert talk.machine.bounds._waiting_for == anew._waiting_for
        assert talk.machine.bounds._target_of == anew._target_of
