"""From texts to workflows: defaults, orders and checks that somebody who knows GitHub Actions expects."""

# ruff: noqa: E501 - a case and what is told of it stand on one line

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.definition import EventTrigger, Kind, Order, ScheduleTrigger, Step, Workflow
from tsipcd.workflows.language.faults import Severity
from tsipcd.workflows.language.loading import load

WHOLE = """
name: cicd
on:
  event: deployment
  schedule: [{cron: "0 3 * * *", timezone: Europe/Berlin, catchup: 6h}]
inputs:
  env: {type: choice, options: [staging, prod], default: staging}
env: {NODE_ENV: production, VERSION: 1.10}
concurrency: {group: "deploy-${{ inputs.env }}", limit: 1, policy: skip}
timeout: 1h
defaults: {session: claude-blacklist, retry: {attempts: 2}}
steps:
  - id: build
    run: npm run build
    outputs: [tag]
  - id: unit
    needs: build
    matrix: {shard: [1, 2, 3], max-parallel: 2, fail-fast: false}
    run: npm test -- --shard "$SHARD"
    env: {SHARD: "${{ matrix.shard }}"}
    timeout: 1h30m
    retry: {attempts: 3, delay: 5s, backoff: 2, max-delay: 1m, jitter: true, on: [timeout, 1], deadline: 40m}
  - parallel:
      - {id: lint, run: npm run lint, continue-on-error: true}
      - {id: audit, session: claude-sec, run: npm audit}
  - id: ok
    approve: "Deploy ${{ steps.build.outputs.tag }} to ${{ inputs.env }}?"
    timeout-minutes: 120
  - id: up
    session: claude-manager
    run: docker-compose up -d
    if: ${{ inputs.env == 'prod' && steps.audit.outcome == 'success' }}
    on-stop: {signal: SIGTERM, grace: 15s}
on-failure: [{session: claude-manager, notify: "cicd ${{ run.id }} failed at ${{ run.failed }}"}]
finally: [{run: rm -rf /tmp/cicd}, {run: echo done, if: always()}]
"""


def loaded(text: str) -> Workflow:
    """The workflow in `text`, which has no fault."""
    found = load(text)
    assert found.faults == ()
    assert found.workflow is not None
    return found.workflow


def told(text: str, severity: Severity = Severity.ERROR) -> list[str]:
    """What is wrong with `text`, as LINE:COLUMN: sentence (hint)."""
    found = load(text)
    assert (found.workflow is None) == any(fault.severity is Severity.ERROR for fault in found.faults)
    return [
        f"{fault.line}:{fault.column}: {fault.what} ({fault.hint})"
        for fault in found.faults
        if fault.severity is severity
    ]


def steps_of(text: str) -> dict[str, Step]:
    """The steps of a list, by id, in the order that they have in the workflow."""
    return {step.id: step for step in loaded(f"defaults: {{session: s}}\nsteps:\n{text}").steps}


def test_every_key_has_its_meaning() -> None:
    """The whole language in one text."""
    flow = loaded(WHOLE)
    assert flow.on == (
        EventTrigger(event="deployment"),
        ScheduleTrigger(cron="0 3 * * *", timezone="Europe/Berlin", catchup_s=6 * 3600),
    )
    assert flow.env == (("NODE_ENV", "production"), ("VERSION", "1.10"))
    assert (flow.timeout_s, flow.concurrency and flow.concurrency.policy) == (3600, "skip")
    build, unit, lint, audit, ok, up = flow.steps
    assert (build.outputs, build.retry.attempts, build.order) == (("tag",), 2, Order.LISTED)
    assert (unit.needs, unit.order, unit.timeout_s) == (("build",), Order.NEEDED, 5400)
    assert unit.matrix is not None
    assert [one for combination in unit.matrix.combinations for one in combination] == [
        ("shard", 1.0), ("shard", 2.0), ("shard", 3.0),
    ]  # fmt: skip
    assert (unit.retry.on, unit.retry.max_delay_s) == (("timeout", 1), 60)
    assert (lint.needs, audit.needs, audit.session) == (("unit",), ("unit",), "claude-sec")
    assert (ok.kind, ok.needs, ok.timeout_s) == (Kind.APPROVAL, ("lint", "audit"), 7200)
    assert up.if_ == "inputs.env == 'prod' && steps.audit.outcome == 'success'"
    assert (up.on_stop.signal, up.on_stop.grace_s) == ("SIGTERM", 15)
    assert (flow.on_failure[0].id, flow.on_failure[0].kind) == ("on-failure-1", Kind.NOTIFY)
    assert [step.id for step in flow.finally_] == ["finally-1", "finally-2"]
    assert flow.finally_[0].timeout_s == 300


