"""Messages of which nobody can know whether they were typed: what a person decides, and what the settings do.

Nothing in doubt is ever typed again without a decision. One is taken once; the same one again is no error.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import Decision, Resolve, Resolved, RunStatus, Status
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.names import Absent, World
from tsipcd.core.records import Message
from tsipcd.core.state import State
from tsipcd.core.turn import Turn

MAX_UNASKED: Final = 3
"""So often a message is begun anew unasked. One that ends its own pane would be in doubt again and again."""

UNASKED: Final = "as on_doubt in config.toml says"


class Doubts:
    """Decides about messages in doubt; `redeliver_unasked` is the setting that does so for the person."""

    def __init__(
        self,
        state: State,
        world: World,
        deliveries: Deliveries,
        *,
        ttl_s: float,
        redeliver_unasked: bool = False,
    ) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._ttl_s = ttl_s
        self._redeliver_unasked = redeliver_unasked

    def resolve(self, turn: Turn, call: i.Call, caller: i.Caller, request: Resolve) -> None:
        """Carry out a person's decision, and answer where the message is now."""
        message = self._state.messages.get(number_in(request.id.removeprefix("msg-")))
        if message is None:
            raise unknown_id(request.id)
        if message.status is Status.IN_DOUBT:
            if request.decision is Decision.REDELIVER and not self._has_its_run(message):
                raise Refused(
                    ErrorCode.NOT_ALLOWED,
                    f"run-{message.run}, of which {message.id} is a step, is too old to go on",
                    hint=f"leave it: ts-ipc resolve {message.id} --drop, and run the workflow again",
                )
            by = f"by hand in {caller.session}" if caller.session else "by hand"
            self._decide(turn, message, request.decision, by)
        elif message.course.decision is not request.decision:
            raise _not_in_doubt(message)
        turn.ask(
            e.Reply(
                call,
                Resolved(
                    id=message.id, decision=request.decision, status=message.status, reason=message.reason
                ),
            )
        )

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn, and begin anew what came into doubt, if the settings say so."""
        if not self._redeliver_unasked:
            return
        for fact in tuple(turn.facts):
            if isinstance(fact, f.MessageDoubted):
                message = self._state.messages[fact.number]
                if message.course.redelivered < MAX_UNASKED and self._is_wanted(message):
                    self._decide(turn, message, Decision.REDELIVER, UNASKED)

    def _decide(self, turn: Turn, message: Message, decision: Decision, by: str) -> None:
        expires_at = message.expires_at
        if decision is Decision.REDELIVER:
            # Its time may be over: it gets as much of it as it had before.
            begun = (at for at, status, _ in reversed(message.story) if status is Status.ACCEPTED)
            ttl_s = expires_at - next(begun, message.accepted_at)
            # Deadlines move with a clock that is set back, what is past does not.
            expires_at = turn.now + (ttl_s if ttl_s > 0 else self._ttl_s)
        turn.record(f.DoubtResolved(turn.now, message.number, decision, by, expires_at))
        if decision is Decision.REDELIVER:
            pane, target = message.pane, message.target
            found = self._world.place_of_pane(pane) if pane is not None else self._world.place_of(target)
            self._deliveries.enter(turn, message, found or Absent(target))

    def _is_wanted(self, message: Message) -> bool:
        """Whether it belongs to no run, or to one that nobody wants to end."""
        run = self._state.runs.get(message.run)
        return not message.run or (run is not None and run.status is not RunStatus.CANCELLING)

    def _has_its_run(self, message: Message) -> bool:
        """Whether it belongs to no run, or to one that still waits for just this attempt."""
        run = self._state.runs.get(message.run)
        return not message.run or (
            run is not None and run.task(message.step).messages[-1:] == [message.number]
        )


def _not_in_doubt(message: Message) -> Refused:
    if message.course.decision is not None:
        what = f"{message.id} was resolved before, with {message.course.decision}: it is {message.status}"
        return Refused(ErrorCode.NOT_ALLOWED, what, hint=f"its story: ts-ipc show {message.id}")
    if message.status in WAITING:
        hint = f"it was not typed yet; take it back: ts-ipc cancel {message.id}"
    elif message.has_ended:
        hint = "there is nothing to decide; send it again if it is to run again"
    else:
        hint = f"wait until it is known what came of it: ts-ipc show {message.id}"
    return Refused(ErrorCode.NOT_ALLOWED, f"{message.id} is {message.status}, not in doubt", hint=hint)
