"""Questions: shown, listed, answered once, and closed when nobody will answer."""

from __future__ import annotations

from tests.core.test_cancelling import next_life
from tests.support.talk import Talk, kinds, only, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.questions import KEEP_CLOSED
from tsipcd.core.state import State

ANSWERING = i.Caller(session="claude-manager")


def ask(talk: Talk, text: str = "Which branch?", **more: object) -> list[e.Effect]:
    """Of claude-manager."""
    return talk.send("claude-manager", text, type=m.MessageType.NOTIFICATION, ask=True, ttl_s=60, **more)


def wait(talk: Talk, number: int = 1) -> list[e.Effect]:
    return talk.ask(m.Wait(id=f"msg-{number}", until=m.Milestone.ANSWERED))


def reply(talk: Talk, answer: str = "main", question: str = "msg-1") -> list[e.Effect]:
    return talk.ask(m.Reply(id=question, answer=answer), ANSWERING)


def answers(effects: list[e.Effect]) -> list[m.Waited]:
    found = [x.result for x in effects if isinstance(x, e.Reply)]
    return [x for x in found if isinstance(x, m.Waited)]


def inbox(talk: Talk, name: str = "manager") -> list[str]:
    answer = only(talk.ask(m.Inbox(session=name)), e.Reply).result
    assert isinstance(answer, m.InboxList)
    assert answer.session == "claude-manager"
    assert answer.unanswered == len(answer.questions)
    return [f"{x.id} {x.source} {x.question}" for x in answer.questions]


def refusal(effects: list[e.Effect]) -> ErrorCode:
    return only(effects, e.Fail).error.code


def test_it_is_shown_and_in_the_inbox(talk: Talk) -> None:
    """Who asks, what, and how to answer; attached or not."""
    ask(talk)
    assert inbox(talk) == ["msg-1 a Which branch?"]
    assert talk.status(1) == "held (nobody is attached to claude-manager)"
    effects = talk.see(session("claude-manager", 1, attached=1))
    assert only(effects, e.ShowText).text == "a asks: Which branch? (ts-ipc reply msg-1 ANSWER)"
    talk.tell(i.TextShown(1, 1))
    assert talk.status(1) == "delivered"
    assert inbox(talk) == ["msg-1 a Which branch?"]


def test_who_waits_gets_the_answer(talk: Talk) -> None:
    """After its fact is recorded; who asks later gets it too."""
    ask(talk)
    assert kinds(wait(talk)) == ["Tell"]
    effects = reply(talk)
    waited = m.Waited(id="msg-1", status=m.Status.DONE, answer="main", by="claude-manager")
    assert answers(effects) == [waited]
    assert answers(wait(talk)) == [waited]
    assert inbox(talk) == []
    # It was read in the inbox: nobody is shown it any more.
    assert talk.status(1) == "delivered"
    assert "ShowText" not in kinds(talk.see(session("claude-manager", 1, attached=1)))


def test_the_first_answer_counts(talk: Talk) -> None:
    """The same again is no error; another one is refused."""
    ask(talk)
    reply(talk, "main")
    assert kinds(reply(talk, "main")) == ["Reply"]
    assert refusal(reply(talk, "dev")) is ErrorCode.NOT_ALLOWED
    assert answers(wait(talk))[0].answer == "main"


def test_the_last_one_asked(talk: Talk) -> None:
    """`-` is the newest open question to the caller's session."""
    ask(talk, "one?")
    ask(talk, "two?")
    reply(talk, "2", "-")
    assert inbox(talk) == ["msg-1 a one?"]
    reply(talk, "1", "-")
    assert refusal(reply(talk, "0", "-")) is ErrorCode.NOT_ALLOWED
    assert refusal(talk.ask(m.Reply(id="-", answer="x"))) is ErrorCode.BAD_PARAMS


def test_nobody_answers(talk: Talk) -> None:
    """Its time is over, whether it was shown or not: who waits is told, and an answer comes too late."""
    talk.see(session("claude-manager", 1, attached=1))
    ask(talk)
    talk.tell(i.TextShown(1, 1))
    wait(talk)
    talk.now += 61
    assert answers(talk.tell(i.Ticked())) == [m.Waited(id="msg-1", status=m.Status.EXPIRED)]
    assert refusal(reply(talk)) is ErrorCode.NOT_ALLOWED
    assert inbox(talk) == []


def test_it_is_taken_back(talk: Talk) -> None:
    """Before it was shown; then it is no question any more."""
    ask(talk)
    wait(talk)
    assert answers(talk.ask(m.Cancel(id="msg-1"))) == [m.Waited(id="msg-1", status=m.Status.CANCELLED)]
    assert inbox(talk) == []


def test_a_next_life_knows_questions_and_answers(talk: Talk) -> None:
    """Both are durable, and the deadline too."""
    ask(talk, "one?")
    ask(talk, "two?")
    reply(talk)
    again, _ = next_life(talk)
    again.see(session("claude-manager", 1))
    assert inbox(again) == ["msg-2 a two?"]
    assert answers(wait(again))[0].answer == "main"
    wait(again, 2)
    again.now += 61
    assert [x.status for x in answers(again.tell(i.Ticked()))] == [m.Status.EXPIRED]


def test_a_snapshot_keeps_them(talk: Talk) -> None:
    """Open and closed, in their order."""
    for text in ("one?", "two?", "three?"):
        ask(talk, text)
    reply(talk, "2", "msg-2")
    reply(talk, "1", "msg-1")
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(f.decode(f.encode(fact)))
    assert state.questions.by_number == talk.state.questions.by_number
    assert state.questions._closed == talk.state.questions._closed


def test_old_answers_are_forgotten(talk: Talk) -> None:
    """A bound: who asks very late is told that nothing is known."""
    for number in range(1, KEEP_CLOSED + 2):
        ask(talk)
        reply(talk, "main", f"msg-{number}")
    assert refusal(wait(talk, 1)) is ErrorCode.UNKNOWN_ID
    assert len(talk.state.questions.by_number) == KEEP_CLOSED


def test_a_clock_that_is_set(talk: Talk) -> None:
    """What had a minute left still has one."""
    ask(talk)
    talk.now += 3600
    talk.tell(i.ClockSet(3600.0))
    talk.tell(i.Ticked())
    assert inbox(talk) == ["msg-1 a Which branch?"]


def test_only_a_notification_is_a_question(talk: Talk) -> None:
    """A shell would run it; and it is not sent once more by `retry`, since its text names its id."""
    effects = talk.send("claude-manager", "Which branch?", ask=True)
    assert refusal(effects) is ErrorCode.BAD_PARAMS
    ask(talk)
    talk.ask(m.Cancel(id="msg-1"))
    assert refusal(talk.ask(m.Retry(id="msg-1"))) is ErrorCode.NOT_ALLOWED
    assert refusal(wait(talk, 7)) is ErrorCode.UNKNOWN_ID


def test_who_has_gone_is_told_nothing(talk: Talk) -> None:
    """A connection that ended takes its waits along."""
    ask(talk)
    wait(talk)
    talk.tell(i.PeerGone(1))
    assert answers(reply(talk)) == []
