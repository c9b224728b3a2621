"""Who waits for a message: told of each of its moves, and answered when it has come where they want it.

Nothing of it is durable: a client whose connection ends asks again, and the message goes on in any case.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.messages import Milestone, Progress, Status, StepView, Wait, Waited
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.listings import message_view
from tsipcd.core.records import Message, time_of
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

_MOVES: Final = (
    f.MessageHeld,
    f.TypingIntended,
    f.MessageDelivered,
    f.StepStarted,
    f.StepFinished,
    f.MessageFailed,
    f.MessageExpired,
    f.MessageCancelled,
    f.MessageDoubted,
    f.DoubtResolved,
)
"""Facts whose number is the one of a message that moved."""


class Waits:
    """The calls that wait, by message."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._calls: dict[int, list[tuple[i.Call, Milestone]]] = {}

    def wait(self, turn: Turn, call: i.Call, request: Wait) -> None:
        """Answer `call` now or later."""
        number = number_in(request.id.removeprefix("msg-"))
        message = self._state.messages.get(number)
        if message is None:
            raise unknown_id(request.id)
        if _has_come(message, request.until):
            turn.ask(e.Reply(call, _waited(message)))
        else:
            self._calls.setdefault(number, []).append((call, request.until))
            turn.ask(e.Tell(call, progress(message)))

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn, and tell who waits for what moved."""
        if not self._calls:
            return
        moved = {fact.number for fact in turn.facts if isinstance(fact, _MOVES)}
        for number in sorted(moved & self._calls.keys()):
            message = self._state.messages.get(number)
            calls, self._calls[number] = self._calls[number], []
            for call, until in calls:
                if message is None:
                    # So many ended in this turn that it is not listed any more.
                    turn.ask(e.Fail(call, unknown_id(f"msg-{number}")))
                elif _has_come(message, until):
                    turn.ask(e.Reply(call, _waited(message)))
                else:
                    self._calls[number].append((call, until))
                    turn.ask(e.Tell(call, progress(message)))
            if not self._calls[number]:
                del self._calls[number]

    def is_waited_for(self, number: int) -> bool:
        """Whether somebody will be told how it ends."""
        return number in self._calls

    def forget_peer(self, peer: int) -> None:
        """A connection ended: its calls wait for nothing any more."""
        for number, calls in list(self._calls.items()):
            left = [(call, until) for call, until in calls if call.peer != peer]
            if left:
                self._calls[number] = left
            else:
                del self._calls[number]


def _has_come(message: Message, until: Milestone) -> bool:
    if message.has_ended or message.status is Status.IN_DOUBT:
        return True
    return until is Milestone.DELIVERED and message.status is Status.STARTED


def _waited(message: Message) -> Waited:
    return Waited(
        id=message.id,
        status=message.status,
        reason=message.reason,
        exit_code=message.course.exit_code,
        log=_log(message),
    )


def progress(message: Message) -> Progress:
    """Where it is, as of a run with one step, and no name."""
    step = StepView(
        index=1,
        session=message.target,
        command=message_view(message).message,
        status=message.status,
        id=message.id,
        reason=message.reason,
        started_at=time_of(message, Status.STARTED),
        log=_log(message),
    )
    return Progress(run="", workflow="", steps=1, step=step)


def _log(message: Message) -> str:
    if not message.is_step or time_of(message, Status.STARTED) is None:
        return ""
    return f"runs/{e.step_folder(*message.script)}.log"
