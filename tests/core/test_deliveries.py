"""The life of a message, told as transcripts: what the core is told, and what it asks for."""

from __future__ import annotations

import pytest

from tests.support.talk import SERVER, Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.machine import Machine
from tsipcd.core.state import State
from tsipcd.core.topology import ServerId


def test_a_command_is_accepted_inspected_intended_typed_and_delivered(talk: Talk) -> None:
    """The plain path asks for one thing at a time and ends delivered."""
    effects = talk.send("claude-manager")
    assert kinds(effects) == ["Reply", "Inspect"]
    assert only(effects, e.Reply).result == m.Sent(
        id="msg-1", status=m.Status.ACCEPTED, target="claude-manager"
    )
    assert only(effects, e.Inspect).place.session_id == "$1"
    assert kinds(talk.ready(1, pin(1))) == ["TypeKeys"]
    assert talk.status(1) == "intent"
    assert talk.typed(1) == []
    assert talk.status(1) == "delivered"


def test_the_intent_is_recorded_before_anything_is_typed(talk: Talk) -> None:
    """`TypeKeys` comes with the fact that makes it durable first."""
    talk.send("claude-manager")
    facts, effects = talk.machine.handle(i.Inspected(1, i.Verdict.READY, pin=pin(1)), talk.now)
    assert isinstance(facts[0], f.TypingIntended)
    assert kinds(effects) == ["TypeKeys"]


def test_one_pane_gets_one_message_at_a_time_in_order(talk: Talk) -> None:
    """The second message for a pane is looked at when the first has ended; other panes do not wait."""
    talk.send("claude-manager", "one")
    assert kinds(talk.send("claude-manager", "two")) == ["Reply"]
    assert kinds(talk.send("claude-man", "other")) == ["Reply", "Inspect"]
    talk.ready(1, pin(1))
    (after,) = talk.typed(1)
    assert isinstance(after, e.Inspect)
    assert after.number == 2


def test_a_busy_pane_holds_with_its_reason(talk: Talk) -> None:
    """The gate's reason is the message's; the same reason twice is one fact."""
    talk.send("claude-manager")
    talk.tell(i.Inspected(1, i.Verdict.WAIT, "busy: sleep"))
    talk.tell(i.Inspected(1, i.Verdict.WAIT, "busy: sleep"))
    assert talk.status(1) == "held (busy: sleep)"
    assert sum(isinstance(fact, f.MessageHeld) for fact in talk.facts) == 1


def test_a_known_session_that_is_absent_is_waited_for(talk: Talk) -> None:
    """A message to a name seen before is held, and looked at as soon as the session is there."""
    talk.see(session("claude-man", 2))
    assert only(talk.send("claude-manager"), e.Reply).result == m.Sent(
        id="msg-1",
        status=m.Status.HELD,
        target="claude-manager",
        reason="no session claude-manager yet",
    )
    effects = talk.see(session("claude-man", 2), session("claude-manager", 7))
    assert only(effects, e.Inspect).place.session_id == "$7"


def test_an_unknown_name_is_refused_with_the_nearest_ones(talk: Talk) -> None:
    """Nothing is accepted for a name that nobody knows, and no prefix is taken for a name."""
    error = only(talk.send("claude-manage"), e.Fail).error
    assert error.code == "unknown_session"
    assert error.data["nearest"] == ["claude-manager", "claude-man"]
    assert not talk.state.messages


def test_a_pane_that_died_before_typing_sends_the_message_on(talk: Talk) -> None:
    """If the first submission finds no pane, nothing was typed: the target is looked up again."""
    talk.send("claude-manager")
    talk.ready(1, pin(1))
    talk.see(session("claude-manager", 9))
    effects = talk.typed(1, i.Outcome.GONE)
    assert only(effects, e.Inspect).place.session_id == "$9"


def test_an_unknown_outcome_is_resubmitted_with_the_same_attempt(talk: Talk) -> None:
    """The pane's marker makes the second submission harmless, so it carries the first one's number."""
    talk.send("claude-manager")
    first = only(talk.ready(1, pin(1)), e.TypeKeys)
    assert talk.typed(1, i.Outcome.UNKNOWN) == []
    again = only(talk.see(session("claude-manager", 1)), e.TypeKeys)
    assert again == first
    talk.typed(1, i.Outcome.ALREADY)
    assert talk.status(1) == "delivered"


def test_a_pane_that_died_between_intent_and_outcome_leaves_doubt(talk: Talk) -> None:
    """Nothing is typed again by itself, not even into a new session of the same name."""
    talk.send("claude-manager")
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.UNKNOWN)
    effects = talk.see(session("claude-manager", 8))
    assert not [x for x in effects if isinstance(x, e.TypeKeys | e.Inspect)]
    assert talk.status(1).startswith("in-doubt")


