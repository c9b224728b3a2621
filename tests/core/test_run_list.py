"""What is told of runs: at which step, why there, and for longer than their messages are kept."""

from __future__ import annotations

from tests.core.test_runs import begin_step, start
from tests.support.talk import Talk, only
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import KEEP_ENDED, State


def runs(talk: Talk, limit: int = 20) -> tuple[m.RunView, ...]:
    """The list."""
    answer = only(talk.ask(m.Runs(limit=limit)), e.Reply).result
    assert isinstance(answer, m.RunList)
    return answer.runs


def test_a_run_says_why_it_stands_where_it_does(talk: Talk) -> None:
    """What its step waits for, then how it went wrong; nothing while all is well."""
    start(talk)
    talk.tell(i.Inspected(1, i.Verdict.WAIT, "busy: vim"))
    (view,) = runs(talk)
    assert (view.run, view.workflow, view.status) == ("run-1", "deploy", m.RunStatus.RUNNING)
    assert (view.step, view.session, view.reason) == (1, "claude-manager", "busy: vim")
    begin_step(talk, 1, 1)
    assert runs(talk)[0].reason == ""
    talk.tell(i.StepEnded(1, 0))
    begin_step(talk, 2, 2)
    assert (runs(talk)[0].done, runs(talk)[0].step, runs(talk)[0].reason) == (1, 2, "")
    talk.tell(i.StepEnded(2, 3))
    (view,) = runs(talk)
    assert (view.status, view.done, view.steps, view.reason) == (m.RunStatus.FAILURE, 1, 2, "exit 3")
    assert view.ended_at is not None


def test_a_step_without_a_status_says_how_it_ended(talk: Talk) -> None:
    """The reason is the step's own."""
    start(talk)
    begin_step(talk, 1, 1)
    talk.tell(i.StepEnded(1, None, "pane died"))
    (view,) = runs(talk)
    assert (view.status, view.reason) == (m.RunStatus.INTERRUPTED, "pane died")


def test_the_latest_are_listed_the_oldest_first(talk: Talk) -> None:
    """The limit counts from the end."""
    for _ in range(3):
        start(talk)
        talk.ask(m.Cancel(id=f"run-{talk.state.last_run}"))
    assert [view.run for view in runs(talk, 2)] == ["run-2", "run-3"]
    assert runs(talk, 0) == ()


def test_a_run_knows_its_steps_for_longer_than_their_messages(talk: Talk) -> None:
    """A thousand messages later, and in the next life, it still says how each of its steps ended."""
    start(talk, key="k")
    begin_step(talk, 1, 1)
    talk.tell(i.StepEnded(1, 0))
    begin_step(talk, 2, 2)
    ended = only(talk.tell(i.StepEnded(2, 7)), e.Reply).result
    for number in range(3, KEEP_ENDED + 3):
        talk.send("claude-manager", "x")
        talk.ask(m.Cancel(id=f"msg-{number}"))
    assert 1 not in talk.state.messages
    assert only(start(talk, key="k"), e.Reply).result == ended
    again = State()
    for fact in talk.state.snapshot(talk.now):
        again.apply(f.decode(f.encode(fact)))
    assert again.runs == talk.state.runs
    assert runs(Talk(again)) == runs(talk)
