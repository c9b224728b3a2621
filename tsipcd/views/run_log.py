"""The lines of `events.log` about runs; a task is told by its number.

    TIMESTAMP RUN WORKFLOW run-N                  TIMESTAMP SETTLE WORKFLOW run-N TASK RESULT (REASON)
    TIMESTAMP ADMIT WORKFLOW run-N                TIMESTAMP RETRY WORKFLOW run-N TASK (REASON)
    TIMESTAMP PAUSE WORKFLOW run-N (BY)           TIMESTAMP STOP WORKFLOW run-N TASK (REASON)
    TIMESTAMP RESUME WORKFLOW run-N (BY)          TIMESTAMP ASK WORKFLOW run-N TASK
    TIMESTAMP CANCEL WORKFLOW run-N (BY)          TIMESTAMP END WORKFLOW run-N STATUS

A task that exited with a status has the line DONE of its message, and one that was left out because of
another has none: SETTLE is for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.records import Cause
from tsipcd.views.log_words import UNKNOWN, reason, safe_name
from tsipcd.views.timestamp import iso


def run_lines(fact: rf.RunFact, workflow: Callable[[int], str | None]) -> tuple[str, ...]:
    """The lines of one fact; `workflow` gives that of a run."""
    at = iso(fact.at)

    def run(number: int) -> str:
        name = workflow(number)
        return f"{UNKNOWN if name is None else safe_name(name)} run-{number}"

    match fact:
        case rf.RunStarted():
            return (f"{at} RUN {safe_name(fact.workflow)} run-{fact.number}",)
        case rf.RunAdmitted():
            return (f"{at} ADMIT {run(fact.run)}",)
        case rf.RunPaused():
            return (f"{at} PAUSE {run(fact.run)}{reason(fact.by)}",)
        case rf.RunResumed():
            return (f"{at} RESUME {run(fact.run)}{reason(fact.by)}",)
        case rf.RunCancelAsked():
            return (f"{at} CANCEL {run(fact.number)}{reason(fact.reason or fact.by)}",)
        case rf.RunFinished():
            return (f"{at} END {run(fact.number)} {fact.status}",)
        case rf.TaskSettled():
            if fact.exit_code is not None or not fact.reason or fact.cause is Cause.UPSTREAM:
                return ()
            return (f"{at} SETTLE {run(fact.run)} {fact.task} {fact.result}{reason(fact.reason)}",)
        case rf.TaskRetried():
            return (f"{at} RETRY {run(fact.run)} {fact.task}{reason(fact.reason)}",)
        case rf.TaskStopped():
            return (f"{at} STOP {run(fact.run)} {fact.task}{reason(fact.reason)}",)
        case rf.TaskAsked():
            return (f"{at} ASK {run(fact.run)} {fact.task}",)
        case rf.RunConcluded() | rf.RunKept():
            return ()
        case _:
            assert_never(fact)
