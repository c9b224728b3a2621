"""Why a step of a run is where it is: the answer of `ts-ipc explain`. Loaded by short commands."""

from __future__ import annotations

from tsipc_client.render.amounts import duration, moment
from tsipc_client.render.style import Tone, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsipc_client.render.style import Style
    from tsipc_client.wire.messages import AttemptView, Explained

_LABEL_COLUMNS = 11


def lines(told: Explained, style: Style) -> Iterator[str]:
    """The sentence first, below it what it stands on."""
    style = style.uncut
    step = told.step
    name = step.name or str(step.index)
    yield line(style, (name, Tone.BOLD), f" of {told.run} {told.workflow} ({told.status}): {told.why}")
    if step.command:
        yield _field(style, "command", step.command)
    if step.session:
        yield _field(style, "session", step.session)
    if told.condition:
        yield _field(style, "if", told.condition.strip())
    for part in told.trace:
        yield line(
            style, (" " * _LABEL_COLUMNS + "    ", Tone.DIM), part.text, (" is ", Tone.DIM), part.value
        )
    for need in told.needs:
        yield _field(style, "behind", need.name, f": {need.result or 'not ended'}")
    for attempt in told.attempts:
        yield _field(style, f"attempt {attempt.attempt}", *_attempt(attempt))
    for output in told.outputs:
        yield _field(style, "output", output.name, f"={output.value}")


def _field(style: Style, label: str, *values: str) -> str:
    return line(style, (f"  {label + ':':<{_LABEL_COLUMNS + 2}}", Tone.DIM), *values)


def _attempt(attempt: AttemptView) -> tuple[str, ...]:
    how = f"exit {attempt.exit_code}" if attempt.exit_code is not None else str(attempt.status)
    why = f": {attempt.reason}" if attempt.reason else ""
    if attempt.started_at is None or attempt.ended_at is None:
        return how, why
    took = duration(attempt.ended_at - attempt.started_at)
    return how, why, f", {moment(attempt.started_at)}, {took}, {attempt.log}"
