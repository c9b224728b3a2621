"""The values of a workflow: written and read back, and steps in an order that can be run."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.definition import (
    Concurrency,
    EventTrigger,
    Input,
    InputType,
    Kind,
    Matrix,
    Order,
    Policy,
    Retry,
    ScheduleTrigger,
    Step,
    Workflow,
    decode,
    encode,
    in_order,
)

WHOLE = Workflow(
    name="cicd",
    steps=(
        Step(id="build", session="a", command="make", outputs=("tag",)),
        Step(
            id="unit", session="a", command="make test", needs=("build",), order=Order.NEEDED,
            if_="success()", env=(("SHARD", "${{ matrix.shard }}"),), timeout_s=600.0, continue_on_error=True,
            matrix=Matrix(combinations=((("shard", 1.0),), (("shard", "two"),)), fail_fast=False),
            retry=Retry(attempts=3, delay_s=5.0, backoff=2.0, on=("timeout", 75), deadline_s=2400.0),
        ),
        Step(id="ok", session="a", kind=Kind.APPROVAL, command="Deploy?", needs=("unit",)),
    ),
    on=(EventTrigger(event="deployment", if_="event.source == 'a'"), ScheduleTrigger(cron="0 3 * * *")),
    inputs=(("env", Input(type=InputType.CHOICE, options=("staging", "prod"), default="staging")),),
    concurrency=Concurrency(group="deploy-${{ inputs.env }}", policy=Policy.SKIP),
    timeout_s=3600.0,
    finally_=(Step(id="finally-1", session="a", command="rm -rf out"),),
)  # fmt: skip


def test_a_snapshot_is_read_back_as_it_was() -> None:
    """Also by way of the JSON that people see, in which the keys are those of the format."""
    assert decode(encode(WHOLE)) == WHOLE
    seen = msgspec.json.decode(encode(WHOLE))
    assert seen["steps"][1]["if"] == "success()"
    assert seen["finally"][0]["command"] == "rm -rf out"


def test_the_same_value_has_the_same_bytes() -> None:
    """Whoever compares snapshots may compare bytes."""
    assert encode(decode(encode(WHOLE))) == encode(WHOLE)


def test_a_snapshot_with_the_least_in_it_is_read() -> None:
    """Every field but the names of things has a default: what is appended later does not break old ones."""
    assert decode(b'{"name":"a","steps":[{"id":"x","session":"s"}]}') == Workflow(
        name="a", steps=(Step(id="x", session="s"),)
    )


@given(st.lists(st.sets(st.integers(0, 30)), max_size=30))
def test_an_order_has_each_step_after_its_needs(graph: list[set[int]]) -> None:
    """For any graph without cycles, whatever its order in the file; a chain stays as it is."""
    size = len(graph)
    needs = {
        str(at): tuple(str(need) for need in wanted if at < need < size) for at, wanted in enumerate(graph)
    }
    order = in_order(needs)
    assert order is not None
    assert sorted(order) == sorted(needs)
    assert all(order.index(need) < order.index(name) for name, wanted in needs.items() for need in wanted)


def test_what_is_in_order_stays_in_order() -> None:
    """The order that the author wrote is changed only where it cannot be run."""
    assert in_order({"b": (), "c": (), "a": ("b",)}) == ("b", "c", "a")
    assert in_order({"a": ("b",), "b": (), "c": ()}) == ("b", "a", "c")


def test_a_cycle_has_no_order() -> None:
    """Also one of a step with itself."""
    assert in_order({"a": ("b",), "b": ("a",)}) is None
    assert in_order({"a": ("a",)}) is None
