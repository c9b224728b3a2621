"""Runs of graphs: who waits for whom, what is skipped and why, and what the run comes to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.graphs import Stage, chained, step
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core.runs.records import Cause
from tsipcd.core.state import State
from tsipcd.workflows.definition import (
    Concurrency,
    Input,
    Kind,
    Matrix,
    OnInterrupt,
    OnTimeout,
    Policy,
    Retry,
    Step,
    Workflow,
)


@pytest.fixture
def stage() -> Stage:
    """Where runs play."""
    return Stage()


def test_a_diamond_runs_its_sides_at_once_and_joins(stage: Stage) -> None:
    """What needs nothing more begins; what needs two waits for both."""
    stage.run(
        step("build"),
        step("left", "b", "build"),
        step("right", "c", "build"),
        step("join", "d", "left right"),
    )
    assert stage.waiting() == {"build"}
    stage.does("build")
    assert stage.waiting() == {"left", "right"}
    stage.does("right")
    assert stage.waiting() == {"left"}
    stage.does("left")
    stage.does("join")
    assert stage.record.status is m.RunStatus.SUCCESS


def test_rule_f13_an_explicit_need_that_was_skipped_skips(stage: Stage) -> None:
    """And says because of what; a status function decides otherwise; a chain goes on over a false `if`."""
    stage.run(
        step("a", if_="false"),
        step("needing", "b", "a"),
        step("anyway", "c", "a", if_="always()"),
        Step(id="next", session="d", command="true", needs=("a",)),
    )
    assert stage.results() == {"a": "skipped", "needing": "skipped"}
    assert stage.settled("a").cause is Cause.CONDITION
    assert stage.settled("needing").reason == "a was skipped"
    assert stage.waiting() == {"anyway", "next"}


def test_a_failure_skips_what_comes_behind_but_not_who_asks_for_it(stage: Stage) -> None:
    """As in GitHub's steps: `failure()` sees every step before it in the list."""
    stage.run(*chained(step("build"), step("test"), step("report", if_="failure()"), step("deploy")))
    stage.does("build", 2)
    assert stage.results() == {"build": "failure", "test": "skipped"}
    assert stage.waiting() == {"report"}
    stage.does("report")
    assert stage.results()["deploy"] == "skipped"
    assert stage.record.status is m.RunStatus.FAILURE


def test_a_condition_that_was_false_keeps_what_it_saw(stage: Stage) -> None:
    """For `explain`: each part with its value."""
    stage.run(step("up", if_="inputs.env == 'prod'"))
    assert stage.settled("up").trace == (("inputs.env", "null"), ("inputs.env == 'prod'", "false"))
    assert stage.record.status is m.RunStatus.SUCCESS


def test_rule_f14_an_excused_failure_shows(stage: Stage) -> None:
    """Others go on as if it had gone well; the run is `partial`, its outcome is told."""
    stage.run(
        *chained(
            step("lint", continue_on_error=True),
            step("said", if_="steps.lint.outcome == 'failure' && steps.lint.conclusion == 'success'"),
        )
    )
    stage.does("lint", 1)
    stage.does("said")
    assert stage.settled("lint").excused
    assert stage.record.status is m.RunStatus.PARTIAL


def test_outputs_reach_later_steps_as_variables(stage: Stage) -> None:
    """By the environment; the command's text holds no value."""
    command = "echo ${{ steps.build.outputs.tag }}"
    stage.run(*chained(step("build"), step("use", command=command, env=(("T", "${{ run.id }}"),))))
    stage.does("build", outputs=(("tag", "$(rm -rf /)"),))
    order = next(x for x in stage.begin("use") if isinstance(x, e.StartStep))
    assert order.command == "echo ${{ steps.build.outputs.tag }}"
    assert dict(order.environment)["TS_X1"] == "$(rm -rf /)"
    assert dict(order.environment)["T"] == "run-1"
    assert dict(order.environment)["TS_STEP"] == "use"


def test_an_output_that_cannot_be_read_fails_the_step(stage: Stage) -> None:
    """Never silently nothing."""
    stage.run(step("a"))
    stage.does("a", fault="its outputs: line 1 is neither")
    assert stage.settled("a").reason == "its outputs: line 1 is neither"
    assert stage.record.status is m.RunStatus.FAILURE


