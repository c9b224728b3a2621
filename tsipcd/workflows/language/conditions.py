"""What `if:` holds: one expression and nothing else."""

from __future__ import annotations

from tsipcd.workflows.embedded import whole_expression
from tsipcd.workflows.language.document import Node
from tsipcd.workflows.language.fields import Reading


def condition(reading: Reading, node: Node) -> str:
    """The expression without `${{ }}`. Text beside it is refused: such a condition would always be true."""
    text = reading.text(node, "if").strip()
    if "${{" not in text:
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