def test_a_list_is_a_sequence_and_needs_leave_it() -> None:
    """`needs: []` begins at once; what is needed may stand later in the list."""
    found = steps_of(
        "- {id: a, run: x}\n- {id: b, run: x, needs: [d]}\n- {id: c, run: x, needs: []}\n- {id: d, run: x}"
    )
    assert {name: step.needs for name, step in found.items()} == {"a": (), "b": ("d",), "c": (), "d": ("c",)}
    assert list(found) == ["a", "c", "d", "b"]


@given(st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=12))
def test_steps_come_after_what_they_need(graph: list[set[int]]) -> None:
    """For any graph without cycles."""
    lines = [
        f"- {{id: s{at}, run: x, needs: [{', '.join(f's{need}' for need in wanted if at < need < len(graph))}]}}"
        for at, wanted in enumerate(graph)
    ]
    seen: set[str] = set()
    for step in steps_of("\n".join(lines)).values():
        assert seen.issuperset(step.needs)
        seen.add(step.id)


def test_a_matrix_is_githubs() -> None:
    """Partial excludes; an include extends what it does not contradict, or is new."""
    step = steps_of(
        "- id: a\n  run: x\n  matrix:\n    os: [x, y]\n    n: [1, 2]\n    exclude: [{os: x, n: 2}]\n"
        "    include: [{os: y, extra: e}, {color: red}, {os: z}]"
    )["a"]
    assert step.matrix is not None
    assert [dict(one) for one in step.matrix.combinations] == [
        {"os": "x", "n": 1.0, "color": "red"},
        {"os": "y", "n": 1.0, "extra": "e", "color": "red"},
        {"os": "y", "n": 2.0, "extra": "e", "color": "red"},
        {"os": "z"},
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- {rum: x, run: y}", "3:4: a step has no key rum (did you mean run?)"),
        ("- {id: a, run: x}\n- {run: x, needs: aa}", "4:19: there is no step aa (did you mean a?)"),
        ("- {id: a, run: x}\n- {id: A, run: x}", "4:8: a second step is called A (each step has an id of its own)"),
        ("- {run: x, if: 'a ${{ true }}'}", "3:16: there is text outside of ${{ }} in this condition"),
        ("- {run: x, if: sucess()}", "3:16: Unrecognized function: 'sucess' (did you mean success?)"),
        ("- {run: x, if: steps.b.outcome}\n- {id: b, run: x}", "3:16: the step b runs later"),
        ("- {id: a, run: x}\n- {run: x, if: steps.a.outcom}", "4:16: there is no steps.a.outcom (did you mean outcome?)"),
        ("- {id: a, run: x, outputs: tag}\n- {run: 'x ${{ steps.a.outputs.tga }}'}", "4:16: there is no steps.a.outputs.tga"),
        ("- {run: 'echo ${{ inputs.x }}'}", "3:19: there is no inputs.x"),
        ("- {run: 'echo ${{ github.sha }}'}", "3:19: Unrecognized named-value: 'github' (here `run` tells"),
        ("- run: |\n    one\n    echo '${{ run.id }}'", "5:11: an expression inside of single quotes is text"),
        ("- {run: 'echo ${{ always() }}'}", "3:19: always() is for conditions only"),
        ("- {run: 'x ${{ matrix.a }}'}", "3:16: there is no matrix here"),
        ("- {run: 'x ${{ '}", "3:12: a ${{ has no }}"),
        ("- {run: x, timeout: 10}", "3:21: timeout is no duration (a number needs its unit: 10s or 10m?)"),
        ("- {run: x, retry: 3}", "3:19: retry must be a mapping (write retry: {attempts: 3})"),
        ("- {uses: actions/checkout, run: x}", "3:4: a step has no key uses (there are no actions here"),
        ("- {run: x, command: y}", "3:21: command and run mean the same"),
        ("- {approve: x, retry: {}}", "3:16: an approval has no key retry"),
        ("- {run: x, matrix: {a: [1], include: x}}", "3:38: include must be a list"),
        ("- {id: a, run: x, needs: b}\n- {id: b, run: x}", "3:26: steps wait for each other: a needs b needs a"),
        ("- {run: x, env: {TS_A: 1}}", "3:18: variables that begin with TS_ are the engine's"),
        (" []", "3:2: there are no steps"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_do(text: str, fault: str) -> None:
    """Line, column, sentence, hint; nothing is found only when it runs."""
    found = told(f"defaults: {{session: s}}\nsteps:\n{text}")
    assert any(one.startswith(fault) for one in found), found


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("- {run: x, if: \"'a' == 'b'\"}", "this condition is always the same"),
        ("- {run: x, if: false}", "this condition is always the same"),
        ("- {id: a, run: x}\n- {run: x, if: steps.a.outputs.b == 'x'}", "does not say that it sets b"),
        (
            "- {id: a, run: x, outputs: b}\n- {run: x, if: steps.a.outputs.b == true}",
            "never equals a boolean",
        ),
        ("- {id: a, run: x, outputs: b}\n- {run: x, if: '!steps.a.outputs.b'}", "'false' is as true as any"),
        ("- {id: a, run: x}\n- {run: x, needs: [], if: steps.a.outcome == 'failure'}", "may not have ended"),
        ("- {run: x, depends: []}", "depends is read as needs"),
    ],
)
def test_what_may_surprise_is_a_warning(text: str, warning: str) -> None:
    """The workflow can be had all the same."""
    found = told(f"defaults: {{session: s}}\nsteps:\n{text}", Severity.WARNING)
    assert any(warning in one for one in found), found


