"""Captured commands by themselves: run as a step is, stopped once, and taken up by the next life."""

from __future__ import annotations

import pytest

from tests.core.test_cancelling import next_life
from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import State


def begin(talk: Talk) -> None:
    """Message 1 runs."""
    talk.send("claude-manager", "make", capture=True)
    talk.ready(1, pin(1))
    talk.typed(1)


def cancel(talk: Talk) -> list[e.Effect]:
    return talk.ask(m.Cancel(id="msg-1"), i.Caller(session="claude-man"))


def cancelled(effects: list[e.Effect]) -> str:
    answer = only(effects, e.Reply).result
    assert isinstance(answer, m.Cancelled)
    return answer.status


def test_it_is_typed_as_a_script_and_holds_its_lane(talk: Talk) -> None:
    """A shell at its prompt is asked for; the next command waits until this one is done."""
    sent = talk.send("claude-manager", "make", capture=True)
    assert only(sent, e.Inspect).step
    assert only(talk.ready(1, pin(1)), e.StartStep) == e.StartStep(1, 1, pin(1), 0, 1, "make", "bash")
    talk.typed(1)
    assert "Inspect" not in kinds(talk.send("claude-manager", "next"))
    assert talk.status(1) == "started"
    done = talk.tell(i.StepEnded(1, 0))
    assert talk.status(1) == "done"
    assert only(done, e.Inspect).number == 2


def test_a_restart_takes_it_up(talk: Talk) -> None:
    """Its files are found by its number; it is not typed again."""
    begin(talk)
    _, effects = next_life(talk)
    assert only(effects, e.AdoptStep) == e.AdoptStep(1, pin(1), 0, 1)
    assert "StartStep" not in kinds(effects)


def test_a_snapshot_keeps_that_it_is_captured(talk: Talk) -> None:
    """Waiting, and with a story."""
    begin(talk)
    cancel(talk)
    talk.send("claude-manager", "next", capture=True)
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(f.decode(f.encode(fact)))
    assert state.messages == talk.state.messages
    assert state.messages[1].course.stop_asked_at is not None
    assert state.messages[2].is_step


def test_it_is_stopped_once(talk: Talk) -> None:
    """The command is ended, durable before that; asking again changes nothing."""
    begin(talk)
    first = cancel(talk)
    assert cancelled(first) == "cancelling"
    assert only(first, e.StopStep) == e.StopStep(1, 0.0)
    assert talk.facts[-1] == f.CommandStopAsked(talk.now, 1, "claude-man")
    assert kinds(cancel(talk)) == ["Reply"]
    talk.tell(i.StepEnded(1, None, "interrupted"))
    assert talk.status(1) == "failed (interrupted)"


def test_the_next_life_goes_on_with_stopping(talk: Talk) -> None:
    """It knows for how long that was asked."""
    begin(talk)
    cancel(talk)
    _, effects = next_life(talk)
    assert [kind for kind in kinds(effects) if kind.endswith("Step")] == ["AdoptStep", "StopStep"]
    assert only(effects, e.StopStep).asked_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("outcome", [i.Outcome.TYPED, i.Outcome.REFUSED])
def test_one_that_is_being_typed_is_stopped_or_taken_back(talk: Talk, outcome: i.Outcome) -> None:
    """What came of the typing comes first."""
    talk.send("claude-manager", "make", capture=True)
    talk.ready(1, pin(1))
    asked = cancel(talk)
    assert cancelled(asked) == "cancelling"
    assert "StopStep" not in kinds(asked)
    effects = talk.typed(1, outcome)
    if outcome is i.Outcome.TYPED:
        assert only(effects, e.StopStep).number == 1
    else:
        assert talk.status(1) == "cancelled"


def test_one_that_waits_is_taken_back(talk: Talk) -> None:
    """As any message."""
    talk.send("claude-manager", "make", capture=True)
    assert cancelled(cancel(talk)) == "cancelled"


def test_what_was_begun_anew_is_not_stopped_for_what_was_before(talk: Talk) -> None:
    """A decision to type it again is newer than the wish to end it."""
    talk.send("claude-manager", "make", capture=True)
    talk.ready(1, pin(1))
    cancel(talk)
    talk.see(session("claude-manager", 3))
    talk.typed(1, i.Outcome.UNKNOWN)
    assert talk.status(1).startswith("in-doubt")
    talk.ask(m.Resolve(id="msg-1", decision=m.Decision.REDELIVER))
    talk.ready(1, pin(3))
    assert kinds(talk.typed(1)) == []
    assert talk.status(1) == "started"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"type": m.MessageType.DATA}, ErrorCode.BAD_PARAMS),
        ({"type": m.MessageType.NOTIFICATION}, ErrorCode.BAD_PARAMS),
        ({"now": True}, ErrorCode.BAD_PARAMS),
    ],
)
def test_what_cannot_be_captured_is_refused(talk: Talk, more: dict[str, object], code: ErrorCode) -> None:
    """Before anything is accepted."""
    effects = talk.send("claude-manager", "make", capture=True, **more)
    assert only(effects, e.Fail).error.code is code
    assert talk.state.last_message == 0


def test_the_pane_that_waits_is_no_place_for_it(talk: Talk) -> None:
    """Each would wait for the other."""
    own = i.Caller(session="claude-manager", pane=pin(1).pid)
    request = m.Send(source="exec", target=".", message="make", capture=True)
    assert only(talk.ask(request, own), e.Fail).error.code is ErrorCode.NOT_ALLOWED
    other = m.Send(source="exec", target="claude-man", message="make", capture=True)
    assert only(talk.ask(other, own), e.Reply).call == i.Call(1, 2)
