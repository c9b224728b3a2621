"""A whole workflow as it is run: every default filled in, every implied order written out, nothing to parse.

A run keeps a snapshot of these values in the journal, so they follow the journal's rule: fields are only
appended, with defaults. A default never changes, since what has it is left out. Durations are seconds; an
expression is its text without `${{ }}`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

HANDLER_TIMEOUT_S: Final = 300.0
"""What `finally` and the other handlers get if they say nothing: the run's own limit may be over by then."""

GRACE_S: Final = 10.0
"""What a command gets after the first signal, before SIGTERM."""

Scalar: TypeAlias = str | bool | float | None


class Kind(StrEnum):
    """What a step does."""

    COMMAND = "command"
    APPROVAL = "approval"
    WORKFLOW = "workflow"
    NOTIFY = "notify"


class Order(StrEnum):
    """Where a step's `needs` come from; it decides what a skipped need means."""

    LISTED = "listed"
    """The step before it in the list: it goes on when that one was skipped."""
    NEEDED = "needed"
    """Its own key `needs`: it is skipped when one of these was."""


class Policy(StrEnum):
    """What becomes of a run whose concurrency group is full."""

    QUEUE = "queue"
    SKIP = "skip"
    REPLACE_PENDING = "replace-pending"
    CANCEL_IN_PROGRESS = "cancel-in-progress"


class OnInterrupt(StrEnum):
    """What to do when it cannot be known how a step ended."""

    FAIL = "fail"
    RETRY = "retry"
    ASK = "ask"


class OnTimeout(StrEnum):
    """What an approval means that nobody gave in time."""

    REJECT = "reject"
    APPROVE = "approve"


class Deliver(StrEnum):
    """When a step's command may be typed into its session."""

    WHEN_IDLE = "when-idle"
    NOW = "now"


class InputType(StrEnum):
    """What values an input takes."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class Retry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often a step is tried, and after which waits."""

    attempts: int = 1
    """In all, the first one included."""
    delay_s: float = 0.0
    backoff: float = 1.0
    """Each wait is this many times the one before."""
    max_delay_s: float | None = None
    jitter: bool = False
    on: tuple[str | int, ...] = ()
    """Exit statuses and results that are tried again; empty: whatever is neither success nor cancelled."""
    deadline_s: float | None = None
    """For all attempts and the waits between them."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The values that a step runs once for each of, with the wished-for limits."""

    combinations: tuple[tuple[tuple[str, Scalar], ...], ...]
    """Every combination in order: the axes multiplied, what `exclude` names left out, `include` added."""
    max_parallel: int | None = None
    fail_fast: bool = True


class OnStop(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a running command is asked to end."""

    signal: str = "SIGINT"
    grace_s: float = GRACE_S


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of the graph."""

    id: str
    session: str
    kind: Kind = Kind.COMMAND
    command: str = ""
    """The text to run, to ask, or to show; empty for a workflow."""
    literal: bool = False
    """The command comes from a file of version 1: a `${{` in it is text."""
    needs: tuple[str, ...] = ()
    order: Order = Order.LISTED
    if_: str = msgspec.field(name="if", default="")
    """Empty: what `success()` says."""
    env: tuple[tuple[str, str], ...] = ()
    """In the order written; a value may hold expressions in `${{ }}`."""
    outputs: tuple[str, ...] | None = None
    """The names it may set; None: it says nothing about that."""
    matrix: Matrix | None = None
    timeout_s: float | None = None
    """For one attempt, from the moment its command starts."""
    retry: Retry = Retry()
    continue_on_error: bool = False
    on_stop: OnStop = OnStop()
    on_interrupt: OnInterrupt = OnInterrupt.FAIL
    on_timeout: OnTimeout = OnTimeout.REJECT
    deliver: Deliver = Deliver.WHEN_IDLE
    workflow: str = ""
    """The workflow that it runs, if that is its kind."""
    inputs: tuple[tuple[str, str], ...] = ()
    """What it gives that workflow."""
    name: str = ""
    """What people call it; empty: its id."""


class Input(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that whoever starts a run may give."""

    type: InputType = InputType.STRING
    description: str = ""
    required: bool = False
    default: Scalar = None
    options: tuple[str, ...] = ()


class Concurrency(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The group that a run counts in."""

    group: str
    """May hold expressions in `${{ }}`."""
    limit: int = 1
    policy: Policy = Policy.QUEUE


class EventTrigger(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="event"
):
    """A run for each event of this type."""

    event: str
    source: str = ""
    """Only those from this session; empty: from any."""
    if_: str = msgspec.field(name="if", default="")


class ScheduleTrigger(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="schedule"
):
    """A run at each of these times."""

    cron: str
    timezone: str = "UTC"
    catchup_s: float = 0.0
    """The last time missed is made up for within so long after it; 0: never."""


Trigger: TypeAlias = EventTrigger | ScheduleTrigger


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A checked definition: every need is an earlier step's id, and every id is there once."""

    name: str
    steps: tuple[Step, ...]
    """Each after all that it needs: running them in order is always right."""
    on: tuple[Trigger, ...] = ()
    inputs: tuple[tuple[str, Input], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    concurrency: Concurrency | None = None
    timeout_s: float | None = None
    """For one execution, waiting in its group not counted; a rerun starts anew."""
    on_success: tuple[Step, ...] = ()
    on_failure: tuple[Step, ...] = ()
    on_cancel: tuple[Step, ...] = ()
    finally_: tuple[Step, ...] = msgspec.field(name="finally", default=())

    @property
    def parts(self) -> frozenset[str]:
        """The names of the workflows that are steps of it."""
        every = (*self.steps, *self.on_success, *self.on_failure, *self.on_cancel, *self.finally_)
        return frozenset(step.workflow for step in every if step.kind is Kind.WORKFLOW)


def chain(name: str, steps: Iterable[tuple[str, str]]) -> Workflow:
    """The workflow that a file of version 1 means: sessions and commands, literal, one after the other."""
    found: list[Step] = []
    for index, (session, command) in enumerate(steps, 1):
        needs = (found[-1].id,) if found else ()
        found.append(Step(id=f"step-{index}", session=session, command=command, literal=True, needs=needs))
    return Workflow(name=name, steps=tuple(found))


def encode(workflow: Workflow) -> bytes:
    """The workflow as JSON, the same bytes for the same value in every version that has these fields."""
    return _ENCODER.encode(workflow)


def decode(data: bytes) -> Workflow:
    """The value that `encode` was given, by this version or an earlier one. Raises `msgspec.DecodeError`."""
    return _DECODER.decode(data)


def in_order(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The ids sorted so that each comes after what it needs, otherwise as given; None if they form a cycle.

    Linear but for the choice of the earliest; every need must be an id.
    """
    place = {name: index for index, name in enumerate(needs)}
    names = tuple(needs)
    missing = {name: len(set(wanted)) for name, wanted in needs.items()}
    wanting: dict[str, list[str]] = {name: [] for name in needs}
    for name, wanted in needs.items():
        for need in set(wanted):
            wanting[need].append(name)
    ready = [place[name] for name, count in missing.items() if not count]
    heapq.heapify(ready)
    found = []
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(name)
        for later in wanting[name]:
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, place[later])
    return tuple(found) if len(found) == len(names) else None


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Workflow)
