"""Workflows as they are saved, and the pipelines that are made of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.events import Subscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a workflow, in one session."""

    session: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultView:
    """One thing to mend in a workflow's text. Line and column count from 1."""

    line: int
    column: int
    what: str
    hint: str = ""
    """What to do; may be empty."""
    is_error: bool = True
    """A workflow with errors cannot be run; else it is a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Answer to `Workflow`: the file is durable."""

    name: str
    path: str
    steps: tuple[Step, ...]
    replaced: bool
    warnings: tuple[FaultView, ...] = ()
    """Of `text`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Create or replace the workflow `name`, of plain steps or of a `text` in the language of workflows."""

    METHOD: ClassVar[str] = "workflow"
    RESULT: ClassVar = Saved
    name: str
    steps: tuple[Step, ...] = ()
    text: str = ""
    file: str = ""
    """What the text's file is called, for errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Answer to `Validate`."""

    file: str
    """The file that was looked at."""
    valid: bool
    """There is no error; if asked strictly, no warning either."""
    faults: tuple[FaultView, ...]
    """In the order of the text, at most 100."""
    steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """Look for faults in a `text`, or without one in the file of the workflow `name`. Changes nothing."""

    METHOD: ClassVar[str] = "validate"
    RESULT: ClassVar = Validated
    name: str = ""
    text: str = ""
    file: str = ""
    """What the text's file is called."""
    strict: bool = False
    """Warnings count as errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSaved:
    """Answer to `Pipeline`."""

    subscription: Subscribed
    workflow: Saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Subscribe `target` to deployments of `source` and create `deploy-SOURCE-to-TARGET`."""

    METHOD: ClassVar[str] = "pipeline"
    RESULT: ClassVar = PipelineSaved
    source: str
    target: str
