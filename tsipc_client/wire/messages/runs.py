"""Workflow runs: to begin one, what it streams, and those there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.words import RunStatus, Status


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
    """What it printed, a path in the state folder; empty before it starts."""
    last_line: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Execute workflow `name` in order; streams `Progress`, answers `RunEnded` when it has ended.

    With `follow` false it answers `RunEnded` with status `running` at once.
    """

    METHOD: ClassVar[str] = "run"
    RESULT: ClassVar = RunEnded
    name: str
    follow: bool = True
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run, as listed."""

    run: str
    workflow: str
    status: RunStatus
    steps: int
    """How many it has."""
    done: int
    """How many of them exited with 0."""
    step: int
    """The one that is under way, or was the last; 0: none was begun."""
    session: str
    """That step's."""
    reason: str
    """Why that step waits, or how it went wrong; empty: neither."""
    started_at: float
    ended_at: float | None


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