def test_rule_c8_attempts_counts_all_and_a_timeout_is_for_one(stage: Stage) -> None:
    """Its clock starts with the command, not with the wait for its pane; the delay grows."""
    stage.run(step("a", timeout_s=10.0, retry=Retry(attempts=3, delay_s=5.0, backoff=2.0)))
    stage.later(100)
    stage.begin("a")
    assert stage.later(9) == []
    stopped = [x for x in stage.later(2) if isinstance(x, e.StopStep)]
    assert len(stopped) == 1
    stage.end("a", 130)
    assert stage.waiting() == set()
    stage.later(4)
    assert stage.waiting() == set()
    stage.later(2)
    assert stage.waiting() == {"a"}
    stage.does("a", 7)
    stage.later(11)
    stage.does("a", 7)
    assert stage.settled("a").reason == "exit 7"
    assert [end.retry for end in stage.record.tasks[1].ends] == [0, 1, 2]


def test_retries_are_for_what_is_listed(stage: Stage) -> None:
    """Another status ends it at once."""
    stage.run(step("a", retry=Retry(attempts=3, on=(75, "timeout"))))
    stage.does("a", 75)
    stage.later(1)
    stage.does("a", 1)
    assert stage.record.status is m.RunStatus.FAILURE


def test_rule_c8_a_deadline_is_for_all_attempts(stage: Stage) -> None:
    """And ends the one that runs."""
    stage.run(step("a", retry=Retry(attempts=100, delay_s=1.0, deadline_s=30.0)))
    stage.does("a", 1)
    stage.later(2)
    stage.begin("a")
    assert any(isinstance(x, e.StopStep) for x in stage.later(30))
    stage.end("a", 130)
    assert stage.results() == {"a": "timed-out"}


def test_rule_c8_cancel_beats_retry(stage: Stage) -> None:
    """A step that waits for its next attempt has none."""
    stage.run(step("a", retry=Retry(attempts=9, delay_s=60.0)))
    stage.does("a", 1)
    stage.talk.ask(m.Cancel(id="run-1"))
    assert stage.record.status is m.RunStatus.CANCELLED
    stage.later(1000)
    assert stage.results() == {"a": "cancelled"}


def matrix(**more: Any) -> Matrix:
    return Matrix(combinations=tuple((("n", float(n)),) for n in range(4)), **more)


def test_a_matrix_runs_as_many_at_once_as_it_says(stage: Stage) -> None:
    """The next begins when one ends, also by failing when it is not to end the others."""
    stage.run(step("t", matrix=matrix(max_parallel=2, fail_fast=False)), step("after", "b", "t"))
    assert stage.waiting() == {"t (0)", "t (1)"}
    stage.does("t (0)", 1)
    assert stage.waiting() == {"t (1)", "t (2)"}
    for name in ("t (1)", "t (2)", "t (3)"):
        stage.does(name)
    assert stage.results()["after"] == "skipped"
    assert stage.record.status is m.RunStatus.FAILURE


def test_fail_fast_ends_the_other_combinations(stage: Stage) -> None:
    """Those that wait are taken back, the others never begin."""
    stage.run(step("t", matrix=matrix(max_parallel=3)))
    stage.does("t (0)", 1)
    assert stage.results() == {"t (0)": "failure", **{f"t ({n})": "cancelled" for n in (1, 2, 3)}}
    assert stage.record.status is m.RunStatus.FAILURE


def test_rule_d9_handlers_run_once_when_all_is_over(stage: Stage) -> None:
    """After the last attempt; `finally` behind them, whatever they come to; the cause stays."""
    stage.run(
        step("a", retry=Retry(attempts=2)),
        on_failure=(step("tell", "b", command="echo ${{ run.failed }} ${{ run.status }}"),),
        on_success=(step("never", "b"),),
        finally_=(step("clean", "c"),),
    )
    stage.does("a", 1)
    stage.later(1)
    assert stage.waiting() == {"a"}
    stage.does("a", 1)
    order = next(x for x in stage.begin("tell") if isinstance(x, e.StartStep))
    assert dict(order.environment)["TS_X1"] == "a"
    assert dict(order.environment)["TS_X2"] == "failure"
    stage.end("tell", 9)
    stage.does("clean")
    assert stage.record.status is m.RunStatus.FAILURE
    assert "never" not in stage.results()


def test_a_failing_handler_fails_a_run_that_went_well(stage: Stage) -> None:
    """A success that nobody could clean up behind is none."""
    stage.run(step("a"), finally_=(step("clean", "c"),))
    stage.does("a")
    stage.does("clean", 1)
    assert stage.record.status is m.RunStatus.FAILURE


