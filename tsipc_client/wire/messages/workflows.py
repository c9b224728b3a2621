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
class Saved:
    """Answer to `Workflow`: the file is durable."""

    name: str
    path: str
    steps: tuple[Step, ...]
    replaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Create or replace the workflow `name`."""

    METHOD: ClassVar[str] = "workflow"
    RESULT: ClassVar = Saved
    name: str
    steps: tuple[Step, ...]


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
