"""What is in doubt waits for a decision; each decision leads where it says, once."""

from __future__ import annotations

import pytest

from tests.support.talk import SERVER, Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.doubts import MAX_UNASKED
from tsipcd.core.machine import DEFAULT_TTL_S
from tsipcd.core.runs import facts as rf
from tsipcd.core.state import State
from tsipcd.core.topology import ServerId
from tsipcd.workflows.definition import chain

STEPS = (
    ("claude-manager", "make"),
    ("claude-man", "make test"),
)


def doubted(talk: Talk, target: str = "claude-manager", *, then: int = 8) -> None:
    """Message 1 was handed to tmux, and its pane ended before an answer came; its session is back since."""
    talk.send(target)
    doubt(talk, 1, then=then)


def doubt(talk: Talk, number: int, *, at: int = 1, then: int) -> None:
    talk.ready(number, pin(at))
    talk.typed(number, i.Outcome.UNKNOWN)
    talk.see(session("claude-manager", then), session("claude-man", 2))


def resolve(talk: Talk, decision: m.Decision, id_: str = "msg-1", session_: str = "") -> list[e.Effect]:
    return talk.ask(m.Resolve(id=id_, decision=decision), i.Caller(1, session_))


def answer(effects: list[e.Effect]) -> m.Resolved:
    result = only(effects, e.Reply).result
    assert isinstance(result, m.Resolved)
    return result


def error(effects: list[e.Effect]) -> tuple[str, str]:
    found = only(effects, e.Fail).error
    return found.code, f"{found.message}; {found.hint}"


def reborn(talk: Talk) -> Talk:
    """The next life of the daemon, from this one's snapshot."""
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(f.decode(f.encode(fact)))
    return Talk(state)


def test_redeliver_types_it_again_with_a_fresh_attempt(talk: Talk) -> None:
    """Into the pane that its name leads to now; the old attempt's number is never used again."""
    doubted(talk)
    old = talk.state.messages[1].course.attempt
    effects = resolve(talk, m.Decision.REDELIVER)
    assert answer(effects).status is m.Status.ACCEPTED
    assert only(effects, e.Inspect).place.session_id == "$8"
    typing = only(talk.ready(1, pin(8)), e.TypeKeys)
    assert typing.attempt == old + 1
    assert typing.pin == pin(8)
    # What still comes of the old attempt changes nothing.
    talk.tell(i.Typed(1, old, i.Outcome.TYPED))
    assert talk.status(1) == "intent"
    talk.typed(1)
    assert talk.status(1) == "delivered"


def test_a_redelivered_message_joins_the_end_of_its_panes_lane(talk: Talk) -> None:
    """What is being typed there goes first."""
    doubted(talk)
    talk.send("claude-manager", "other")
    assert kinds(resolve(talk, m.Decision.REDELIVER)) == ["Reply"]
    talk.ready(2, pin(8))
    assert only(talk.typed(2), e.Inspect).number == 1


def test_redeliver_waits_for_a_session_that_is_absent(talk: Talk) -> None:
    """It is held with the reason, and goes out when the session is there."""
    doubted(talk)
    talk.see(session("claude-man", 2))
    found = answer(resolve(talk, m.Decision.REDELIVER))
    assert (found.status, found.reason) == (m.Status.HELD, "no session claude-manager yet")
    effects = talk.see(session("claude-man", 2), session("claude-manager", 9))
    assert only(effects, e.Inspect).place.session_id == "$9"


def test_redeliver_to_a_pane_that_is_gone_fails_with_its_reason(talk: Talk) -> None:
    """`%1` is that life of that pane: its namesake on a new server is not typed into."""
    talk.send("%1")
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.UNKNOWN)
    restarted = ServerId(SERVER.socket, 200, SERVER.started + 5)
    talk.see(session("claude-manager", 1, server=restarted), server=restarted)
    assert talk.status(1).startswith("in-doubt")
    effects = resolve(talk, m.Decision.REDELIVER)
    found = answer(effects)
    assert (found.status, found.reason) == (m.Status.FAILED, "the pane is gone")
    assert kinds(effects) == ["Reply"]


