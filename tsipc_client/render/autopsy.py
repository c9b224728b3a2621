"""What is shown of a run that has failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsipc_client.render.progress import has_ended, outcome, succeeded
from tsipc_client.render.style import Style, Tone, line
from tsipc_client.wire.messages import StepView

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


def failed_step(steps: Sequence[StepView]) -> StepView | None:
    """The step that ended the run, if one did."""
    wrong = [step for step in steps if has_ended(step) and not (succeeded(step) or step.excused)]
    told = (step for step in wrong if step.result not in ("skipped", "cancelled"))
    return next(told, wrong[0] if wrong else None)


def autopsy(step: StepView, steps: int, log: str, output: str, style: Style) -> Iterator[str]:
    """What a person needs to see of a failed step: which, how, its last lines, where the rest is.

    `log` is the path of its log, empty if it has none, and `output` the end of it.
    """
    yield line(style, f"step {step.index} of {steps} failed in {step.session}: {outcome(step)}")
    yield line(style, f"  {step.command}")
    for text in last_lines(output):
        yield line(style, ("  | ", Tone.DIM), text)
    if log:
        yield line(style, (f"  all of its output: {log}", Tone.DIM))


def last_lines(output: str) -> list[str]:
    """The last lines as they stood on the screen: no colours, and of a progress bar its last state."""
    lines = [_as_it_stood(text) for text in output.rstrip().split("\n")]
    return [text for text in lines if text][-LAST_LINES:]


def _as_it_stood(text: str) -> str:
    """One line without what was erased, then without what was overwritten from its start."""
    kept = _ERASED.split(text)[-1]
    plain = _ESCAPE_SEQUENCE.sub("", _LINE_START.sub("\r", kept))
    return plain.rstrip("\r").rpartition("\r")[2].rstrip()
