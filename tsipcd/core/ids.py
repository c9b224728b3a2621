"""Ids as people write them, and the numbers that they stand for."""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.errors import BadInput, ErrorCode

MAX_DIGITS: Final = 18
"""Numbers are 64-bit."""


def number_in(digits: str) -> int:
    """The number an id ends in; 0, which none has, for anything else."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS else 0


def unknown_id(text: str) -> BadInput:
    """The error for an id that is not listed."""
    listing = "runs" if text.startswith("run-") else "queue"
    return BadInput(
        ErrorCode.UNKNOWN_ID,
        f"nothing is known of {text!r}",
        hint=f"`ts-ipc {listing}` lists the ids; what ended long ago is only in the event log",
    )