def test_redeliver_begins_its_time_to_live_anew(talk: Talk) -> None:
    """A day in doubt does not make it expire at once; deciding twice does not make it live twice as long."""
    talk.send("claude-manager", ttl_s=60.0)
    doubt(talk, 1, then=8)
    talk.now += 1000
    resolve(talk, m.Decision.REDELIVER)
    assert talk.state.messages[1].expires_at == pytest.approx(talk.now + 60)
    talk.tell(i.Ticked())
    assert talk.status(1) == "accepted"
    doubt(talk, 1, at=8, then=9)
    resolve(talk, m.Decision.REDELIVER)
    assert talk.state.messages[1].expires_at == pytest.approx(talk.now + 60)


def test_redeliver_after_the_clock_was_set_back_does_not_expire_at_once(talk: Talk) -> None:
    """By more than it had to live: it gets what the settings give."""
    talk.send("claude-manager", ttl_s=60.0)
    doubt(talk, 1, then=8)
    talk.now -= 3600
    talk.tell(i.ClockSet(-3600.0))
    resolve(talk, m.Decision.REDELIVER)
    assert talk.state.messages[1].expires_at == pytest.approx(talk.now + DEFAULT_TTL_S)
    talk.tell(i.Ticked())
    assert talk.status(1) == "accepted"


@pytest.mark.parametrize(
    ("decision", "status"),
    [(m.Decision.DROP, "cancelled"), (m.Decision.DELIVERED, "delivered")],
)
def test_drop_and_delivered_end_it_without_typing(talk: Talk, decision: m.Decision, status: str) -> None:
    """The story says what was decided, and by whom."""
    doubted(talk)
    effects = resolve(talk, decision, session_="claude-man")
    assert kinds(effects) == ["Reply"]
    assert answer(effects).status == status
    assert talk.state.messages[1].has_ended
    assert talk.state.messages[1].story[-1][2] == f"{decision}, by hand in claude-man"
    assert talk.state.in_doubt == 0


@pytest.mark.parametrize("decision", list(m.Decision))
def test_the_same_decision_again_is_answered_the_same_way(talk: Talk, decision: m.Decision) -> None:
    """Also by the next life, and nothing happens a second time; another decision is refused, and says why."""
    doubted(talk)
    first = answer(resolve(talk, decision))
    for later in (talk, reborn(talk)):
        later.see(session("claude-manager", 8))
        effects = resolve(later, decision)
        assert answer(effects) == first
        assert kinds(effects) == ["Reply"]
        other = next(another for another in m.Decision if another is not decision)
        code, text = error(resolve(later, other))
        assert code == "not_allowed"
        assert f"with {decision}" in text


@pytest.mark.parametrize("decision", list(m.Decision))
def test_only_what_is_in_doubt_can_be_resolved(talk: Talk, decision: m.Decision) -> None:
    """Otherwise the error says where it is and what to do."""
    talk.send("claude-manager")
    for move, status, advice in (
        (lambda: None, "accepted", "ts-ipc cancel msg-1"),
        (lambda: talk.ready(1, pin(1)), "intent", "ts-ipc show msg-1"),
        (lambda: talk.typed(1), "delivered", "send it again"),
    ):
        move()
        code, text = error(resolve(talk, decision))
        assert code == "not_allowed"
        assert f"msg-1 is {status}, not in doubt" in text
        assert advice in text
    assert error(resolve(talk, decision, "msg-99"))[0] == "unknown_id"
    assert error(resolve(talk, decision, "run-1"))[0] == "unknown_id"


def test_taking_back_what_is_in_doubt_names_the_command_that_does(talk: Talk) -> None:
    """`cancel` is for what was surely not typed."""
    doubted(talk)
    assert "ts-ipc resolve msg-1 --drop" in error(talk.ask(m.Cancel(id="msg-1")))[1]


# ── steps of runs ─────────────────────────────────────────────────────────────────────────────────────────


