"""Replay and snapshots: the same facts give the same state, and a snapshot gives it again."""

from __future__ import annotations

from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.talk import Talk, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.delivery import MOVES, IllegalMove
from tsipcd.core.loops import Limits
from tsipcd.core.state import KEEP_ENDED, State
from tsipcd.workflows.definition import chain

MOVES_IN_A_TALK = st.lists(
    st.sampled_from(
        [
            "send",
            "data",
            "publish",
            "loop",
            "run",
            "ready",
            "wait",
            "typed",
            "unknown",
            "gone",
            "end",
            "see",
            "resolve",
        ]
    ),
    max_size=60,
)


def contents(state: State) -> object:
    return (
        {n: copy(message) for n, message in sorted(state.messages.items())},
        list(state.ended),
        {n: (r.workflow, r.start, r.status, r.messages) for n, r in state.runs.items()},
        state.keys,
        list(state.names),
        list(state.chains.causes.items()),
        list(state.chains.pauses.items()),
        (state.last_message, state.last_run, state.last_attempt, state.in_doubt),
    )


def play(moves: list[str]) -> Talk:
    talk = Talk(limits=Limits(max_depth=2, burst=3))
    talk.see(session("a", 1), session("b", 2, attached=1))
    table = (
        m.Subscription(session="b", event="e", action=m.Action.NOTIFY),
        m.Subscription(session="a", event="loop", action=m.Action.COMMAND),
    )
    talk.tell(i.SubscriptionsRead(table))
    for n, move in enumerate(moves):
        open_numbers = [x.number for x in talk.state.messages.values() if not x.has_ended]
        number = open_numbers[0] if open_numbers else 0
        match move:
            case "send":
                talk.send("a", key=f"k{n}")
            case "data":
                talk.send("b", type=m.MessageType.DATA)
            case "publish":
                talk.ask(m.Publish(source="x", event="e", data="d", key=f"p{n}"))
            case "loop":
                talk.ask(m.Publish(source="x", event="loop", data="d"), i.Caller(9, "a", pin(1).pid))
            case "run":
                deploy = chain("w", [("a", "x"), ("b", "y")])
                talk.tell(i.RunAsked(i.Call(1, n), i.Caller(), deploy, follow=True, key=f"r{n}"))
            case "ready":
                talk.ready(number, pin(1))
            case "wait":
                talk.tell(i.Inspected(number, i.Verdict.WAIT, "busy: x"))
            case "typed" | "unknown" | "gone" if number:
                talk.typed(number, i.Outcome(move))
            case "end":
                talk.tell(i.StepEnded(number, 0))
                talk.tell(i.DataStored(number))
                talk.tell(i.TextShown(number, 1))
            case "resolve":
                doubted = [x.id for x in talk.state.messages.values() if x.status is m.Status.IN_DOUBT]
                decision = tuple(m.Decision)[n % 3]
                talk.ask(m.Resolve(id=doubted[0] if doubted else "msg-1", decision=decision))
            case "see":
                talk.see(session("a", 3 + n), session("b", 2))
            case _:
                pass
    return talk


@given(MOVES_IN_A_TALK)
def test_replay_and_snapshot_give_the_same_state(moves: list[str]) -> None:
    """Facts through their bytes into an empty state, and its snapshot into another, equal the live one."""
    talk = play(moves)
    replayed = State()
    for fact in talk.facts:
        replayed.apply(f.decode(f.encode(fact)))
    assert contents(replayed) == contents(talk.state)
    restored = State()
    for fact in replayed.snapshot(talk.now):
        restored.apply(f.decode(f.encode(fact)))
    assert contents(restored) == contents(talk.state)


@given(MOVES_IN_A_TALK)
def test_a_restored_core_types_nothing_that_may_have_been_typed(moves: list[str]) -> None:
    """After a crash only a submission with the same attempt may follow an intent."""
    talk = play(moves)
    state = State()
    for fact in talk.facts:
        state.apply(fact)
    intents = {x.number: x.course.attempt for x in state.messages.values() if x.status is m.Status.INTENT}
    again = Talk(state)
    again.machine.restore(talk.now)
    again.see(session("a", 1), session("b", 2))
    for effect in again.effects:
        number = getattr(effect, "number", 0)
        if hasattr(effect, "attempt"):
            assert getattr(effect, "attempt", 0) == intents[number]


def test_every_fact_survives_its_bytes() -> None:
    """Encoding and decoding give the fact back."""
    fact = f.TypingIntended(1.5, 3, 7, pin(2), "zsh")
    assert f.decode(f.encode(fact)) == fact


def test_ended_messages_are_kept_by_count() -> None:
    """The latest that ended stay listed; older ones are dropped."""
    talk = Talk()
    talk.see(session("a", 1))
    for number in range(1, KEEP_ENDED + 4):
        talk.send("a", type=m.MessageType.DATA)
        talk.tell(i.DataStored(number))
    assert len(talk.state.messages) == KEEP_ENDED
    assert min(talk.state.messages) == 4


@pytest.mark.parametrize("old", list(m.Status))
def test_no_other_move_is_legal(old: m.Status) -> None:
    """A fact that the table does not allow is never applied."""
    from tsipcd.core.delivery import check_move  # noqa: PLC0415 - reads best beside its use

    for new in m.Status:
        if new in MOVES[old]:
            check_move(1, old, new)
        else:
            with pytest.raises(IllegalMove):
                check_move(1, old, new)


def test_what_messages_have_alike_is_kept_once() -> None:
    """Names, what else was asked, and the reason are one object for all, also after a restart."""
    talk = Talk()
    talk.see(session("known", 1))
    talk.see()
    talk.send("known")
    talk.send("known")
    replayed, restored = State(), State()
    for fact in talk.facts:
        replayed.apply(f.decode(f.encode(fact)))
    for fact in replayed.snapshot(talk.now):
        restored.apply(f.decode(f.encode(fact)))
    for state in (talk.state, replayed, restored):
        first, second = state.messages.values()
        assert first.status is m.Status.HELD
        for name in ("source", "target", "reason", "envelope", "course", "moves"):
            assert getattr(first, name) is getattr(second, name), name


def test_a_snapshot_is_short_about_what_only_waits() -> None:
    """A message to which nothing has happened is written as it was accepted, any other with its story."""
    talk = Talk()
    talk.see(session("a", 1))
    talk.send("a")
    talk.send("a")
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.TYPED)
    kinds = [type(fact) for fact in talk.state.snapshot(talk.now) if hasattr(fact, "number")]
    assert kinds == [f.WaitingKept, f.MessageKept]


def test_the_last_fact_of_a_snapshot_says_when_it_was_made() -> None:
    """A start that finds nothing behind a snapshot compares the clock with it."""
    talk = Talk()
    talk.see(session("a", 1))
    talk.send("a")
    *_, last = talk.state.snapshot(talk.now + 5)
    assert last.at == talk.now + 5
