"""A schedule that can never come is found when the workflow is saved, at its own place."""

from __future__ import annotations

import pytest

from tsipcd.workflows.language.loading import load


def faults(schedule: str) -> list[tuple[int, int, str]]:
    text = f"on:\n  schedule: {schedule}\nsteps: [{{session: a, run: ls}}]\n"
    return [(fault.line, fault.column, fault.what) for fault in load(text, "w").faults]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ('"0 3 * * *"', []),
        ('{cron: "@daily", timezone: Asia/Kolkata, catchup: 6h}', []),
        ('"0 3 * *"', [(2, 13, "'0 3 * *' has 4 fields, a schedule has 5")]),
        ('[{cron: "0 25 * * *"}]', [(2, 21, "'25' in '0 25 * * *' is no hour")]),
        (
            '{cron: "@daily", timezone: Europe/Atlantis}',
            [(2, 40, "there is no time zone 'Europe/Atlantis' on this machine")],
        ),
        ('{cron: "0 0 31 2 *", timezone: Nowhere}', [(2, 20, "'0 0 31 2 *' never comes")]),
    ],
)
def test_schedules_are_checked(schedule: str, expected: list[tuple[int, int, str]]) -> None:
    """The line first, then its zone."""
    assert faults(schedule) == expected
