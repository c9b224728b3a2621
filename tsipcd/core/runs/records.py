"""What the state holds of runs: how each began, where each of its tasks is, and how it ended."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from tsipc_client.wire.messages import RunStatus, Status, StepResult
from tsipcd.core.records import Message, time_of
from tsipcd.workflows.definition import Order, Scalar, Workflow
from tsipcd.workflows.plan import Phase, Plan

OVER: Final = frozenset(RunStatus) - {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING}
"""Where a run stays."""

GOOD: Final = frozenset({StepResult.SUCCESS, StepResult.SKIPPED})
"""Results of which nothing is wrong."""


class Trigger(StrEnum):
    """Why a run began."""

    HAND = "hand"
    EVENT = "event"
    SCHEDULE = "schedule"
    WORKFLOW = "workflow"
    """It is a step of another run."""
    RERUN = "rerun"


class Cause(StrEnum):
    """Why a task was not run."""

    NONE = ""
    CONDITION = "condition"
    """Its own `if` was false."""
    UPSTREAM = "upstream"
    """What it needs did not go well, or was not run."""
    NOT_SELECTED = "not-selected"
    """It comes before the step that the run was to begin with."""


class Event(msgspec.Struct, frozen=True):
    """What started a run, if it was an event."""

    type: str
    source: str
    data: str
    id: str = ""


class Settled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a task ended, for good."""

    result: StepResult
    at: float
    reason: str = ""
    """For people; empty if there is nothing to say."""
    cause: Cause = Cause.NONE
    excused: bool = False
    """It went wrong, and counts as success: `continue-on-error`."""
    exit_code: int | None = None
    outputs: tuple[tuple[str, str], ...] = ()
    trace: tuple[tuple[str, str], ...] = ()
    """The parts of its condition, and what each came to."""

    @property
    def conclusion(self) -> StepResult:
        """What others see of it."""
        return StepResult.SUCCESS if self.excused else self.result


class Standing(NamedTuple):
    """How what a task comes after went."""

    is_well: bool = True
    """Nothing of it went wrong, or was left out because of something else."""
    culprit: int = 0
    """The first task that is not well; 0: none."""
    has_failed: bool = False
    is_interrupted: bool = False

    def behind(self, other: Standing) -> Standing:
        """Both together; the culprit is the first one's."""
        return Standing(
            self.is_well and other.is_well,
            self.culprit or other.culprit,
            self.has_failed or other.has_failed,
            self.is_interrupted or other.is_interrupted,
        )


