"""Runs go step by step, each in its session, until the last is done or one is not."""

from __future__ import annotations

import pytest

from tests.support.talk import Talk, kinds, only, pin
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import State
from tsipcd.workflows.definition import chain

STEPS = (
    ("claude-manager", "make"),
    ("claude-man", "make test"),
)


def start(talk: Talk, *, key: str = "", follow: bool = True, call: int = 90) -> list[e.Effect]:
    return talk.tell(i.RunAsked(i.Call(1, call), i.Caller(), chain("deploy", STEPS), follow=follow, key=key))


def begin_step(talk: Talk, number: int, at: int) -> e.StartStep:
    typing = only(talk.ready(number, pin(at)), e.StartStep)
    talk.typed(number)
    return typing


def test_a_run_ends_with_success_after_its_last_step(talk: Talk) -> None:
    """Each step starts when the one before it is done with status 0; the follower is answered at the end."""
    assert kinds(start(talk)) == ["Inspect", "Tell"]
    assert begin_step(talk, 1, 1).command == "make"
    effects = talk.tell(i.StepEnded(1, 0))
    assert only(effects, e.Inspect).place.session == "claude-man"
    begin_step(talk, 2, 2)
    ended = only(talk.tell(i.StepEnded(2, 0)), e.Reply).result
    assert isinstance(ended, m.RunEnded)
    assert ended.status is m.RunStatus.SUCCESS
    assert [step.exit_code for step in ended.steps] == [0, 0]


def test_the_first_failure_ends_the_run(talk: Talk) -> None:
    """No step after a failed one is begun."""
    start(talk)
    begin_step(talk, 1, 1)
    effects = talk.tell(i.StepEnded(1, 3))
    ended = only(effects, e.Reply).result
    assert isinstance(ended, m.RunEnded)
    assert ended.status is m.RunStatus.FAILURE
    assert ended.steps[1].status is None
    assert not [x for x in effects if isinstance(x, e.Inspect)]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (i.StepEnded(1, None, "the pane died"), m.RunStatus.INTERRUPTED),
        (i.Typed(1, 1, i.Outcome.UNKNOWN), m.RunStatus.INTERRUPTED),
    ],
)
def test_a_step_without_a_status_interrupts_the_run(talk: Talk, event: i.Input, status: m.RunStatus) -> None:
    """A pane that died, before or after its command was surely typed, leaves no exit status to go by."""
    start(talk)
    only(talk.ready(1, pin(1)), e.StartStep)
    if isinstance(event, i.StepEnded):
        talk.typed(1)
    talk.tell(event)
    talk.see()
    assert talk.state.runs[1].status is status


def test_a_run_with_an_unknown_session_runs_nothing(talk: Talk) -> None:
    """A typing error in the last step is found before the first is run."""
    steps = (*STEPS, ("claude-nobody", "x"))
    effects = talk.tell(i.RunAsked(i.Call(1, 1), i.Caller(), chain("deploy", steps), follow=True, key=""))
    error = only(effects, e.Fail).error
    assert error.code == "unknown_session"
    assert "step 3" in error.message
    assert not talk.state.runs


def test_followers_are_told_of_each_change(talk: Talk) -> None:
    """Progress carries the step's state, and what it printed last."""
    start(talk)
    begin_step(talk, 1, 1)
    effects = talk.tell(i.StepPrinted(1, "compiling"))
    assert only(effects, e.Tell).item.step.last_line == "compiling"
    talk.tell(i.PeerGone(1))
    assert talk.tell(i.StepPrinted(1, "linking")) == []


def test_the_same_key_follows_the_same_run(talk: Talk) -> None:
    """A client that lost its connection and asks again does not start a second run."""
    start(talk, key="k")
    begin_step(talk, 1, 1)
    again = start(talk, key="k", call=91)
    assert only(again, e.Tell).item.run == "run-1"
    assert list(talk.state.runs) == [1]
    ended = talk.tell(i.StepEnded(1, 1))
    assert [x.call.id for x in ended if isinstance(x, e.Reply)] == [90, 91]


def test_a_run_goes_on_in_the_next_life(talk: Talk) -> None:
    """A started step is taken up; its end leads to the next step as if nothing had happened."""
    start(talk)
    begin_step(talk, 1, 1)
    state = State()
    for fact in talk.facts:
        state.apply(f.decode(f.encode(fact)))
    again = Talk(state)
    _, effects = again.machine.restore(again.now)
    assert kinds(effects) == ["Expect", "AdoptStep"]
    again.tell(i.StepEnded(1, 0))
    assert again.state.runs[1].messages == [1, 2]


def test_a_crash_between_a_steps_end_and_the_next_step_loses_nothing(talk: Talk) -> None:
    """If the end is the last durable fact, the next life begins the next step."""
    start(talk)
    begin_step(talk, 1, 1)
    talk.tell(i.StepEnded(1, 0))
    state = State()
    for fact in talk.facts:
        if isinstance(fact, f.MessageAccepted) and fact.step == 2:
            break
        state.apply(fact)
    assert len(state.runs[1].messages) == 1
    facts, _ = Talk(state).machine.restore(talk.now)
    assert isinstance(facts[0], f.MessageAccepted)
    assert state.runs[1].messages == [1, 2]


def test_a_pipeline_subscribes_and_saves_four_steps(talk: Talk) -> None:
    """`claude-` is left out of the workflow's name; the steps are build, test, pull, deploy."""
    effect = only(talk.ask(m.Pipeline(source="claude-blacklist", target="claude-safework")), e.StoreWorkflow)
    assert effect.name == "deploy-blacklist-to-safework"
    assert [(s.session, s.command) for s in effect.steps] == [
        ("claude-blacklist", "npm run build"),
        ("claude-blacklist", "npm test"),
        ("claude-safework", "docker-compose pull"),
        ("claude-safework", "docker-compose up -d"),
    ]
    assert effect.table == (
        m.Subscription(session="claude-safework", event="deployment", action=m.Action.NOTIFY),
    )


def test_a_run_that_would_wait_for_itself_is_refused(talk: Talk) -> None:
    """Followed from the session that a step is for, neither could ever end; detached, it can."""
    inside = i.Caller(session="claude-man")
    followed = i.RunAsked(i.Call(1, 1), inside, chain("deploy", STEPS), follow=True, key="")
    error = only(talk.tell(followed), e.Fail).error
    assert error.code == "not_allowed"
    assert "step 2" in error.message
    assert not talk.state.runs
    detached = i.RunAsked(i.Call(1, 2), inside, chain("deploy", STEPS), follow=False, key="")
    assert kinds(talk.tell(detached)) == ["Reply", "Inspect"]
