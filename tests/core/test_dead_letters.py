"""Dead letters: told of once, sent once more if that repeats nothing, and forgotten when asked."""

from __future__ import annotations

import pytest

from tests.core.test_cancelling import next_life
from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import OWN_NAME, State

SENDER = i.Caller(session="claude-man")


def send(talk: Talk, target: str = "claude-manager", caller: i.Caller = SENDER, **more: object) -> int:
    """The number of a command from claude-man that may wait for a minute."""
    request = m.Send(source="a", target=target, message="make", ttl_s=60, **more)  # type: ignore[arg-type]
    talk.ask(request, caller)
    return talk.state.last_message


def die(talk: Talk, *numbers: int) -> list[e.Effect]:
    """Their time is over."""
    for number in numbers:
        talk.tell(i.Inspected(number, i.Verdict.WAIT, "busy: vim"))
    talk.now += 61
    return talk.tell(i.Ticked())


def notices(talk: Talk) -> list[tuple[str, str]]:
    """What the daemon told whom."""
    return [(x.target, x.body) for x in talk.state.messages.values() if x.source == OWN_NAME]


def dead(talk: Talk) -> list[str]:
    answer = only(talk.ask(m.Queue(dead=True)), e.Reply).result
    assert isinstance(answer, m.Queued)
    return [view.id for view in answer.messages]


def retry(talk: Talk, number: int) -> m.Sent:
    found = [x.result for x in talk.ask(m.Retry(id=f"msg-{number}"), SENDER) if isinstance(x, e.Reply)]
    (answer,) = [x for x in found if isinstance(x, m.Sent)]
    return answer


def refusal(talk: Talk, number: int) -> ErrorCode:
    return only(talk.ask(m.Retry(id=f"msg-{number}")), e.Fail).error.code


def test_its_sender_is_told_once(talk: Talk) -> None:
    """With why it waited until then; the next life does not tell it again."""
    die(talk, send(talk))
    assert notices(talk) == [
        ("claude-man", "msg-1 to claude-manager expired: busy: vim - ts-ipc queue --dead")
    ]
    assert talk.state.messages[2].type is m.MessageType.NOTIFICATION
    again, _ = next_life(talk)
    again.tell(i.Ticked())
    assert len(notices(again)) == 1


def test_those_that_die_together_are_one_notice(talk: Talk) -> None:
    """A thousand of them would be a flood."""
    numbers = [send(talk) for _ in range(3)]
    die(talk, numbers[0])
    assert [text for _, text in notices(talk)] == [
        "msg-1 to claude-manager expired: busy: vim; 2 more too - ts-ipc queue --dead"
    ]


def test_a_session_that_only_called_itself_so_is_told(talk: Talk) -> None:
    """Without an observed one, the claimed name, if it is known as a session; a mere label is not."""
    talk.ask(m.Send(source="claude-man", target="claude-manager", message="make", ttl_s=60))
    talk.ask(m.Send(source="cron", target="claude-manager", message="make", ttl_s=60))
    die(talk, 1)
    assert [target for target, _ in notices(talk)] == ["claude-man"]


def test_nothing_is_told_about_a_notice(talk: Talk) -> None:
    """Not about the daemon's own, and not about anybody's."""
    send(talk, type=m.MessageType.NOTIFICATION)
    die(talk, send(talk))
    assert len(notices(talk)) == 1
    talk.now += 2 * 86_400
    talk.tell(i.Ticked())
    assert talk.status(3) == "expired"
    assert len(notices(talk)) == 1


def test_who_waits_for_it_need_not_be_told(talk: Talk) -> None:
    """The answer says it."""
    number = send(talk)
    talk.ask(m.Wait(id=f"msg-{number}"))
    die(talk, number)
    assert notices(talk) == []


def test_what_was_taken_back_is_not_dead(talk: Talk) -> None:
    """Its sender knows."""
    send(talk)
    talk.ask(m.Cancel(id="msg-1"))
    assert (notices(talk), dead(talk)) == ([], [])


def test_it_is_sent_once_more_as_it_was(talk: Talk) -> None:
    """Once: asked again, the answer is the same message, in the next life too."""
    number = send(talk, raw=True, priority=m.Priority.HIGH, capture=True)
    die(talk, number)
    assert dead(talk) == ["msg-1"]
    answer = retry(talk, number)
    message = talk.state.messages[3]
    old = talk.state.messages[1]
    assert answer.id == "msg-3"
    assert (message.body, message.source, message.target) == (old.body, old.source, old.target)
    assert message.envelope == old.envelope
    assert message.expires_at - message.accepted_at == pytest.approx(60)
    assert dead(talk) == []
    assert retry(talk, number).id == "msg-3"
    again, _ = next_life(talk)
    assert retry(again, number).id == "msg-3"


def test_what_may_have_run_is_not_repeated(talk: Talk) -> None:
    """One that began and lost its pane; delivered, waiting, in doubt and unknown ones."""
    begun = send(talk, capture=True)
    talk.ready(begun, pin(1))
    talk.typed(begun)
    talk.tell(i.StepEnded(begun, None, "pane died"))
    assert dead(talk) == ["msg-1"]
    assert refusal(talk, begun) is ErrorCode.NOT_ALLOWED
    waiting = send(talk)
    assert refusal(talk, waiting) is ErrorCode.NOT_ALLOWED
    talk.ready(waiting, pin(1))
    talk.typed(waiting)
    assert refusal(talk, waiting) is ErrorCode.NOT_ALLOWED
    assert refusal(talk, 99) is ErrorCode.UNKNOWN_ID


def test_what_was_dropped_after_a_doubt_is_not_repeated(talk: Talk) -> None:
    """It may have been typed."""
    number = send(talk)
    talk.ready(number, pin(1))
    talk.see(session("claude-man", 2))
    talk.typed(number, i.Outcome.UNKNOWN)
    talk.ask(m.Resolve(id=f"msg-{number}", decision=m.Decision.DROP))
    assert talk.status(number) == "cancelled"
    assert refusal(talk, number) is ErrorCode.NOT_ALLOWED


def test_a_secret_is_not_kept(talk: Talk) -> None:
    """There is nothing to send once more."""
    number = send(talk, secret=True)
    die(talk, number)
    assert refusal(talk, number) is ErrorCode.NOT_ALLOWED


def test_purging(talk: Talk) -> None:
    """All dead letters, or one that ended; never what waits."""
    die(talk, send(talk), send(talk))
    waiting = send(talk)
    talk.ask(m.Cancel(id=f"msg-{send(talk)}"))
    assert kinds(talk.ask(m.Purge(id=f"msg-{waiting}"))) == ["Fail"]
    assert only(talk.ask(m.Purge()), e.Reply).result == m.Purged(purged=2)
    assert only(talk.ask(m.Purge()), e.Reply).result == m.Purged(purged=0)
    assert only(talk.ask(m.Purge(id="5")), e.Reply).result == m.Purged(purged=1)
    assert sorted(talk.state.messages) == [3, 4]
    assert list(talk.state.ended) == []
    again, _ = next_life(talk)
    assert sorted(again.state.messages) == [3, 4]


def test_a_snapshot_keeps_what_was_sent_once_more(talk: Talk) -> None:
    """So that it is not sent twice after a compaction."""
    die(talk, send(talk))
    retry(talk, 1)
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(f.decode(f.encode(fact)))
    assert state.retried == talk.state.retried == {1: 3}
