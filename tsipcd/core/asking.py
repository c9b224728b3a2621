"""Questions between sessions: what may be asked, who answers, and who waits for the answer.

One answer counts: the first. It is durable before whoever waits gets it.
"""

from __future__ import annotations

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import (
    Inbox,
    InboxList,
    MessageType,
    QuestionView,
    Replied,
    Reply,
    Send,
    Status,
    Wait,
    Waited,
)
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.delivery import WAITING
from tsipcd.core.expiry import Expiry
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.names import Absent, Found, World
from tsipcd.core.questions import Question, QuestionAnswered, QuestionAsked, QuestionClosed
from tsipcd.core.records import Message
from tsipcd.core.state import State
from tsipcd.core.turn import Turn
from tsipcd.core.waits import progress

LAST = "-"
"""In place of an id: the question that the caller's session was asked last."""


def check_ask(request: Send) -> None:
    """Raises `BadInput` if it can be no question."""
    if request.type is not MessageType.NOTIFICATION:
        raise BadInput(
            ErrorCode.BAD_PARAMS,
            f"a question is a notification, not {request.type}: a shell would run what is typed",
            hint="ask with type notification",
        )


def shown(source: str, text: str, number: int) -> str:
    """What the session asked sees."""
    return f"{source} asks: {text} (ts-ipc reply msg-{number} ANSWER)"


def asked(turn: Turn, message: Message, found: Found | Absent, text: str) -> None:
    """The message, just accepted, is a question."""
    session = found.place.session if isinstance(found, Found) else found.name
    turn.record(QuestionAsked(turn.now, message.number, message.source, session, text, message.expires_at))


class Asking:
    """The verbs about questions, and the calls that wait for answers."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._calls: dict[int, list[i.Call]] = {}
        self._expiry = Expiry()

    def restore(self) -> None:
        """Watch for the deadlines of all that are open: after a start, or when the clock was set."""
        questions = self._state.questions.by_number.values()
        self._expiry = Expiry.of((x.number, x.expires_at) for x in questions if x.status is None)

    def take(self, turn: Turn, call: i.Call, caller: i.Caller, request: Reply | Inbox | Wait) -> None:
        """Do what the request asks."""
        match request:
            case Reply():
                self._reply(turn, call, caller, request)
            case Inbox():
                self._inbox(turn, call, caller, request)
            case Wait():
                self._wait(turn, call, request)

    def _reply(self, turn: Turn, call: i.Call, caller: i.Caller, request: Reply) -> None:
        """Answer a question. The same answer again changes nothing; another one comes too late."""
        question = self._meant(request.id, caller)
        if question.status is None:
            turn.record(QuestionAnswered(turn.now, question.number, request.answer, caller.session))
            message = self._state.messages.get(question.number)
            if message is not None and message.status in WAITING:
                # It was read in the inbox: nobody needs to be shown it any more.
                turn.record(f.MessageDelivered(turn.now, message.number, "answered"))
        elif question.status is not Status.DONE or question.answer != request.answer:
            what = "answered before" if question.status is Status.DONE else f"{question.status}"
            raise Refused(ErrorCode.NOT_ALLOWED, f"msg-{question.number} is {what}: nobody waits for this")
        turn.ask(e.Reply(call, Replied(id=f"msg-{question.number}", source=question.source)))

    def _inbox(self, turn: Turn, call: i.Call, caller: i.Caller, request: Inbox) -> None:
        """The open questions of a session."""
        found = self._world.resolve(request.session, self._state.names, caller.session)
        session = found.place.session if isinstance(found, Found) else found.name
        rows = tuple(
            QuestionView(
                id=f"msg-{x.number}",
                source=x.source,
                question=x.text,
                asked_at=x.asked_at,
                expires_at=x.expires_at,
            )
            for x in self._state.questions.open_for(session)
        )
        turn.ask(e.Reply(call, InboxList(session=session, questions=rows[:_MOST], unanswered=len(rows))))

    def _wait(self, turn: Turn, call: i.Call, request: Wait) -> None:
        """Answer `call` when the question is closed."""
        number = number_in(request.id.removeprefix("msg-"))
        question = self._state.questions.by_number.get(number)
        if question is None:
            raise unknown_id(request.id)
        if question.status is not None:
            turn.ask(e.Reply(call, _waited(question, question.status)))
            return
        self._calls.setdefault(number, []).append(call)
        message = self._state.messages.get(number)
        if message is not None:
            turn.ask(e.Tell(call, progress(message)))

    def expire(self, turn: Turn) -> None:
        """Close every question whose time is over."""
        for number in self._expiry.take_due(turn.now):
            question = self._state.questions.by_number.get(number)
            if question is not None and question.status is None and question.expires_at <= turn.now:
                turn.record(QuestionClosed(turn.now, number, Status.EXPIRED))

    def follow_along(self, turn: Turn) -> None:
        """Look at each fact of this turn, those that this adds included: questions come, and are closed."""
        questions = self._state.questions.by_number
        if not questions:
            return
        at = 0
        while at < len(turn.facts):
            fact = turn.facts[at]
            at += 1
            if isinstance(fact, QuestionAsked):
                self._expiry.watch(fact.number, fact.expires_at)
            elif isinstance(fact, QuestionAnswered | QuestionClosed):
                self._answer(turn, fact.number)
            elif isinstance(fact, f.MessageExpired | f.MessageCancelled | f.MessageFailed):
                question = questions.get(fact.number)
                if question is not None and question.status is None:
                    turn.record(QuestionClosed(turn.now, fact.number, _ENDS[type(fact)]))

    def forget_peer(self, peer: int) -> None:
        """A connection ended: its calls wait for nothing any more."""
        for number, calls in list(self._calls.items()):
            self._calls[number] = [call for call in calls if call.peer != peer]
            if not self._calls[number]:
                del self._calls[number]

    @property
    def next_deadline(self) -> float | None:
        """When `expire` has something to do; None: never."""
        return self._expiry.next_deadline

    def _answer(self, turn: Turn, number: int) -> None:
        question = self._state.questions.by_number[number]
        for call in self._calls.pop(number, ()):
            turn.ask(e.Reply(call, _waited(question, question.status or Status.DONE)))

    def _meant(self, text: str, caller: i.Caller) -> Question:
        if text != LAST:
            question = self._state.questions.by_number.get(number_in(text.removeprefix("msg-")))
            if question is None:
                raise unknown_id(text)
            return question
        if not caller.session:
            raise BadInput(ErrorCode.BAD_PARAMS, "'-' means your session's last question, and this is none")
        open_ones = self._state.questions.open_for(caller.session)
        if not open_ones:
            raise Refused(ErrorCode.NOT_ALLOWED, f"nobody has asked {caller.session} anything")
        return open_ones[-1]


_ENDS = {
    f.MessageExpired: Status.EXPIRED,
    f.MessageCancelled: Status.CANCELLED,
    f.MessageFailed: Status.FAILED,
}

_MOST = 200
"""Questions in one answer."""


def _waited(question: Question, status: Status) -> Waited:
    return Waited(id=f"msg-{question.number}", status=status, answer=question.answer, by=question.by)
