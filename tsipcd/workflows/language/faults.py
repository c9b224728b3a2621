"""What is wrong with a text, and where. Knows nothing of what the text means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_FAULTS: Final = 100
"""Nobody reads more at one time."""


class Severity(StrEnum):
    """Whether a workflow can be had in spite of it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. Line and column count from 1, in characters; `hint` says what to do, or is empty."""

    line: int
    column: int
    what: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    of_shape: bool = False
    """Which keys there are and what kind of value each has: what a JSON Schema can tell too."""


class Unreadable(Exception):
    """The text is no document at all; `at` is the offset of the character where that shows."""

    def __init__(self, at: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.at = at
        self.what = what
        self.hint = hint


class Findings:
    """Collects what is wrong with one text, by offsets of its characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: dict[tuple[int, str], Fault] = {}

    @property
    def has_errors(self) -> bool:
        """Whether anything but warnings was found."""
        return any(fault.severity is Severity.ERROR for fault in self._found.values())

    def shape(self, at: int, what: str, hint: str = "") -> None:
        """There is a wrong key, or a wrong kind of value."""
        self._add(at, what, hint, Severity.ERROR, of_shape=True)

    def error(self, at: int, what: str, hint: str = "") -> None:
        """It has the right form, and cannot be meant so."""
        self._add(at, what, hint, Severity.ERROR)

    def warning(self, at: int, what: str, hint: str = "") -> None:
        """It can be run, and may surprise."""
        self._add(at, what, hint, Severity.WARNING)

    def all(self) -> tuple[Fault, ...]:
        """In the order of the text, errors before warnings where there are too many."""
        errors_first = sorted(self._found.values(), key=lambda fault: fault.severity is Severity.WARNING)
        return tuple(sorted(errors_first[:MAX_FAULTS], key=lambda fault: (fault.line, fault.column)))

    def _add(self, at: int, what: str, hint: str, severity: Severity, *, of_shape: bool = False) -> None:
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text.count("\n", 0, at) + 1
        # A text that aliases stand for is looked at once for each, and wrong in one place.
        self._found.setdefault(
            (at, what), Fault(line, at - start + 1, what, hint, severity, of_shape=of_shape)
        )


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The question whether another word was meant; `otherwise` if none is near."""
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), folded, n=1)
    return f"did you mean {folded[near[0]]}?" if near else otherwise
