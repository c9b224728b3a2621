"""A workflow as its runs go through it: each step once for each combination of its matrix, numbered.

The numbers are those in file names and messages: `1` for the first, the handlers behind the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tsipcd.workflows.definition import Scalar, Step, Workflow
from tsipcd.workflows.expressions.values import text


class Phase(StrEnum):
    """When a task's turn is."""

    STEPS = "steps"
    ON_SUCCESS = "on-success"
    ON_FAILURE = "on-failure"
    ON_CANCEL = "on-cancel"
    FINALLY = "finally"


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a run: one combination of its matrix, if it has one."""

    index: int
    """1 for the first."""
    step: Step
    phase: Phase
    name: str
    """The step's id, with the values of its combination: `unit (3, prod)`."""
    matrix: tuple[tuple[str, Scalar], ...]
    needs: tuple[int, ...]
    """The tasks of all steps that it needs."""


class Plan:
    """All tasks of a workflow."""

    def __init__(self, workflow: Workflow) -> None:
        """Linear in the tasks and what they need."""
        self.tasks: tuple[Task, ...] = tuple(_tasks(workflow))
        of_step: dict[str, list[int]] = {}
        later: dict[int, list[int]] = {}
        for task in self.tasks:
            of_step.setdefault(task.step.id, []).append(task.index)
            for need in task.needs:
                later.setdefault(need, []).append(task.index)
        self.of_step: Mapping[str, tuple[int, ...]] = {name: tuple(found) for name, found in of_step.items()}
        self.later: Mapping[int, tuple[int, ...]] = {index: tuple(found) for index, found in later.items()}
        """By task: those that need it."""

    @property
    def has_handlers(self) -> bool:
        """Whether there is anything to run behind the steps."""
        return bool(self.tasks) and self.tasks[-1].phase is not Phase.STEPS

    def task(self, index: int) -> Task:
        """The one of this number."""
        return self.tasks[index - 1]

    def in_phase(self, phase: Phase) -> Iterator[Task]:
        """In order."""
        return (task for task in self.tasks if task.phase is phase)

    def behind(self, index: int) -> set[int]:
        """All that need it, or need what needs it."""
        found: set[int] = set()
        left = [index]
        while left:
            for later in self.later.get(left.pop(), ()):
                if later not in found:
                    found.add(later)
                    left.append(later)
        return found


_NO_MATRIX: Final[tuple[tuple[tuple[str, Scalar], ...], ...]] = ((),)


def _tasks(workflow: Workflow) -> Iterator[Task]:
    phases = (
        (Phase.STEPS, workflow.steps),
        (Phase.ON_SUCCESS, workflow.on_success),
        (Phase.ON_FAILURE, workflow.on_failure),
        (Phase.ON_CANCEL, workflow.on_cancel),
        (Phase.FINALLY, workflow.finally_),
    )
    index = 0
    for phase, steps in phases:
        of_step: dict[str, tuple[int, ...]] = {}
        for step in steps:
            needs = tuple(task for need in step.needs for task in of_step.get(need, ()))
            combinations = step.matrix.combinations if step.matrix is not None else _NO_MATRIX
            of_step[step.id] = tuple(range(index + 1, index + 1 + len(combinations)))
            for matrix in combinations:
                index += 1
                values = ", ".join(text(value) for _, value in matrix)
                yield Task(index, step, phase, f"{step.id} ({values})" if values else step.id, matrix, needs)
