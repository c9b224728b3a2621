"""Workflow runs: to begin one, what it streams, and those there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import RunStatus, Status, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a run, as it is now."""

    index: int
    """1 for the first."""
    session: str
    command: str
    status: Status | None
    """None: not reached yet."""
    id: str = ""
    """The message that carries it."""
    reason: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    log: str = ""
    """What its last attempt printed, a path in the state folder; empty before it starts."""
    last_line: str = ""
    name: str = ""
    """Its id, with the values of its combination of a matrix."""
    phase: str = "steps"
    """`steps`, or that of the handler: `on-failure`, `finally`, ..."""
    result: StepResult | None = None
    """None: it has not ended for good."""
    excused: bool = False
    """It went wrong, and is allowed to."""
    attempt: int = 0
    """How many attempts were begun."""
    attempts: int = 1
    """How many there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Streamed by `Run` and `Wait`: a step changed, or printed something (`last_line`)."""

    run: str
    workflow: str
    steps: int
    step: StepView


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """Answer to `Run`."""

    run: str
    workflow: str
    status: RunStatus
    steps: tuple[StepView, ...]
    started_at: float
    ended_at: float | None
    reason: str = ""
    """Why it ended as it did, if its steps do not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A name and its value: an input of a run, or an output of a step."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Execute workflow `name`; streams `Progress`, answers `RunEnded` when it has ended.

    With `follow` false it answers `RunEnded` with status `running` at once.
    """

    METHOD: ClassVar[str] = "run"
    RESULT: ClassVar = RunEnded
    name: str
    follow: bool = True
    key: str = ""
    inputs: tuple[Given, ...] = ()
    begin_with: str = ""
    """The step to begin with; what comes before is left out. Empty: the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run, as listed."""

    run: str
    workflow: str
    status: RunStatus
    steps: int
    """How many it has."""
    done: int
    """How many of them are a success."""
    step: int
    """The one that is under way, or was the last; 0: none was begun."""
    session: str
    """That step's."""
    reason: str
    """Why that step waits, or how it went wrong; empty: neither."""
    started_at: float
    ended_at: float | None
    name: str = ""
    """That step's."""
    trigger: str = "hand"
    """Why it began: `hand`, `event`, `schedule`, `workflow` or `rerun`."""
    paused: bool = False
    """Nothing more of it is begun until it is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunList:
    """Answer to `Runs`."""

    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The latest workflow runs, oldest first, at most the last `limit`, ended or not."""

    METHOD: ClassVar[str] = "runs"
    RESULT: ClassVar = RunList
    limit: int = 20
