"""The states of a message and the legal moves between them: one table, and a function that enforces it.

    accepted ─┬─> held <──────────────┐      (waits, with a reason)
              │    │                  │ the guard typed nothing
              └────┴─> intent ────────┤
                        │  │  └───────┴─> in-doubt   (the pane died between intent and outcome)
                        │  └─> started ─> done       (a step, with its exit status)
                        └─> delivered

A notification or data goes from accepted or held to delivered: showing or storing it again is harmless, so no
intent is recorded. Whatever waits can expire, be cancelled or fail. What is in doubt waits for a decision:
accepted anew, delivered, or cancelled. A command that waits comes into doubt if the journal turns out to be
older than what was typed.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.messages import Status

_WAITING_ENDS: Final = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED})

MOVES: Final[dict[Status, frozenset[Status]]] = {
    Status.ACCEPTED: frozenset({Status.HELD, Status.INTENT, Status.DELIVERED, Status.IN_DOUBT})
    | _WAITING_ENDS,
    Status.HELD: frozenset({Status.HELD, Status.INTENT, Status.DELIVERED, Status.IN_DOUBT}) | _WAITING_ENDS,
    Status.INTENT: frozenset({Status.HELD, Status.DELIVERED, Status.STARTED, Status.IN_DOUBT, Status.FAILED}),
    Status.STARTED: frozenset({Status.DONE, Status.FAILED}),
    Status.IN_DOUBT: frozenset({Status.ACCEPTED, Status.DELIVERED, Status.CANCELLED}),
    Status.DELIVERED: frozenset(),
    Status.DONE: frozenset(),
    Status.FAILED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}

ENDED: Final = frozenset(status for status, moves in MOVES.items() if not moves)
"""Nothing more will happen to the message."""

WAITING: Final = frozenset({Status.ACCEPTED, Status.HELD})
"""Nothing has been typed; it can be taken back."""


class IllegalMove(Exception):
    """A fact contradicts the table: a defect in the core, or a journal that is not ours."""

    def __init__(self, number: int, old: Status, new: Status) -> None:
        super().__init__(f"msg-{number} cannot go from {old} to {new}")


def check_move(number: int, old: Status, new: Status) -> None:
    """Raises `IllegalMove` unless the table allows it."""
    if new not in MOVES[old]:
        raise IllegalMove(number, old, new)