def test_a_restarted_server_is_another_one(talk: Talk) -> None:
    """Pane %1 of a new server at the same socket is not the pane that was typed into."""
    talk.send("claude-manager")
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.UNKNOWN)
    restarted = ServerId(SERVER.socket, 200, SERVER.started + 5)
    talk.see(session("claude-manager", 1, server=restarted), server=restarted)
    assert talk.status(1).startswith("in-doubt")


def test_a_refused_typing_is_looked_at_again(talk: Talk) -> None:
    """The guard held, so the message is where it was before the intent."""
    talk.send("claude-manager")
    talk.ready(1, pin(1))
    assert kinds(talk.tell(i.Typed(1, 1, i.Outcome.REFUSED, "copy mode"))) == ["Inspect"]
    assert talk.status(1) == "held (copy mode)"
    assert only(talk.ready(1, pin(1)), e.TypeKeys).attempt == 2


def test_a_refused_resubmission_keeps_its_attempt(talk: Talk) -> None:
    """An older submission may still sit in a stopped server: only one of the two may ever type."""
    talk.send("claude-manager")
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.UNKNOWN)
    talk.see(session("claude-manager", 1))
    talk.tell(i.Typed(1, 1, i.Outcome.REFUSED, "copy mode"))
    assert only(talk.ready(1, pin(1)), e.TypeKeys).attempt == 1


def test_a_pane_target_dies_with_its_pane(talk: Talk) -> None:
    """A message to %1 is never typed into a later pane %1."""
    talk.send("%1")
    restarted = ServerId(SERVER.socket, 200, SERVER.started + 5)
    talk.see(session("claude-manager", 1, server=restarted), server=restarted)
    assert talk.status(1) == "failed (the pane is gone)"


def test_a_message_expires_while_it_waits(talk: Talk) -> None:
    """Its time to live ends it, and lets the next one go."""
    talk.send("claude-manager", ttl_s=10.0)
    talk.send("claude-manager", "two", ttl_s=100.0)
    assert talk.machine.next_deadline is not None
    talk.now = talk.machine.next_deadline
    effects = talk.tell(i.Ticked())
    assert talk.status(1) == "expired"
    assert only(effects, e.Inspect).number == 2


@pytest.mark.parametrize("by_s", [3e7, -3e7])
def test_a_clock_that_is_set_moves_the_deadlines(talk: Talk, by_s: float) -> None:
    """What had ten seconds left has ten seconds left, in this life and, by its facts, in the next."""
    talk.send("claude-manager", ttl_s=10.0)
    left_s = talk.state.messages[1].expires_at - talk.now
    talk.now += by_s
    talk.tell(i.ClockSet(by_s))
    assert talk.state.messages[1].expires_at - talk.now == pytest.approx(left_s, abs=0.01)
    assert talk.machine.next_deadline is not None
    talk.now = talk.machine.next_deadline
    talk.tell(i.Ticked())
    assert talk.status(1) == "expired"
    again = State()
    for fact in talk.facts:
        again.apply(fact)
    assert again.messages[1].expires_at == talk.state.messages[1].expires_at


def test_time_between_two_lives_is_not_negative(talk: Talk) -> None:
    """A clock that is behind the last fact was set back: nobody waits longer for it."""
    talk.send("claude-manager", ttl_s=10.0)
    expires_at = talk.state.messages[1].expires_at
    talk.state.last_at = talk.now
    next_life = Machine(talk.state)
    facts, _ = next_life.restore(talk.now - 3e7)
    assert isinstance(facts[0], f.ClockSet)
    assert talk.state.messages[1].expires_at == pytest.approx(expires_at - 3e7, abs=0.01)


def test_a_notification_waits_until_somebody_attaches(talk: Talk) -> None:
    """Nobody there: held; shown when a client attaches to that session."""
    assert kinds(talk.send("claude-manager", "hi", type=m.MessageType.NOTIFICATION)) == ["Reply"]
    assert talk.status(1) == "held (nobody is attached to claude-manager)"
    assert kinds(talk.see(session("claude-manager", 1), session("claude-man", 2, attached=1))) == []
    assert kinds(talk.see(session("claude-manager", 1, attached=1))) == ["ShowText"]
    talk.tell(i.TextShown(1, 1))
    assert talk.status(1) == "delivered"


def test_data_is_stored_one_at_a_time_for_each_session(talk: Talk) -> None:
    """Two data messages to one session are written in order; the last one wins."""
    first = talk.send("claude-manager", "1", type=m.MessageType.DATA)
    second = talk.send("claude-manager", "2", type=m.MessageType.DATA)
    assert kinds(first) == ["Reply", "StoreData"]
    assert kinds(second) == ["Reply"]
    assert only(talk.tell(i.DataStored(1)), e.StoreData).body == "2"