def test_rule_d10_cancel_runs_its_handlers_and_finally(stage: Stage) -> None:
    """The running step is stopped first; a second cancel ends the handlers too, but not `finally`."""
    stage.run(
        step("a"), on_cancel=(step("undo", "b"),), on_failure=(step("no", "b"),), finally_=(step("z", "c"),)
    )
    stage.begin("a")
    stage.talk.ask(m.Cancel(id="run-1"))
    stage.end("a", 130)
    assert stage.waiting() == {"undo"}
    stage.talk.ask(m.Cancel(id="run-1"))
    assert stage.waiting() == {"z"}
    stage.does("z")
    assert stage.record.status is m.RunStatus.CANCELLED


def test_always_runs_although_the_run_was_cancelled(stage: Stage) -> None:
    """As in GitHub Actions; to cancel once more ends that, too."""
    stage.run(*chained(step("a"), step("b", "b"), step("tidy", "c", if_="always()")))
    stage.talk.ask(m.Cancel(id="run-1"))
    assert stage.waiting() == {"tidy"}
    stage.begin("tidy")
    effects = stage.talk.ask(m.Cancel(id="run-1"))
    assert any(isinstance(x, e.StopStep) for x in effects)
    stage.end("tidy", 130)
    assert stage.record.status is m.RunStatus.CANCELLED


def test_a_time_limit_ends_the_run(stage: Stage) -> None:
    """What runs is stopped, and the run says so."""
    stage.run(step("a"), timeout_s=60.0)
    stage.begin("a")
    assert any(isinstance(x, e.StopStep) for x in stage.later(61))
    stage.end("a", 130)
    assert stage.record.status is m.RunStatus.TIMED_OUT
    assert stage.record.reason == "its time limit of 60 s is over"


@pytest.mark.parametrize("policy", list(OnInterrupt))
def test_rule_a_an_interrupted_step_follows_its_policy(stage: Stage, policy: OnInterrupt) -> None:
    """Failed, tried again, or a person is asked; never run again by itself."""
    stage.run(step("a", on_interrupt=policy))
    stage.does("a", None, reason="pane died")
    if policy is OnInterrupt.FAIL:
        assert stage.record.status is m.RunStatus.INTERRUPTED
    elif policy is OnInterrupt.RETRY:
        assert stage.waiting() == {"a"}
        stage.does("a")
        assert stage.record.status is m.RunStatus.SUCCESS
    else:
        assert "run it again?" in stage.record.tasks[1].question.text
        assert stage.waiting() == set()


def test_rule_k23_an_approval_has_an_end(stage: Stage) -> None:
    """Unanswered it is what its definition says, also if the daemon was away then."""
    for on_timeout, status in ((OnTimeout.REJECT, "timed-out"), (OnTimeout.APPROVE, "success")):
        asked = step("ok", kind=Kind.APPROVAL, command="Deploy?", timeout_s=60.0, on_timeout=on_timeout)
        stage.run(asked)
        assert stage.record.tasks[1].question.text == "Deploy?"
        again = stage.next_life()
        again.later(60)
        assert again.record.status == status
        stage = Stage()


def test_a_workflow_as_a_step(stage: Stage) -> None:
    """It is a run of its own, with what it is given; its end is the step's."""
    inner = Workflow(name="inner", steps=(step("x", "b", command="echo ${{ inputs.who }}"),),
                     inputs=(("who", Input()),))  # fmt: skip
    sub = step("sub", kind=Kind.WORKFLOW, workflow="inner", command="", inputs=(("who", "${{ run.id }}"),))
    stage.run(*chained(sub, step("after")), library=(inner,))
    child = Stage.__new__(Stage)
    child.talk, child.number = stage.talk, 2
    order = next(x for x in child.begin("x") if isinstance(x, e.StartStep))
    assert dict(order.environment)["TS_X1"] == "run-1"
    child.end("x")
    assert stage.waiting() == {"after"}
    stage.does("after")
    assert stage.record.status is m.RunStatus.SUCCESS


def test_a_workflow_as_a_step_that_cannot_begin_fails_its_step(stage: Stage) -> None:
    """It is not there, or asks for what it is not given: a reason, and nothing more goes wrong."""
    sub = step("sub", kind=Kind.WORKFLOW, workflow="inner", command="")
    stage.run(sub)
    assert stage.settled("sub").reason == "no workflow inner"
    asking = Workflow(name="inner", steps=(step("x", "b"),), inputs=(("who", Input(required=True)),))
    stage.run(sub, library=(asking,))
    assert stage.settled("sub").reason == "inner needs the input 'who'"
    assert stage.record.status is m.RunStatus.FAILURE


