"""Captured commands: what may be one, and how one that runs by itself is ended. Those of runs end with them.

It ends as `tsipcd.tmux.stopping` says, never its shell; of one that is being typed the outcome comes first.
"""

from __future__ import annotations

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import Cancelled, MessageType, RunStatus, Send, Status
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.names import Absent, Found
from tsipcd.core.records import Message, time_of
from tsipcd.core.state import State
from tsipcd.core.turn import Turn


def check_capture(request: Send, found: Found | Absent, caller: i.Caller) -> None:
    """Raises `WireError` if the command cannot be captured there."""
    if request.type is not MessageType.COMMAND:
        raise BadInput(ErrorCode.BAD_PARAMS, f"capture is for commands: {request.type} has no exit status")
    if request.now:
        raise BadInput(
            ErrorCode.BAD_PARAMS,
            "now and capture do not go together: what is captured is run by a shell at its prompt",
        )
    if isinstance(found, Found) and found.pane is not None and caller.pane == found.pane.pid:
        raise Refused(
            ErrorCode.NOT_ALLOWED,
            f"{found.name} is the pane this runs in: the command would wait for this one to end, "
            "and this one for it",
            hint="run it here, without ts-ipc; nothing was sent",
        )


def is_stoppable(message: Message) -> bool:
    """Whether it is a captured command by itself that runs, or is being typed."""
    return message.envelope.capture and message.status in {Status.INTENT, Status.STARTED}


def ask_to_stop(turn: Turn, message: Message, caller: i.Caller) -> Cancelled:
    """Let it end. Once is enough."""
    if message.course.stop_asked_at is None:
        turn.record(f.CommandStopAsked(turn.now, message.number, caller.session))
        if message.status is Status.STARTED:
            turn.ask(e.StopStep(message.number, 0.0))
    return Cancelled(id=message.id, status=RunStatus.CANCELLING)


class Captures:
    """Sees that commands which were asked to end do so."""

    def __init__(self, state: State, deliveries: Deliveries) -> None:
        self._state = state
        self._deliveries = deliveries

    def restore(self, turn: Turn) -> None:
        """Go on with ending what an earlier life began to end."""
        for message in self._state.messages.values():
            if message.course.stop_asked_at is not None and message.status is Status.STARTED:
                self._stop(turn, message, message.course.stop_asked_at)

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn: end, or take back, what was asked to end while it was typed."""
        for fact in tuple(turn.facts):
            if isinstance(fact, f.StepStarted | f.MessageHeld):
                message = self._state.messages[fact.number]
                asked_at = message.course.stop_asked_at
                if asked_at is None:
                    continue
                if message.status is Status.STARTED:
                    self._stop(turn, message, asked_at)
                elif message.status in WAITING:
                    self._deliveries.cancel(turn, message)

    def _stop(self, turn: Turn, message: Message, asked_at: float) -> None:
        begun = max(asked_at, time_of(message, Status.STARTED) or 0.0)
        turn.ask(e.StopStep(message.number, max(0.0, turn.now - begun)))