class Start(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a run goes by. No edit of a file changes it any more."""

    definition: Workflow
    library: tuple[Workflow, ...] = ()
    """The workflows that are steps of it, or of one of them."""
    inputs: tuple[tuple[str, Scalar], ...] = ()
    trigger: Trigger = Trigger.HAND
    event: Event | None = None
    again: int = 0
    """The run that this one repeats; 0: none."""
    kept: tuple[tuple[int, Settled], ...] = ()
    """The tasks that are not run, by their numbers, and what they count as."""
    group: str = ""
    """The concurrency group it counts in."""
    waits: bool = False
    """For a place in that group."""
    parent: tuple[int, int] | None = None
    """The run, and in that the task, that it is."""


class StepEnd(msgspec.Struct, frozen=True):
    """How an attempt of a step ended. Its run keeps it, since its message is forgotten earlier."""

    step: int
    message: int
    status: Status
    reason: str
    exit_code: int | None
    started_at: float | None
    ended_at: float
    again: int
    """How often it was begun anew after a doubt."""
    retry: int = 0
    """How many attempts came before."""


class Question(msgspec.Struct, frozen=True):
    """What a person is asked about a task."""

    text: str
    until: float | None
    """When it is answered by itself; None: never."""
    repeats: bool = False
    """It is unknown how the task ended: the question is whether to run it again."""


class TaskRecord(msgspec.Struct, omit_defaults=True):
    """Where one task of a run is."""

    messages: list[int] = msgspec.field(default_factory=list)
    """Of each attempt that was begun."""
    ends: list[StepEnd] = msgspec.field(default_factory=list)
    """Of each attempt that ended."""
    outputs: tuple[tuple[str, str], ...] = ()
    """What the last attempt left."""
    fault: str = ""
    """What was wrong with those."""
    settled: Settled | None = None
    question: Question | None = None
    due_at: float | None = None
    """When what it waits for is over: its next attempt, its time limit, its question."""
    deadline_at: float | None = None
    """When the time for all of its attempts is over."""
    retry_reason: str = ""
    """Why it is to be tried again; empty: it is not waiting for that."""
    timed_out: bool = False
    """The attempt under way is being stopped, since its time is over."""
    survives: bool = False
    """It was begun after its run was cancelled, as its `if` says."""
    stop_asked_at: float | None = None
    """When the attempt under way was to end; None: it is not."""
    unwanted: str = ""
    """Why the attempt under way is being stopped otherwise; empty: it is not."""
    child: int = 0
    """The run that it is."""


class RunRecord(msgspec.Struct, dict=True):
    """One execution of a workflow."""

    number: int
    start: Start
    started_at: float
    status: RunStatus = RunStatus.RUNNING
    ended_at: float | None = None
    depth: int = 0
    """How many events in a row led to it; see `tsipcd.core.loops`."""
    tasks: dict[int, TaskRecord] = msgspec.field(default_factory=dict)
    """By number; what is missing was not reached."""
    outcome: RunStatus | None = None
    """What its steps came to, once they are over and handlers run."""
    due_at: float | None = None
    """When its time is over."""
    paused_at: float | None = None
    cancel_asked_at: float | None = None
    """When what runs was to be stopped; None: it is not."""
    cancel_phase: Phase | None = None
    """Of what is to be stopped."""
    reason: str = ""
    """Why it was cancelled, or ended as it did, if its steps do not tell."""
    timed_out: bool = False
    """That it was cancelled is because its time was over."""
    forced: bool = False
    """It was cancelled once more: nothing of it is begun for whatever reason."""

    @property
    def workflow(self) -> str:
        """The name of its workflow."""
        return self.start.definition.name

    @cached_property
    def plan(self) -> Plan:
        """Its tasks."""
        return Plan(self.start.definition)

    @cached_property
    def size(self) -> int:
        """How many tasks its steps are, without the handlers."""
        steps = self.start.definition.steps
        return sum(len(step.matrix.combinations) if step.matrix is not None else 1 for step in steps)

    @cached_property
    def standings(self) -> dict[tuple[int, Order], Standing]:
        """What `conditions.standing_of` found out of tasks that are settled."""
        return {}

    def let_go(self) -> None:
        """Keep nothing that can be made anew."""
        self.__dict__.clear()

    @property
    def has_ended(self) -> bool:
        """Nothing more will happen in it, unless a person resolves a doubt about it."""
        return self.status in OVER

    @property
    def id(self) -> str:
        """Its name on the wire and in files."""
        return f"run-{self.number}"

    @property
    def phase(self) -> Phase | None:
        """Whose turn it is; None: nothing is left to do."""
        if self.outcome is None:
            return Phase.STEPS
        for phase in (HANDLERS.get(self.outcome, Phase.ON_FAILURE), Phase.FINALLY):
            if any(self.settled(task.index) is None for task in self.plan.in_phase(phase)):
                return phase
        return None

    def task(self, index: int) -> TaskRecord:
        """What is known of a task, to be changed."""
        return self.tasks.setdefault(index, TaskRecord())

    def settled(self, index: int) -> Settled | None:
        """How a task ended; None: it did not yet."""
        record = self.tasks.get(index)
        return record.settled if record is not None else None

    @property
    def messages(self) -> list[int]:
        """Of every attempt so far, in their order."""
        return sorted(number for record in self.tasks.values() for number in record.messages)

    def note_end(self, message: Message) -> None:
        """Keep how the attempt of `message` ended, if it did."""
        record = self.task(message.step)
        if message.has_ended:
            end = StepEnd(
                message.step, message.number, message.status, message.reason, message.course.exit_code,
                time_of(message, Status.STARTED), message.story[-1][0], message.course.redelivered,
                message.envelope.retry,
            )  # fmt: skip
            record.ends = [*(kept for kept in record.ends if kept.message != message.number), end]


HANDLERS: Final = {
    RunStatus.SUCCESS: Phase.ON_SUCCESS,
    RunStatus.PARTIAL: Phase.ON_SUCCESS,
    RunStatus.CANCELLED: Phase.ON_CANCEL,
}
"""Which handlers run after what; anything else is a failure."""