def test_waits_that_grow_without_bound_stay_finite(stage: Stage) -> None:
    """A year is long enough."""
    stage.run(step("a", retry=Retry(attempts=5000, delay_s=1.0, backoff=1e300)))
    for _ in range(3):
        stage.does("a", 1)
        stage.later(366 * 86_400.0)
    assert stage.waiting() == {"a"}


def test_a_cancelled_run_cancels_the_run_that_is_its_step(stage: Stage) -> None:
    """And ends when that has."""
    inner = Workflow(name="inner", steps=(step("x", "b"),))
    stage.run(step("sub", kind=Kind.WORKFLOW, workflow="inner", command=""), library=(inner,))
    child = Stage.__new__(Stage)
    child.talk, child.number = stage.talk, 2
    child.begin("x")
    stage.talk.ask(m.Cancel(id="run-1"))
    child.end("x", 130)
    assert child.record.status is m.RunStatus.CANCELLED
    assert stage.record.status is m.RunStatus.CANCELLED


def grouped(policy: Policy, limit: int = 1) -> dict[str, Any]:
    return {"concurrency": Concurrency(group="g", policy=policy, limit=limit)}


def test_rule_b_a_group_is_a_queue(stage: Stage) -> None:
    """First come, first served, over a death of the daemon, too."""
    for _ in range(3):
        stage.run(step("a"), **grouped(Policy.QUEUE))
    statuses = [run.status for run in stage.talk.state.runs.values()]
    assert statuses == ["running", "queued", "queued"]
    stage.number = 1
    stage.does("a")
    assert stage.talk.state.runs[2].status is m.RunStatus.RUNNING
    again = stage.next_life()
    again.number = 2
    again.does("a")
    assert again.talk.state.runs[3].status is m.RunStatus.RUNNING


def test_a_newer_run_may_take_the_place_of_those_that_wait_or_run(stage: Stage) -> None:
    """By the policy; each says which run came."""
    stage.run(step("a"), **grouped(Policy.REPLACE_PENDING))
    stage.run(step("a"), **grouped(Policy.REPLACE_PENDING))
    stage.run(step("a"), **grouped(Policy.REPLACE_PENDING))
    runs = stage.talk.state.runs
    assert [run.status for run in runs.values()] == ["running", "cancelled", "queued"]
    assert runs[2].reason == "run-3 of the same group came"
    stage.number = 1
    stage.begin("a")
    stage.run(step("a"), **grouped(Policy.CANCEL_IN_PROGRESS))
    assert [run.status for run in runs.values()] == ["cancelling", "cancelled", "cancelled", "queued"]
    stage.number = 1
    stage.end("a", 130)
    assert [runs[1].status, runs[4].status] == ["cancelled", "running"]


def test_a_group_may_refuse(stage: Stage) -> None:
    """Nothing is run, and the answer says why."""
    stage.run(step("a"), **grouped(Policy.SKIP))
    stage.run(step("a"), **grouped(Policy.SKIP))
    assert stage.talk.state.last_run == 1
    error = next(x.error for x in stage.talk.effects if isinstance(x, e.Fail))
    assert "run-1 of the group 'g' goes on" in error.message


def test_a_run_may_begin_in_the_middle(stage: Stage) -> None:
    """What comes before is left out and says so; what follows does not mind."""
    stage.run(*chained(step("a"), step("b"), step("c")), begin_with="b")
    assert stage.settled("a").cause is Cause.NOT_SELECTED
    stage.does("b")
    stage.does("c")
    assert stage.record.status is m.RunStatus.SUCCESS


def test_an_expression_that_cannot_be_evaluated_fails_its_step(stage: Stage) -> None:
    """With the sentence; nothing was typed."""
    stage.run(step("a", command="echo ${{ fromJSON('{') }}"))
    assert stage.settled("a").reason.startswith("an expression: ")
    assert stage.record.status is m.RunStatus.FAILURE


def test_a_snapshot_in_the_middle_of_everything_is_the_same_state(stage: Stage) -> None:
    """Questions, retries, groups and results are all in it."""
    stage.run(
        step("a", retry=Retry(attempts=2, delay_s=60.0)), step("q", "b", kind=Kind.APPROVAL, command="?")
    )
    stage.does("a", 1)
    again = State()
    for fact in stage.talk.state.snapshot(stage.talk.now):
        again.apply(f.decode(f.encode(fact)))
    assert again.runs == stage.talk.state.runs