def doubted_step(talk: Talk) -> None:
    talk.tell(i.RunAsked(i.Call(1, 90), i.Caller(), chain("deploy", STEPS), follow=True, key="k"))
    doubt(talk, 1, then=8)
    assert talk.state.runs[1].status is m.RunStatus.INTERRUPTED


def test_a_redelivered_step_runs_again_and_its_run_goes_on(talk: Talk) -> None:
    """In files of its own, so that what the first try may have left counts for nothing."""
    doubted_step(talk)
    resolve(talk, m.Decision.REDELIVER)
    assert talk.state.runs[1].status is m.RunStatus.RUNNING
    assert talk.state.runs[1].ended_at is None
    typing = only(talk.ready(1, pin(8)), e.StartStep)
    assert (typing.run, typing.index, typing.again) == (1, 1, 1)
    talk.typed(1)
    adopted = only(reborn(talk).machine.restore(talk.now)[1], e.AdoptStep)
    assert adopted.again == 1
    effects = talk.tell(i.StepEnded(1, 0))
    assert only(effects, e.Inspect).place.session == "claude-man"
    talk.ready(2, pin(2))
    talk.typed(2)
    talk.tell(i.StepEnded(2, 0))
    again = talk.tell(i.RunAsked(i.Call(1, 91), i.Caller(), chain("deploy", STEPS), follow=True, key="k"))
    ended = only(again, e.Reply).result
    assert isinstance(ended, m.RunEnded)
    assert ended.status is m.RunStatus.SUCCESS
    assert [step.log for step in ended.steps] == ["runs/run-1/1-again-1.log", "runs/run-1/2.log"]


@pytest.mark.parametrize("decision", [m.Decision.DROP, m.Decision.DELIVERED])
def test_a_step_that_ends_by_decision_leaves_its_run_interrupted(talk: Talk, decision: m.Decision) -> None:
    """Its exit status cannot be known, so nothing follows from it."""
    doubted_step(talk)
    assert kinds(resolve(talk, decision)) == ["Reply"]
    assert talk.state.runs[1].status is m.RunStatus.INTERRUPTED
    assert len(talk.state.runs[1].messages) == 1
    assert talk.state.messages[1].course.exit_code is None


def test_a_step_whose_run_was_forgotten_cannot_go_on(talk: Talk) -> None:
    """It can still be dropped."""
    doubted_step(talk)
    del talk.state.runs[1]
    assert "run the workflow again" in error(resolve(talk, m.Decision.REDELIVER))[1]
    assert answer(resolve(talk, m.Decision.DROP)).status is m.Status.CANCELLED


# ── unasked ───────────────────────────────────────────────────────────────────────────────────────────────


def unasking() -> Talk:
    talk = Talk(redeliver_unasked=True)
    talk.see(session("claude-manager", 1), session("claude-man", 2))
    return talk


def test_with_the_setting_it_is_begun_anew_by_itself() -> None:
    """A few times: a message that ends its own pane must not go on for ever."""
    talk = unasking()
    talk.send("claude-manager")
    for times in range(1, MAX_UNASKED + 1):
        doubt(talk, 1, at=times if times == 1 else times + 10, then=times + 11)
        assert talk.status(1) == "accepted"
        assert talk.state.messages[1].course.redelivered == times
    assert "on_doubt" in talk.state.messages[1].story[-1][2]
    doubt(talk, 1, at=MAX_UNASKED + 11, then=99)
    assert talk.status(1).startswith("in-doubt")


def test_with_the_setting_a_run_just_goes_on() -> None:
    """Whoever follows it is not told that it ended."""
    talk = unasking()
    talk.tell(i.RunAsked(i.Call(1, 90), i.Caller(), chain("deploy", STEPS), follow=True, key=""))
    doubt(talk, 1, then=8)
    assert talk.state.runs[1].status is m.RunStatus.RUNNING
    assert not [fact for fact in talk.facts if isinstance(fact, rf.RunFinished)]
    assert only(talk.ready(1, pin(8)), e.StartStep).again == 1
