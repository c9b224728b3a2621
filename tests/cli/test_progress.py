"""A run as it goes: plain lines, the live frame, the end."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli import samples
from tsipc_client.render import autopsy, progress
from tsipc_client.render.columns import columns
from tsipc_client.render.style import PLAIN, Style
from tsipc_client.wire.messages import Progress, RunStatus, Status

TERMINAL = Style(width=79, colour=True, terminal=True)


def board_after(*news: Progress) -> progress.Board:
    board = progress.Board()
    for item in news:
        board.add(item)
    return board


def test_a_pipe_gets_one_line_per_start_end_and_wait() -> None:
    """Not one per line of output, and none twice."""
    board = progress.Board()
    lines = [
        line
        for news in samples.RUN_NEWS
        for _ in ("heard once", "and again after the connection broke")
        for line in progress.plain_lines(news, board.add(news), PLAIN)
    ]
    assert lines == [
        "[1/5] start claude-blacklist: npm run step-1",
        "[1/5] ✓ claude-blacklist: npm run step-1 (4.1 s)",
        "[2/5] waits claude-blacklist: busy: vim",
        "[2/5] waits claude-blacklist: busy: less",
        "[2/5] start claude-blacklist: npm run step-2",
        "[2/5] ✗ claude-blacklist: npm run step-2: exit 1 (4.1 s)",
    ]


@pytest.mark.parametrize("count", range(1, len(samples.RUN_NEWS) + 1))
def test_frame(count: int, snapshot: SnapshotAssertion) -> None:
    """Each picture of the live display looks as it did when somebody last looked at it."""
    board = board_after(*samples.RUN_NEWS[:count])
    assert "\n".join(progress.frame(board, samples.NOON + 15, TERMINAL, 20)) == snapshot


@pytest.mark.parametrize("width", [10, 40])
@pytest.mark.parametrize("rows", [1, 2, 5, 12])
def test_a_frame_fits_the_window(width: int, rows: int) -> None:
    """However many steps there are, and whatever they print; the current step is in it."""
    steps = [samples.step(index, Status.DONE, exit_code=0) for index in range(1, 40)]
    steps.append(samples.step(40, Status.STARTED, last_line=samples.HOSTILE + "세션" * 50))
    board = board_after(*(samples.news(step) for step in steps))
    frame = progress.frame(board, samples.NOON, Style(width=width, terminal=True), rows)
    assert len(frame) <= max(rows, 2)
    assert [line for line in frame if columns(line) > width] == []


@pytest.mark.parametrize("status", [RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELLED])
def test_summary(status: RunStatus, snapshot: SnapshotAssertion) -> None:
    """The last line says how it ended."""
    assert progress.summary(samples.ended(status), PLAIN) == snapshot


def test_autopsy_shows_the_last_lines_and_where_the_rest_is() -> None:
    """Without colours and overwritten parts, as they stood on the screen."""
    output = (
        "".join(f"line {n}\n" for n in range(100)) + "10%\r50%\r100%\r\n\x1b[31mFAIL\x1b[0m\x1b]0;t\x07\n\n"
    )
    step = samples.step(2, Status.DONE, exit_code=1, log="/state/runs/run-3/2.log")
    lines = list(autopsy.autopsy(step, 5, step.log, output, PLAIN))
    assert lines[0] == "step 2 of 5 failed in claude-blacklist: exit 1"
    assert lines[2] == "  | line 87"
    assert lines[-3:] == ["  | 100%", "  | FAIL", "  all of its output: /state/runs/run-3/2.log"]


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("⠙\x1b[1G\x1b[0Knpm error", "npm error"),
        ("⠙\x1b[1G\x1b[0K⠹\x1b[1G\x1b[0K", ""),
        ("10%\x1b[2K\r90%", "90%"),
        ("10%\x1b[G90%", "90%"),
        ("\x1b[32mok\x1b[0m\x1b(B", "ok"),
        ("done\r", "done"),
    ],
)
def test_a_line_stands_as_a_spinner_left_it(output: str, line: str) -> None:
    """What was erased or overwritten is not repeated."""
    assert autopsy.last_lines(output) == ([line] if line else [])


def test_a_step_that_could_not_run_says_why() -> None:
    """Where there is no exit code there is a reason."""
    step = samples.step(2, Status.FAILED, reason="the pane died")
    assert progress.outcome(step) == "failed: the pane died"
    assert autopsy.failed_step([samples.step(1, Status.DONE, exit_code=0), step]) is step
