"""What is wrong with an expression, and where."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """When it was found."""

    LEXING = "lexing"
    PARSING = "parsing"
    EVALUATION = "evaluation"


class ExpressionError(Exception):
    """The one error of this package.

    `column` counts from 1, 0 if the fault is nowhere in particular; `hint` says what to do, or is empty.
    """

    def __init__(self, stage: Stage, message: str, column: int = 0, hint: str = "") -> None:
        """`message` is GitHub's sentence where GitHub has one."""
        super().__init__(message)
        self.stage = stage
        self.message = message
        self.column = column
        self.hint = hint

    def shown(self, source: str) -> str:
        """The sentence, below it the line of `source` that is meant with a caret, and the hint."""
        lines = [self.message]
        if 0 < self.column <= len(source) + 1:
            before = source[: self.column - 1]
            start = before.rfind("\n") + 1
            line = source[start:].split("\n", 1)[0].replace("\t", " ")
            lines += [f"  {line}", f"  {' ' * (self.column - 1 - start)}^"]
        return "\n".join([*lines, self.hint] if self.hint else lines)
