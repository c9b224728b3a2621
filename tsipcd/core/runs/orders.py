"""The order to begin an attempt of a step: its text, and the variables that its command gets."""

from __future__ import annotations

from typing import Final

from tsipcd.core import effects as e
from tsipcd.core.records import Message
from tsipcd.core.runs.conditions import View
from tsipcd.core.state import State
from tsipcd.core.topology import PanePin

PREFIX: Final = "TS_"
"""Of the variables that are ours."""


def start_step(state: State, message: Message, attempt: int, pin: PanePin, shell: str) -> e.StartStep:
    """The order for `message`, which carries a task of a run, or is a captured command by itself."""
    number, step, again, retry = message.script
    if not message.run:
        return e.StartStep(message.number, attempt, pin, number, step, message.body, shell, again, retry)
    run = state.runs[number]
    task = run.plan.task(step)
    ours = (
        (f"{PREFIX}RUN", run.id),
        (f"{PREFIX}WORKFLOW", run.workflow),
        (f"{PREFIX}STEP", task.step.id),
        (f"{PREFIX}ATTEMPT", str(retry + 1)),
    )
    environment = (*ours, *View(run, task).environment())
    return e.StartStep(
        message.number, attempt, pin, number, step, message.body, shell, again, retry,
        environment, task.step.literal,
    )  # fmt: skip
