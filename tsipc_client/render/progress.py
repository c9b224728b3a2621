"""A workflow run as it goes: the live frame of a terminal, and the plain lines of a pipe.

Loaded by short commands: it knows news by its fields and statuses by their words, and loads no classes.
"""

from __future__ import annotations

from tsipc_client.render.amounts import duration, plural
from tsipc_client.render.style import RUN_TONES, Tone, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tsipc_client.render.style import Style
    from tsipc_client.wire.messages import Progress, RunEnded, StepView

_FAILED = frozenset({"failed", "expired", "cancelled", "in-doubt", "delivered"})
"""A step is only delivered if a person said so: its exit status cannot be known."""


def succeeded(step: StepView) -> bool:
    """Whether it went well."""
    if step.result is None:
        return step.status == "done" and step.exit_code == 0
    return step.result == "success"


def has_ended(step: StepView) -> bool:
    """Whether nothing more will come of it, or of this attempt."""
    return step.result is not None or step.status == "done" or step.status in _FAILED


def took(step: StepView) -> float | None:
    """Seconds between its start and its end, if it has both."""
    if step.started_at is None or step.ended_at is None:
        return None
    return step.ended_at - step.started_at


def outcome(step: StepView) -> str:
    """How an ended step ended, in a few words."""
    if step.result not in (None, "success", "failure"):
        excused = " (excused)" if step.excused else ""
        return f"{step.result}{f': {step.reason}' if step.reason else ''}{excused}"
    if step.status == "done" and step.exit_code is not None:
        return f"exit {step.exit_code}"
    return f"{step.status}: {step.reason}" if step.reason else str(step.status)


class Board:
    """What is known of a run so far."""

    __slots__ = ("run", "seen", "steps", "workflow")

    def __init__(self) -> None:
        self.run = ""
        self.workflow = ""
        self.steps = 0
        self.seen: dict[int, StepView] = {}

    def add(self, progress: Progress) -> StepView | None:
        """Take the news in; returns what was known of that step before."""
        self.run, self.workflow, self.steps = progress.run, progress.workflow, progress.steps
        before = self.seen.get(progress.step.index)
        self.seen[progress.step.index] = progress.step
        return before

    def end(self, ended: RunEnded) -> None:
        """Take the final state in; steps never reached stay unseen."""
        self.run, self.workflow, self.steps = ended.run, ended.workflow, len(_main(ended.steps))
        self.seen.update({step.index: step for step in ended.steps if step.status is not None})


# ── plain lines ───────────────────────────────────────────────────────────────────────────────────────────


def plain_lines(progress: Progress, before: StepView | None, style: Style) -> Iterator[str]:
    """What is worth a line in a log: a step waits (and why), starts, ends. Output lines are not."""
    step = progress.step
    at = f"[{step.index}/{progress.steps}]" if step.phase == "steps" else f"[{step.phase}]"
    if before is not None and _told(before) == _told(step):
        return
    if step.status is None and step.result is not None:
        mark = " ✓ " if succeeded(step) else " - "
        yield line(style, at, (mark, Tone.DIM), _label(step), f": {step.reason or step.result}")
    elif step.status is None and step.reason:
        yield line(style, at, " waits ", _label(step), f": {step.reason}")
    elif step.status == "held":
        yield line(style, at, " waits ", step.session, ": ", step.reason)
    elif step.status == "started" and (before is None or before.status != "started"):
        yield line(style, at, " start ", step.session, ": ", step.command)
    elif has_ended(step):
        seconds = took(step)
        time_taken = "" if seconds is None else f" ({duration(seconds)})"
        if succeeded(step):
            yield line(style, at, (" ✓ ", Tone.GREEN), step.session, ": ", step.command, time_taken)
        else:
            spans = (step.session, ": ", step.command, f": {outcome(step)}", time_taken)
            yield line(style, at, (" ✗ ", Tone.RED), *spans)


def _told(step: StepView) -> tuple[object, ...]:
    """What makes a line; how an attempt ended is told when it did, not once more when its step is settled."""
    result = step.result if step.status is None else None
    return step.status, step.reason, result, step.attempt


def _main(steps: Sequence[StepView]) -> list[StepView]:
    """Those that are no handlers."""
    return [step for step in steps if step.phase == "steps"]


def _label(step: StepView) -> str:
    return step.name or step.session


def summary(ended: RunEnded, style: Style) -> str:
    """The run's end in one line."""
    steps = _main(ended.steps)
    good = sum(1 for step in steps if succeeded(step))
    time_taken = "" if ended.ended_at is None else f" in {duration(ended.ended_at - ended.started_at)}"
    return line(
        style,
        f"{ended.run} {ended.workflow}: ",
        (ended.status, RUN_TONES[ended.status]),
        f", {good} of {plural(len(steps), 'step')} done{time_taken}",
        f": {ended.reason}" if ended.reason else "",
    )


# ── the live frame ────────────────────────────────────────────────────────────────────────────────────────


def frame(board: Board, now: float, style: Style, rows: int) -> list[str]:
    """The whole picture in at most `rows` lines: heading, ended steps (the latest), the current one."""
    steps = [board.seen[index] for index in sorted(board.seen)]
    current = next((step for step in steps if not has_ended(step)), steps[-1] if steps else None)
    begun = next((step.started_at for step in steps if step.started_at is not None), None)
    heading = line(
        style,
        (board.workflow, Tone.BOLD),
        f"  {board.run}",
        f"  step {min(current.index, board.steps) if current else 0}/{board.steps}",
        (f"  {duration(max(now - begun, 0))}" if begun is not None else "", Tone.DIM),
    )
    body: list[str] = []
    for step in steps:
        body.extend(_step_lines(step, now, style, detailed=step is current or not has_ended(step)))
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
        f" {_place(step)} ",
        (step.session, Tone.CYAN),
        (note, tone),
        f"  {step.command}",
    )
    if not detailed or step.result is not None:
        return
    if step.status in (None, "held") and step.reason:
        yield line(style, ("      waits: ", Tone.YELLOW), step.reason)
    elif step.last_line:
        yield line(style, "      ", (step.last_line, Tone.DIM))


def _place(step: StepView) -> str:
    """Its name, if somebody gave it one."""
    return str(step.index) if step.name in ("", f"step-{step.index}") else step.name


def _mark(step: StepView) -> tuple[str, Tone]:
    if succeeded(step):
        return "✓", Tone.GREEN
    if step.result == "skipped" or step.excused:
        return "-", Tone.DIM
    if has_ended(step):
        return "✗", Tone.RED
    if step.status in (None, "held"):
        return "◌", Tone.YELLOW
    return "●", Tone.CYAN
