"""Dead letters: messages by themselves that failed or expired. Told of once, sent once more, or forgotten.

Only what was never typed is sent once more, and only once. Their sender's session gets one notification for
all that died together; about a notification, or what an event led to, there is none.
"""

from __future__ import annotations

from typing import Final

from tsipc_client.wire.errors import ErrorCode, Refused
from tsipc_client.wire.messages import MessageType, Purge, Purged, Retry, Send, Sent, Status
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.aftermath import MessageRetried, MessagesPurged
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.names import Absent, World
from tsipcd.core.records import Message, time_of
from tsipcd.core.requests import Requests
from tsipcd.core.state import OWN_NAME, State
from tsipcd.core.turn import Turn
from tsipcd.core.waits import Waits

_NEVER_TYPED: Final = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED})


class DeadLetters:
    """What is done about them."""

    def __init__(
        self,
        state: State,
        world: World,
        deliveries: Deliveries,
        requests: Requests,
        waits: Waits,
        *,
        ttl_s: float,
    ) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._requests = requests
        self._waits = waits
        self._ttl_s = ttl_s

    def retry(self, turn: Turn, call: i.Call, caller: i.Caller, request: Retry) -> None:
        """Send it once more, as it was; asked again, answer with the same message."""
        message = self._find(request.id)
        again = self._state.messages.get(self._state.retried.get(message.number, 0))
        if again is not None:
            sent = Sent(id=again.id, status=again.status, target=again.target, reason=again.reason)
            turn.ask(e.Reply(call, sent))
            return
        if message.number in self._state.questions.by_number:
            raise Refused(ErrorCode.NOT_ALLOWED, f"{message.id} is a question", hint="ask it again")
        _check_retry(message, is_retried=message.number in self._state.retried)
        envelope = message.envelope
        ended_at = message.expires_at - message.accepted_at
        once_more = Send(
            source=message.source,
            target=message.pane.pane if message.pane is not None else message.target,
            message=message.body,
            type=message.type,
            ttl_s=ended_at if ended_at > 0 else None,
            now=envelope.now,
            raw=envelope.raw,
            capture=envelope.capture,
            priority=envelope.priority,
        )
        self._requests.send(turn, call, caller, once_more)
        turn.record(MessageRetried(turn.now, message.number, self._state.last_message))

    def purge(self, turn: Turn, call: i.Call, request: Purge) -> None:
        """Forget one that has ended, or all dead letters."""
        if request.id:
            message = self._find(request.id)
            if message.run or not message.has_ended:
                what = f"a step of run-{message.run}" if message.run else f"{message.status}"
                raise Refused(
                    ErrorCode.NOT_ALLOWED,
                    f"{message.id} is {what}: it is needed",
                    hint=f"purge is for messages that have ended; its story: ts-ipc show {message.id}",
                )
            numbers: tuple[int, ...] = (message.number,)
        else:
            numbers = tuple(n for n in self._state.ended if self._state.is_dead(self._state.messages[n]))
        if numbers:
            turn.record(MessagesPurged(turn.now, numbers))
        turn.ask(e.Reply(call, Purged(purged=len(numbers))))

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn, and tell the sessions whose messages died."""
        dead: dict[str, list[Message]] = {}
        for fact in turn.facts:
            if isinstance(fact, f.MessageFailed | f.MessageExpired):
                message = self._state.messages.get(fact.number)
                if message is not None and (session := self._to_be_told(message)):
                    dead.setdefault(session, []).append(message)
        for session, messages in dead.items():
            self._tell(turn, session, messages)

    def _to_be_told(self, message: Message) -> str:
        """The session that sent it; empty: there is none, or it need not be told."""
        is_letter = message.type is not MessageType.NOTIFICATION and not message.envelope.event
        if not is_letter or message.run or self._waits.is_waited_for(message.number):
            return ""
        return message.envelope.observed or (message.source if message.source in self._state.names else "")

    def _tell(self, turn: Turn, session: str, messages: list[Message]) -> None:
        number = self._state.last_message + 1
        expires_at = turn.now + self._ttl_s
        turn.record(
            f.MessageAccepted(
                turn.now, number, OWN_NAME, session, MessageType.NOTIFICATION, _notice(messages), expires_at
            )
        )  # fmt: skip
        found = self._world.place_of(session) or Absent(session)
        self._deliveries.enter(turn, self._state.messages[number], found)

    def _find(self, text: str) -> Message:
        message = self._state.messages.get(number_in(text.removeprefix("msg-")))
        if message is None:
            raise unknown_id(text)
        return message


def _check_retry(message: Message, *, is_retried: bool) -> None:
    """Raises `Refused` unless sending it once more repeats nothing that may have happened."""
    hint = "if it may happen twice, send it again"
    if message.run:
        what, hint = f"{message.id} is a step", "run its workflow again"
    elif is_retried:
        what = f"{message.id} was sent once more before, and that message is not listed any more"
    elif message.status not in _NEVER_TYPED:
        what = f"{message.id} is {message.status}, not dead"
    elif time_of(message, Status.STARTED) is not None or time_of(message, Status.IN_DOUBT) is not None:
        what = f"{message.id} may have been run before it ended"
    elif message.envelope.secret_bytes is not None:
        what, hint = f"the text of {message.id} was secret, and is not kept", "send it again"
    else:
        return
    raise Refused(ErrorCode.NOT_ALLOWED, what, hint=hint)


def _notice(messages: list[Message]) -> str:
    first = messages[0]
    why = first.reason or next(
        (detail for _, status, detail in reversed(first.story) if status is Status.HELD), ""
    )
    what = f"{first.id} to {first.target} {first.status}" + (f": {why}" if why else "")
    others = f"; {len(messages) - 1} more too" if len(messages) > 1 else ""
    return f"{what}{others} - ts-ipc queue --dead"
