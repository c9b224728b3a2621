"""What `if:` holds: one expression and nothing else."""

from __future__ import annotations

from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.language.document import Node
from tsipcd.workflows.language.fields import Reading
from tsipcd.workflows.templates import OPEN, embedded


def condition(reading: Reading, node: Node) -> str:
    """The expression without `${{ }}`. Text beside it is refused: such a condition would always be true."""
    text = reading.text(node, "if").strip()
    if OPEN not in text:
        return text
    inner = whole_expression(text)
    if inner is None:
        reading.findings.error(
            node.at,
            "there is text outside of ${{ }} in this condition, so it would always be true",
            "write one expression, with or without ${{ }} around all of it",
        )
        return ""
    if not inner:
        reading.findings.error(node.at, "the condition is empty")
    return inner


def whole_expression(text: str) -> str | None:
    """The expression that `text` is with `${{ }}` around it; None if it is anything else."""
    try:
        found = embedded(text)
    except ExpressionError:
        return None
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return found[0].source.strip()
    return None
