"""The workflows that there are: listed, drawn, removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowView:
    """One workflow, as its file has it now."""

    name: str
    path: str
    steps: int
    sessions: tuple[str, ...]
    """Where its steps run, in their order."""
    starts: tuple[str, ...] = ()
    """What starts it by itself: events and cron lines."""
    problem: str = ""
    """Why it cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowList:
    """Answer to `Workflows`."""

    workflows: tuple[WorkflowView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflows:
    """All workflows, by name."""

    METHOD: ClassVar[str] = "workflows"
    RESULT: ClassVar = WorkflowList


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """Answer to `Rm`: the file is gone for good."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rm:
    """Remove the workflow `name`. Its runs keep what they began with, and go on."""

    METHOD: ClassVar[str] = "rm"
    RESULT: ClassVar = Removed
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One step of a workflow, or one of its handlers."""

    id: str
    session: str
    command: str
    """What it runs, asks or shows, or the workflow that it runs; the beginning of it."""
    kind: str
    """`command`, `approval`, `workflow` or `notify`."""
    needs: tuple[str, ...] = ()
    condition: str = ""
    """Its `if`."""
    phase: str = "steps"
    """`steps`, or that of the handler: `on-failure`, `finally`, ..."""
    combinations: int = 1
    """How often its matrix runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """Answer to `Graph`: each step after all that it needs."""

    name: str
    nodes: tuple[NodeView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What waits for what in the workflow `name`, or in a `text` in the language of workflows."""

    METHOD: ClassVar[str] = "graph"
    RESULT: ClassVar = GraphView
    name: str = ""
    text: str = ""
    file: str = ""
    """What the text's file is called, for errors."""
