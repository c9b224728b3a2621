"""What is asked of runs that were started: to hold them, answer them, repeat them, and to say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.runs import Given, RunEnded, StepView
from tsipc_client.wire.messages.words import RunStatus, Status, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNow:
    """Where a run is."""

    id: str
    status: RunStatus
    paused: bool
    """Nothing more of it is begun until it is resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Begin nothing more of a run: what waits is taken back, what runs goes on."""

    METHOD: ClassVar[str] = "pause"
    RESULT: ClassVar = RunNow
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Let a run go on that was paused."""

    METHOD: ClassVar[str] = "resume"
    RESULT: ClassVar = RunNow
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Say yes to what a step of a run asks. With one question open, `step` may be empty."""

    METHOD: ClassVar[str] = "approve"
    RESULT: ClassVar = RunNow
    id: str
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Say no to it."""

    METHOD: ClassVar[str] = "reject"
    RESULT: ClassVar = RunNow
    id: str
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Run again what did not go well in a run that has ended, with its definition and inputs as they were.

    A new run; what is not repeated counts as it did, with its outputs. Answers and streams as `Run`.
    """

    METHOD: ClassVar[str] = "rerun"
    RESULT: ClassVar = RunEnded
    id: str
    failed: bool = False
    """Only what did not go well and what comes behind that; else everything."""
    follow: bool = True
    key: str = ""
    begin_with: str = ""
    """This step and what comes behind it; empty: see `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A run as it is; with `follow` streams and answers as `Run` does."""

    METHOD: ClassVar[str] = "watch"
    RESULT: ClassVar = RunEnded
    id: str
    follow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """A step that another one comes after."""

    name: str
    result: StepResult | None
    """None: it has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """A part of a condition, and what it came to."""

    text: str
    value: str
    """As JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt of a step."""

    attempt: int
    """1 for the first."""
    id: str
    """The message that carried it."""
    status: Status
    reason: str
    exit_code: int | None
    started_at: float | None
    ended_at: float | None
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why a step is where it is."""

    run: str
    workflow: str
    status: RunStatus
    step: StepView
    why: str
    """In a sentence."""
    condition: str
    """Its `if`; empty: it has none."""
    trace: tuple[PartView, ...]
    """If that was false."""
    needs: tuple[NeedView, ...]
    attempts: tuple[AttemptView, ...]
    outputs: tuple[Given, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """Why a step of a run waits, was skipped, or ended as it did. `step` is its id, name or number."""

    METHOD: ClassVar[str] = "explain"
    RESULT: ClassVar = Explained
    id: str
    step: str
