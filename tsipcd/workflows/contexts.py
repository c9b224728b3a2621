"""The names that an expression of a workflow may use, and what each holds. Values are the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tsipcd.workflows.expressions.functions import Arity

STATUS_FUNCTIONS: Final[Mapping[str, Arity]] = {
    name: Arity(0, 0) for name in ("success", "failure", "always", "cancelled", "interrupted")
}
"""What `if:` has beside the functions of every expression."""

RUN: Final = ("id", "workflow", "trigger", "started", "status", "failed")
EVENT: Final = ("type", "source", "data", "json", "id")
SESSION: Final = ("name",)
STEP: Final = ("outcome", "conclusion", "exit_code", "outputs", "attempts", "session")
NEED: Final = ("result", "outputs")

CONTEXTS: Final = ("run", "inputs", "env", "steps", "needs", "matrix", "event", "session")

ELSEWHERE: Final[Mapping[str, str]] = {
    "github": "here `run` tells of the run and `event` of the event that started it",
    "secrets": "keep them in the environment of the session's shell, where a command reads $NAME",
    "vars": "write them into env: at the top level, and use env.NAME",
    "runner": "`session` tells where a step runs",
    "job": "here `run` tells of the run",
    "jobs": "here `steps` has the results",
    "strategy": "here `matrix` has the values",
}
"""What to use in the place of a context that others have."""
