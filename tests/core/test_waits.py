"""Waiting for a message: told of its moves, answered once, and never held up or held by it."""

from __future__ import annotations

import pytest

from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.core import effects as e
from tsipcd.core import inputs as i


def capture(talk: Talk, command: str = "make") -> int:
    """The number of a captured command for claude-manager."""
    talk.send("claude-manager", command, capture=True)
    return talk.state.last_message


def wait(talk: Talk, number: int, until: m.Milestone = m.Milestone.DONE) -> list[e.Effect]:
    return talk.ask(m.Wait(id=f"msg-{number}", until=until))


def answers(effects: list[e.Effect]) -> list[m.Waited]:
    found = [x.result for x in effects if isinstance(x, e.Reply)]
    return [x for x in found if isinstance(x, m.Waited)]


def told(effects: list[e.Effect]) -> list[str]:
    return [f"{x.item.step.status} {x.item.step.reason}".strip() for x in effects if isinstance(x, e.Tell)]


def begin(talk: Talk, number: int) -> list[e.Effect]:
    talk.ready(number, pin(1))
    return talk.typed(number)


def test_a_captured_command_is_waited_for_to_its_end(talk: Talk) -> None:
    """Each move is told, and the end answered with the exit status and where the output is."""
    number = capture(talk)
    assert told(wait(talk, number)) == ["accepted"]
    assert told(talk.tell(i.Inspected(number, i.Verdict.WAIT, "busy: vim"))) == ["held busy: vim"]
    started = begin(talk, number)
    (item,) = [x.item for x in started if isinstance(x, e.Tell)]
    assert (item.run, item.step.session, item.step.log) == ("", "claude-manager", "runs/msg-1/1.log")
    ended = talk.tell(i.StepEnded(number, 3))
    assert answers(ended) == [m.Waited(id="msg-1", status=m.Status.DONE, exit_code=3, log="runs/msg-1/1.log")]
    assert answers(talk.see(session("claude-manager", 1))) == []


def test_delivered_is_sooner_than_done(talk: Talk) -> None:
    """It was typed: who waits for no more is answered."""
    number = capture(talk)
    wait(talk, number, m.Milestone.DELIVERED)
    wait(talk, number, m.Milestone.DONE)
    begun = begin(talk, number)
    assert [answer.status for answer in answers(begun)] == [m.Status.STARTED]
    assert told(begun) == ["started"]
    assert [answer.exit_code for answer in answers(talk.tell(i.StepEnded(number, 0)))] == [0]


@pytest.mark.parametrize("until", [m.Milestone.DELIVERED, m.Milestone.DONE])
def test_a_message_with_no_exit_status_is_done_when_it_is_delivered(talk: Talk, until: m.Milestone) -> None:
    """Nothing more will ever be known of it."""
    talk.send("claude-manager")
    wait(talk, 1, until)
    talk.ready(1, pin(1))
    assert answers(talk.typed(1)) == [m.Waited(id="msg-1", status=m.Status.DELIVERED)]
    assert answers(wait(talk, 1, until)) == [m.Waited(id="msg-1", status=m.Status.DELIVERED)]


def test_every_bad_end_is_an_answer(talk: Talk) -> None:
    """Cancelled, expired, failed, in doubt: nobody waits for what will not come."""
    numbers = [capture(talk) for _ in range(4)]
    for number in numbers:
        wait(talk, number)
    cancelled = answers(talk.ask(m.Cancel(id=f"msg-{numbers[1]}")))
    talk.ready(numbers[0], pin(1))
    doubted = answers(talk.typed(numbers[0], i.Outcome.UNKNOWN) + talk.see(session("claude-man", 2)))
    talk.now += 2 * 86_400
    expired = answers(talk.tell(i.Ticked()))
    seen = [f"{x.id} {x.status}" for x in [*cancelled, *doubted, *expired]]
    assert seen == ["msg-2 cancelled", "msg-1 in-doubt", "msg-3 expired", "msg-4 expired"]


def test_who_has_gone_is_told_nothing(talk: Talk) -> None:
    """A connection that ended takes its waits along, and only those."""
    number = capture(talk)
    wait(talk, number)
    talk.tell(i.Asked(i.Call(2, 7), i.Caller(), m.Wait(id="1")))
    talk.tell(i.PeerGone(1))
    begin(talk, number)
    ended = talk.tell(i.StepEnded(number, 0))
    assert [x.call for x in ended if isinstance(x, e.Reply)] == [i.Call(2, 7)]


def test_an_unknown_message_is_an_error(talk: Talk) -> None:
    """As everywhere."""
    assert only(talk.ask(m.Wait(id="msg-9")), e.Fail).error.code is ErrorCode.UNKNOWN_ID


def test_a_secret_is_not_told(talk: Talk) -> None:
    """Progress has the size only."""
    talk.send("claude-manager", "hunter2", capture=True, secret=True)
    item = only(wait(talk, 1), e.Tell).item
    assert item.step.command == "(secret, 7 bytes)"


def test_waiting_records_nothing(talk: Talk) -> None:
    """It is a question: the journal holds nothing of it."""
    capture(talk)
    before = len(talk.facts)
    assert kinds(wait(talk, 1)) == ["Tell"]
    assert len(talk.facts) == before
