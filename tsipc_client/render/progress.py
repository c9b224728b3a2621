"""A workflow run as it goes: the live frame of a terminal, and the plain lines of a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tsipc_client.render.amounts import duration, plural
from tsipc_client.render.style import RUN_TONES, Style, Tone, line
from tsipc_client.wire.messages import Progress, RunEnded, Status, StepView

_FAILED = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.IN_DOUBT, Status.DELIVERED})
"""A step is only delivered if a person said so: its exit status cannot be known."""

LAST_LINES = 15
"""Of a failed step's output, repeated on stderr."""

_LINE_START = re.compile(r"\x1b\[1?G")
"""The cursor goes to the first column, as with a carriage return."""

_ERASED = re.compile(r"(?:\r|\x1b\[1?G)\x1b\[0?K|\x1b\[2K")
"""From here on the line begins anew: spinners end so."""

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and the other strings: titles, links
    r"|\x1b[ -/]*[0-~]"  # the short ones
)


def succeeded(step: StepView) -> bool:
    """Whether it ended with exit code 0."""
    return step.status is Status.DONE and step.exit_code == 0


def has_ended(step: StepView) -> bool:
    """Whether nothing more will come of it."""
    return step.status is Status.DONE or step.status in _FAILED


def took(step: StepView) -> float | None:
    """Seconds between its start and its end, if it has both."""
    if step.started_at is None or step.ended_at is None:
        return None
    return step.ended_at - step.started_at


def outcome(step: StepView) -> str:
    """How an ended step ended, in a few words."""
    if step.status is Status.DONE and step.exit_code is not None:
        return f"exit {step.exit_code}"
    return f"{step.status}: {step.reason}" if step.reason else str(step.status)


@dataclass(slots=True)
class Board:
    """What is known of a run so far. Changed by `add` only."""

    run: str = ""
    workflow: str = ""
    steps: int = 0
    seen: dict[int, StepView] = field(default_factory=dict)

    def add(self, progress: Progress) -> StepView | None:
        """Take the news in; returns what was known of that step before."""
        self.run, self.workflow, self.steps = progress.run, progress.workflow, progress.steps
        before = self.seen.get(progress.step.index)
        self.seen[progress.step.index] = progress.step
        return before

    def end(self, ended: RunEnded) -> None:
        """Take the final state in; steps never reached stay unseen."""
        self.run, self.workflow, self.steps = ended.run, ended.workflow, len(ended.steps)
        self.seen.update({step.index: step for step in ended.steps if step.status is not None})


# ── plain lines ───────────────────────────────────────────────────────────────────────────────────────────


def plain_lines(progress: Progress, before: StepView | None, style: Style) -> Iterator[str]:
    """What is worth a line in a log: a step waits (and why), starts, ends. Output lines are not."""
    step = progress.step
    at = f"[{step.index}/{progress.steps}]"
    changed = before is None or (before.status, before.reason) != (step.status, step.reason)
    if not changed:
        return
    if step.status is Status.HELD:
        yield line(style, at, " waits ", step.session, ": ", step.reason)
    elif step.status is Status.STARTED and (before is None or before.status is not Status.STARTED):
        yield line(style, at, " start ", step.session, ": ", step.command)
    elif has_ended(step):
        seconds = took(step)
        time_taken = "" if seconds is None else f" ({duration(seconds)})"
        if succeeded(step):
            yield line(style, at, (" ✓ ", Tone.GREEN), step.session, ": ", step.command, time_taken)
        else:
            spans = (step.session, ": ", step.command, f": {outcome(step)}", time_taken)
            yield line(style, at, (" ✗ ", Tone.RED), *spans)


def summary(ended: RunEnded, style: Style) -> str:
    """The run's end in one line."""
    good = sum(1 for step in ended.steps if succeeded(step))
    time_taken = "" if ended.ended_at is None else f" in {duration(ended.ended_at - ended.started_at)}"
    return line(
        style,
        f"{ended.run} {ended.workflow}: ",
        (ended.status, RUN_TONES[ended.status]),
        f", {good} of {plural(len(ended.steps), 'step')} done{time_taken}",
    )


# ── the live frame ────────────────────────────────────────────────────────────────────────────────────────


def frame(board: Board, now: float, style: Style, rows: int) -> list[str]:
    """The whole picture in at most `rows` lines: heading, ended steps (the latest), the current one."""
    steps = [board.seen[index] for index in sorted(board.seen)]
    current = steps[-1] if steps else None
    begun = next((step.started_at for step in steps if step.started_at is not None), None)
    heading = line(
        style,
        (board.workflow, Tone.BOLD),
        f"  {board.run}",
        f"  step {current.index if current else 0}/{board.steps}",
        (f"  {duration(max(now - begun, 0))}" if begun is not None else "", Tone.DIM),
    )
    body: list[str] = []
    for step in steps:
        body.extend(_step_lines(step, now, style, detailed=step is current))
    room = max(rows - 1, 1)
    if len(body) > room:
        hidden = len(body) - room + 1
        body = [line(style, (f"  … {plural(hidden, 'line')} above", Tone.DIM)), *body[hidden:]]
        body = body[-room:]
    return [heading, *body]


def _step_lines(step: StepView, now: float, style: Style, *, detailed: bool) -> Iterator[str]:
    mark, tone = _mark(step)
    note = ""
    if has_ended(step):
        seconds = took(step)
        note = "" if succeeded(step) else f"  {outcome(step)}"
        note += "" if seconds is None else f"  {duration(seconds)}"
    elif step.started_at is not None:
        note = f"  {duration(max(now - step.started_at, 0))}"
    yield line(
        style,
        "  ",
        (mark, tone),
        f" {step.index} ",
        (step.session, Tone.CYAN),
        (note, tone),
        f"  {step.command}",
    )
    if not detailed:
        return
    if step.status is Status.HELD and step.reason:
        yield line(style, ("      waits: ", Tone.YELLOW), step.reason)
    elif step.last_line:
        yield line(style, "      ", (step.last_line, Tone.DIM))


def _mark(step: StepView) -> tuple[str, Tone]:
    if succeeded(step):
        return "✓", Tone.GREEN
    if has_ended(step):
        return "✗", Tone.RED
    if step.status is Status.HELD:
        return "◌", Tone.YELLOW
    return "●", Tone.CYAN


# ── after a failure ───────────────────────────────────────────────────────────────────────────────────────


def failed_step(steps: Sequence[StepView]) -> StepView | None:
    """The step that ended the run, if one did."""
    return next((step for step in steps if has_ended(step) and not succeeded(step)), None)


def autopsy(step: StepView, steps: int, output: str, style: Style) -> Iterator[str]:
    """What a person needs to see of a failed step: which, how, its last lines, where the rest is."""
    yield line(style, f"step {step.index} of {steps} failed in {step.session}: {outcome(step)}")
    yield line(style, f"  {step.command}")
    for text in last_lines(output):
        yield line(style, ("  | ", Tone.DIM), text)
    if step.log:
        yield line(style, (f"  all of its output: {step.log}", Tone.DIM))


def last_lines(output: str) -> list[str]:
    """The last lines as they stood on the screen: no colours, and of a progress bar its last state."""
    lines = [_as_it_stood(text) for text in output.rstrip().split("\n")]
    return [text for text in lines if text][-LAST_LINES:]


def _as_it_stood(text: str) -> str:
    """One line without what was erased, then without what was overwritten from its start."""
    kept = _ERASED.split(text)[-1]
    plain = _ESCAPE_SEQUENCE.sub("", _LINE_START.sub("\r", kept))
    return plain.rstrip("\r").rpartition("\r")[2].rstrip()