def test_dagus_words_are_taken() -> None:
    """With a warning each; its `limit` counts what comes after the first attempt."""
    found = load(
        "steps:\n- {id: a, session: s, run: x, timeout_sec: 5, retry_policy: {limit: 3, interval_sec: 2}}\n"
        "handler_on: {failure: {session: s, run: y}, exit: {session: s, run: z}}"
    )
    assert found.workflow is not None
    step = found.workflow.steps[0]
    assert (step.timeout_s, step.retry.attempts, step.retry.delay_s) == (5, 4, 2)
    assert (found.workflow.on_failure[0].command, found.workflow.finally_[0].command) == ("y", "z")
    assert len(found.faults) == 3


def test_version_1_is_literal() -> None:
    """What an older file means does not change: a chain of commands whose `${{` is text."""
    found = load('{"name":"old","created":"2025-10-01","steps":[{"session":"a","command":"echo ${{ x }}"}]}')
    assert found.workflow is not None
    assert (found.workflow.steps[0].literal, found.workflow.steps[0].id) == (True, "step-1")
    assert [fault.severity for fault in found.faults] == [Severity.WARNING]
    assert told('{"version":2,"steps":[{"session":"a","command":"echo ${{ x }}"}]}')[0].startswith(
        "1:58: Unrec"
    )


def test_a_newer_version_is_refused() -> None:
    """With what to do about it."""
    assert told("version: 3\nsteps: [{session: s, run: x}]") == [
        "1:10: this is version 3 of the form, newer than this program (upgrade ts-ipc)"
    ]
