"""What one check found: a verdict, what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """From good to bad; `skipped`: it could not be looked at, or does not apply here."""

    OK = "ok"
    SKIPPED = "skipped"
    WARN = "warn"
    """It works, and something about it should be known."""
    BAD = "bad"
    """Something does not work, or soon will not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    verdict: Verdict
    seen: str
    advice: str = ""


def ok(check: str, seen: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, seen)


def skipped(check: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(check, Verdict.SKIPPED, why)


def warn(check: str, seen: str, advice: str) -> Finding:
    """It should be known."""
    return Finding(check, Verdict.WARN, seen, advice)


def bad(check: str, seen: str, advice: str) -> Finding:
    """It has to be mended."""
    return Finding(check, Verdict.BAD, seen, advice)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict on the whole."""
    verdicts = {finding.verdict for finding in findings}
    return next((one for one in (Verdict.BAD, Verdict.WARN) if one in verdicts), Verdict.OK)
