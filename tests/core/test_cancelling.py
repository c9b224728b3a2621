"""Cancelling runs: from every state of the step, once, and through the death of the daemon."""

from __future__ import annotations

import pytest

from tests.core.test_runs import begin_step, start
from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.runs import facts as rf
from tsipcd.core.state import State


def cancel(talk: Talk) -> m.Cancelled:
    """Of run 1."""
    answers = [x.result for x in talk.ask(m.Cancel(id="run-1")) if isinstance(x, e.Reply)]
    (answer,) = [x for x in answers if isinstance(x, m.Cancelled)]
    return answer


def ended(effects: list[e.Effect]) -> m.RunEnded:
    """What the follower is answered."""
    (found,) = [x.result for x in effects if isinstance(x, e.Reply) and isinstance(x.result, m.RunEnded)]
    return found


def next_life(talk: Talk) -> tuple[Talk, list[e.Effect]]:
    """A core that has read all facts so far, and what it asks for."""
    state = State()
    for fact in talk.facts:
        state.apply(f.decode(f.encode(fact)))
    again = Talk(state)
    again.now = talk.now + 3.0
    facts, effects = again.machine.restore(again.now)
    again.facts = [*talk.facts, *facts]
    return again, effects


def test_a_step_that_waits_is_taken_back(talk: Talk) -> None:
    """Nothing of it was typed: the run ends at once, and its follower sees why."""
    start(talk)
    effects = talk.ask(m.Cancel(id="run-1"))
    assert "Forget" in kinds(effects)
    told = [x.item.step for x in effects if isinstance(x, e.Tell)]
    assert [step.result for step in told][-2:] == [m.StepResult.CANCELLED, m.StepResult.CANCELLED]
    assert told[0].status is m.Status.CANCELLED
    assert ended(effects).status is m.RunStatus.CANCELLED


def test_a_step_that_runs_is_stopped_and_the_next_is_not_begun(talk: Talk) -> None:
    """The run is `cancelling` until the command has ended, and `cancelled` whatever its status is."""
    start(talk)
    begin_step(talk, 1, 1)
    effects = talk.ask(m.Cancel(id="run-1"))
    assert only(effects, e.StopStep).number == 1
    assert only(effects, e.Reply).result == m.Cancelled(id="run-1", status="cancelling")
    effects = talk.tell(i.StepEnded(1, 0))
    assert ended(effects).status is m.RunStatus.CANCELLED
    assert "Inspect" not in kinds(effects)


@pytest.mark.parametrize("outcome", [i.Outcome.TYPED, i.Outcome.ALREADY])
def test_a_step_that_is_being_typed_is_stopped_once_it_is(talk: Talk, outcome: i.Outcome) -> None:
    """Whether it was typed is known only then."""
    start(talk)
    talk.ready(1, pin(1))
    effects = talk.ask(m.Cancel(id="run-1"))
    assert kinds(effects) == ["Reply"]
    assert only(talk.typed(1, outcome), e.StopStep).asked_s == 0.0


def test_a_step_whose_typing_was_refused_is_taken_back(talk: Talk) -> None:
    """It would wait for its pane again: instead the run ends."""
    start(talk)
    talk.ready(1, pin(1))
    talk.ask(m.Cancel(id="run-1"))
    talk.typed(1, i.Outcome.REFUSED)
    assert talk.state.runs[1].status is m.RunStatus.CANCELLED
    assert talk.state.messages[1].status is m.Status.CANCELLED


def test_a_step_that_came_into_doubt_ends_the_run(talk: Talk) -> None:
    """Nothing more can be done to it; and nobody begins it anew unasked."""
    careless = Talk(talk.state, redeliver_unasked=True)
    careless.see(session("claude-manager", 1), session("claude-man", 2))
    start(careless)
    careless.ready(1, pin(1))
    careless.ask(m.Cancel(id="run-1"))
    careless.typed(1, i.Outcome.UNKNOWN)
    careless.see()
    assert careless.state.messages[1].status is m.Status.IN_DOUBT
    assert careless.state.runs[1].status is m.RunStatus.CANCELLED


def test_rule_e12_cancelling_again_changes_nothing(talk: Talk) -> None:
    """The step gets no second signal, and a run that was cancelled is so still."""
    start(talk)
    begin_step(talk, 1, 1)
    assert cancel(talk).status == "cancelling"
    before = len(talk.facts)
    assert kinds(talk.ask(m.Cancel(id="run-1"))) == ["Reply"]
    talk.tell(i.StepEnded(1, 130))
    assert cancel(talk).status == "cancelled"
    recorded = [type(fact) for fact in talk.facts[before:]]
    assert recorded == [f.StepFinished, rf.TaskSettled, rf.TaskSettled, rf.RunFinished]


def test_a_run_that_ended_by_itself_is_not_cancelled(talk: Talk) -> None:
    """What is final stays so."""
    start(talk)
    begin_step(talk, 1, 1)
    talk.tell(i.StepEnded(1, 1))
    error = only(talk.ask(m.Cancel(id="run-1")), e.Fail).error
    assert (error.code, "failure" in error.message) == ("not_allowed", True)
    assert only(talk.ask(m.Cancel(id="run-9")), e.Fail).error.code == "unknown_id"


def test_the_message_of_a_running_step_says_how_to_end_it(talk: Talk) -> None:
    """Alone it cannot be taken back any more; its run can be ended."""
    start(talk)
    begin_step(talk, 1, 1)
    error = only(talk.ask(m.Cancel(id="msg-1")), e.Fail).error
    assert error.hint == "end its run: ts-ipc cancel run-1"


def test_a_later_life_goes_on_with_cancelling(talk: Talk) -> None:
    """The step is taken up and stopped, and the edge is told that this was begun before."""
    start(talk)
    begin_step(talk, 1, 1)
    cancel(talk)
    again, effects = next_life(talk)
    assert kinds(effects) == ["Expect", "AdoptStep", "StopStep"]
    assert 2.9 < only(effects, e.StopStep).asked_s < 3.1
    again.tell(i.StepEnded(1, 130))
    assert again.state.runs[1].status is m.RunStatus.CANCELLED


@pytest.mark.parametrize("typed", [False, True])
def test_every_beginning_of_the_facts_leads_to_the_same_end(talk: Talk, *, typed: bool) -> None:
    """Wherever the daemon dies once it was asked, the next life ends the run as cancelled."""
    start(talk)
    if typed:
        begin_step(talk, 1, 1)
    cancel(talk)
    talk.tell(i.StepEnded(1, 130))
    asked = next(at for at, fact in enumerate(talk.facts) if isinstance(fact, rf.RunCancelAsked))
    everything = talk.facts
    for length in range(asked + 1, len(everything) + 1):
        talk.facts = everything[:length]
        again, _ = next_life(talk)
        again.tell(i.StepEnded(1, 130))
        assert again.state.runs[1].status is m.RunStatus.CANCELLED
        assert again.state.runs[1].messages == [1]
        assert [x for x in again.facts if isinstance(x, rf.RunFinished)] == [
            rf.RunFinished(again.state.runs[1].ended_at or 0.0, 1, m.RunStatus.CANCELLED)
        ]


def test_a_snapshot_keeps_that_it_is_to_end(talk: Talk) -> None:
    """Read from a snapshot, the run is cancelling since the same moment."""
    start(talk)
    begin_step(talk, 1, 1)
    cancel(talk)
    again = State()
    for fact in talk.state.snapshot(talk.now):
        again.apply(f.decode(f.encode(fact)))
    assert again.runs == talk.state.runs