def test_a_publish_is_one_fact_with_its_subscribers(talk: Talk) -> None:
    """Every subscriber gets a message; one fact holds them all."""
    talk.tell(
        i.SubscriptionsRead(
            (
                m.Subscription(session="claude-manager", event="deployment", action=m.Action.NOTIFY),
                m.Subscription(session="claude-man", event="deployment", action=m.Action.COMMAND),
                m.Subscription(session="claude-man", event="error", action=m.Action.COMMAND),
            )
        )
    )
    before = len(talk.facts)
    effects = talk.ask(m.Publish(source="ci", event="deployment", data="v1.2.3"))
    assert [type(fact).__name__ for fact in talk.facts[before:]] == ["EventPublished", "MessageHeld"]
    assert talk.state.messages[1].body == "Event: deployment - v1.2.3"
    assert only(effects, e.Inspect).number == 2
    assert talk.state.messages[2].body == "v1.2.3"


def test_a_draining_core_accepts_and_starts_nothing(talk: Talk) -> None:
    """New work is refused with a way out; what waits is left to the next life."""
    talk.send("claude-manager")
    talk.tell(i.DrainAsked())
    assert talk.ready(1, pin(1)) == []
    assert only(talk.send("claude-manager"), e.Fail).error.code == "stopping"


def test_a_key_gives_the_first_answer_again(talk: Talk) -> None:
    """The same request twice is one message; another request under its key is refused."""
    first = only(talk.send("claude-manager", key="k"), e.Reply).result
    assert only(talk.send("claude-manager", key="k"), e.Reply).result == first
    assert only(talk.send("claude-manager", "other", key="k"), e.Fail).error.code == "key_reused"
    assert len(talk.state.messages) == 1


def test_control_characters_need_raw(talk: Talk) -> None:
    """An escape in a command is refused; tabs and newlines are text."""
    assert only(talk.send("claude-manager", "ls\x1b[201~rm"), e.Fail).error.code == "bad_params"
    assert kinds(talk.send("claude-manager", "ls\x1b", raw=True)) == ["Reply", "Inspect"]
    assert kinds(talk.send("claude-man", "a\tb\nc"))[0] == "Reply"


def test_a_long_lane_outlives_its_pane(talk: Talk) -> None:
    """Thousands wait for a pane that ends: all are held, and come once and in order to the next one."""
    for number in range(3000):
        talk.send("claude-manager", str(number))
    talk.tell(i.ServerGone(SERVER.socket))
    assert {m.reason for m in talk.state.messages.values()} == {"no session claude-manager yet"}
    talk.see(session("claude-manager", 9))
    typed = []
    number = 1
    while number:
        effects = talk.ready(number, pin(9))
        typed.append(only(effects, e.TypeKeys).text)
        looks = [x.number for x in talk.typed(number) if isinstance(x, e.Inspect)]
        number = looks[0] if looks else 0
    assert typed == [str(n) for n in range(3000)]


def test_what_an_earlier_life_left_is_expected_and_told_where_it_is_not(talk: Talk) -> None:
    """Under way at a server that is gone: in doubt. Waiting for one: held as absent, the rest behind it."""
    talk.send("claude-manager", "under way")
    talk.ready(1, pin(1))
    talk.send("claude-manager", "one")
    talk.send("claude-manager", "two")
    again = Talk(talk.state)
    _, effects = again.machine.restore(again.now)
    assert kinds(effects) == ["Expect"]
    assert only(effects, e.Expect).server == SERVER
    again.tell(i.ServerGone(SERVER.socket))
    assert again.status(1) == "in-doubt (the pane ended before its answer came)"
    again.tell(i.Looked(("elsewhere does not answer",)))
    assert again.status(2) == "held (no session claude-manager yet)"
    assert again.machine.view(3).reason == "behind msg-2"  # type: ignore[union-attr]
    sessions = only(again.ask(m.Sessions()), e.Reply).result
    assert sessions == m.SessionList(sessions=(), unreachable=("elsewhere does not answer",))


def test_a_pinned_command_fails_with_its_server(talk: Talk) -> None:
    """Sent to `%1` before a crash: that pane can never come back."""
    talk.send("%1")
    again = Talk(talk.state)
    _, effects = again.machine.restore(again.now)
    assert only(effects, e.Expect).server == SERVER
    again.tell(i.ServerGone(SERVER.socket))
    assert again.status(1) == "failed (the pane is gone)"


def test_a_name_on_two_servers_waits_and_says_so(talk: Talk) -> None:
    """Absent, then there twice: typed into neither; one of them gone, into the other."""
    talk.see(session("claude-man", 2))
    talk.send("claude-manager")
    other = ServerId("/tmp/tmux-0/other", 7, 7)  # noqa: S108 - a name
    talk.tell(i.ServerSeen(SERVER, (session("claude-manager", 1), session("claude-manager", 3))))
    talk.tell(i.Looked(()))
    assert talk.status(1) == "held ('claude-manager' is on 2 servers)"
    talk.see(session("claude-manager", 1, server=other), server=other)
    assert only(talk.see(), e.Inspect).place.server == other
