"""What is durable of runs; see `tsipcd.core.facts`, where all facts come together."""

from __future__ import annotations

from tsipc_client.wire.messages import RunStatus, Step, StepResult
from tsipcd.core.fact import Fact
from tsipcd.core.runs.records import Cause, RunRecord, Start, StepEnd, TaskRecord
from tsipcd.workflows.plan import Phase


class RunStarted(Fact, frozen=True, tag="run"):
    """A workflow's definition was taken; what is due first follows from it."""

    number: int
    workflow: str
    steps: tuple[Step, ...] = ()
    """Those of a plain chain, where `start` is missing."""
    observed: str = ""
    key: str = ""
    digest: bytes = b""
    depth: int = 0
    start: Start | None = None
    due: int = 0
    """The run that was due and is this one; 0: somebody asked for it."""


class RunAdmitted(Fact, frozen=True, tag="run-admitted"):
    """There is a place for it in its group now."""

    run: int


class RunPaused(Fact, frozen=True, tag="run-paused"):
    """Nothing more of it is begun."""

    run: int
    by: str
    """The session it was asked from; empty: none."""


class RunResumed(Fact, frozen=True, tag="run-resumed"):
    """It goes on."""

    run: int
    by: str


class RunCancelAsked(Fact, frozen=True, tag="run-cancel"):
    """A run is to end: what waits is taken back, what runs is stopped, and no other step is begun."""

    number: int
    by: str
    """The session it was asked from; empty: none."""
    reason: str = ""
    """Why, if nobody asked."""
    phase: Phase = Phase.STEPS
    """What is to be stopped: its handlers go on when its steps are."""
    timed_out: bool = False


class RunConcluded(Fact, frozen=True, tag="run-concluded"):
    """Its steps are over; handlers follow."""

    run: int
    status: RunStatus


class RunFinished(Fact, frozen=True, tag="ran"):
    """A run ended."""

    number: int
    status: RunStatus
    reason: str = ""
    """Why, if its steps do not tell."""


class TaskSettled(Fact, frozen=True, tag="task-settled"):
    """A task ended, or is not run. Once."""

    run: int
    task: int
    result: StepResult
    reason: str = ""
    cause: Cause = Cause.NONE
    excused: bool = False
    exit_code: int | None = None
    trace: tuple[tuple[str, str], ...] = ()


class TaskRetried(Fact, frozen=True, tag="task-retried"):
    """A task will be tried again, from `due_at` on."""

    run: int
    task: int
    due_at: float
    reason: str


class TaskStopped(Fact, frozen=True, tag="task-stopped"):
    """The attempt under way is to end: its time is over, or it is of no use any more."""

    run: int
    task: int
    timed_out: bool
    reason: str = ""


class TaskAsked(Fact, frozen=True, tag="task-asked"):
    """A person is asked."""

    run: int
    task: int
    text: str
    until: float | None
    repeats: bool = False


class RunKept(Fact, frozen=True, tag="run-kept"):
    """Snapshots only: a run as it stood."""

    number: int
    workflow: str
    steps: tuple[Step, ...]
    status: RunStatus
    started_at: float
    ended_at: float | None
    messages: tuple[int, ...]
    """Of a plain chain, where `start` is missing: the messages of the steps reached so far."""
    depth: int = 0
    cancel_asked_at: float | None = None
    ends: tuple[StepEnd, ...] = ()
    start: Start | None = None
    tasks: tuple[tuple[int, TaskRecord], ...] = ()
    outcome: RunStatus | None = None
    due_at: float | None = None
    paused_at: float | None = None
    cancel_phase: Phase | None = None
    reason: str = ""
    timed_out: bool = False
    forced: bool = False


def kept(at: float, run: RunRecord) -> RunKept:
    """What a snapshot keeps of `run`."""
    return RunKept(
        at, run.number, run.workflow, (), run.status, run.started_at, run.ended_at, (), run.depth,
        run.cancel_asked_at, (), run.start, tuple(run.tasks.items()), run.outcome, run.due_at, run.paused_at,
        run.cancel_phase, run.reason, run.timed_out, run.forced,
    )  # fmt: skip


RunFact = (
    RunStarted
    | RunAdmitted
    | RunPaused
    | RunResumed
    | RunCancelAsked
    | RunConcluded
    | RunFinished
    | TaskSettled
    | TaskRetried
    | TaskStopped
    | TaskAsked
    | RunKept
)
