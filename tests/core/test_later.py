"""Messages that wait for their time: through restarts and clocks that are set, and not a moment less."""

from __future__ import annotations

import pytest

from tests.core.test_cancelling import next_life
from tests.support.talk import Talk, kinds, only, pin, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.later import reason_of
from tsipcd.core.records import Due
from tsipcd.core.state import State

HOUR_S = 3600.0


def later(talk: Talk, *, by: str = "delay_s", **more: object) -> list[e.Effect]:
    """A command for claude-manager that is due in an hour."""
    due = {"delay_s": HOUR_S} if by == "delay_s" else {"at": talk.now + 0.001 + HOUR_S}
    return talk.send("claude-manager", "make", **due, **more)


def tick(talk: Talk, after_s: float) -> list[e.Effect]:
    """The alarm, if it is due by then."""
    talk.now += after_s
    deadline = talk.machine.next_deadline
    return talk.tell(i.Ticked()) if deadline is not None and deadline <= talk.now else []


def has_work(talk: Talk) -> bool:
    """Whether tmux is needed."""
    return talk.machine.has_work


@pytest.mark.parametrize("by", ["delay_s", "at"])
def test_it_is_begun_at_its_time(talk: Talk, by: str) -> None:
    """Held until then, with the reason; nothing is asked of tmux meanwhile, and one alarm is set."""
    effects = later(talk, by=by)
    answer = only(effects, e.Reply).result
    assert isinstance(answer, m.Sent)
    assert answer.status is m.Status.HELD
    assert answer.reason.startswith("not before 2025-10-09 ")
    assert kinds(effects) == ["Reply"]
    assert [has_work(talk), tick(talk, HOUR_S - 1)] == [False, []]
    assert only(tick(talk, 2), e.Inspect).number == 1
    assert has_work(talk)
    talk.ready(1, pin(1))
    talk.typed(1)
    assert talk.status(1) == "delivered"


def test_the_others_do_not_wait_for_it(talk: Talk) -> None:
    """It joins the lane of its pane when it is due."""
    later(talk)
    assert only(talk.send("claude-manager"), e.Inspect).number == 2


@pytest.mark.parametrize("kind", [m.MessageType.NOTIFICATION, m.MessageType.DATA])
def test_notifications_and_data_too(talk: Talk, kind: m.MessageType) -> None:
    """Nothing is shown or stored before."""
    assert kinds(later(talk, type=kind)) == ["Reply"]
    effects = tick(talk, HOUR_S + 1)
    if kind is m.MessageType.DATA:
        assert only(effects, e.StoreData).number == 1
    else:
        assert talk.status(1) == "held (nobody is attached to claude-manager)"


def test_a_next_life_keeps_the_time(talk: Talk) -> None:
    """Before it, nothing is begun; one that was due meanwhile is begun at once."""
    later(talk)
    again, effects = next_life(talk)
    assert "Inspect" not in kinds(effects)
    again.see(session("claude-manager", 1))
    assert tick(again, HOUR_S - 10) == []
    late, _ = next_life(talk)
    late.see(session("claude-manager", 1))
    assert only(tick(late, 10 * HOUR_S), e.Inspect).number == 1


def test_a_snapshot_keeps_the_time(talk: Talk) -> None:
    """And forgets it when the message moved."""
    later(talk)
    later(talk)
    talk.ask(m.Cancel(id="msg-2"))
    state = State()
    for fact in talk.state.snapshot(talk.now):
        state.apply(f.decode(f.encode(fact)))
    assert state.later == talk.state.later
    assert list(state.later) == [1]
    assert state.messages == talk.state.messages


@pytest.mark.parametrize(("by", "left_s"), [("delay_s", HOUR_S), ("at", 0.0)])
def test_a_clock_that_is_set(talk: Talk, by: str, left_s: float) -> None:
    """What had an hour left still has one; a time of the clock has come when the clock shows it."""
    later(talk, by=by)
    talk.now += HOUR_S + 5
    talk.tell(i.ClockSet(HOUR_S + 5))
    if left_s:
        assert tick(talk, left_s - 60) == []
    assert only(tick(talk, 120), e.Inspect).number == 1


def test_its_time_to_live_counts_from_then(talk: Talk) -> None:
    """An hour that it may wait is not the hour in which it must."""
    later(talk, ttl_s=60)
    tick(talk, HOUR_S + 2)
    assert talk.status(1).startswith("accepted") or talk.status(1).startswith("held")
    tick(talk, 62)
    assert talk.status(1) == "expired"


def test_it_can_be_taken_back(talk: Talk) -> None:
    """Then nothing happens at its time."""
    later(talk)
    talk.ask(m.Cancel(id="msg-1"))
    assert tick(talk, HOUR_S + 1) == []


def test_a_session_that_is_gone_by_then(talk: Talk) -> None:
    """It is waited for as ever."""
    later(talk)
    talk.see(session("claude-man", 2))
    tick(talk, HOUR_S + 1)
    assert talk.status(1).startswith("held (no session")
    assert only(talk.see(session("claude-manager", 3)), e.Inspect).number == 1


def test_two_times_are_refused(talk: Talk) -> None:
    """Before anything is accepted."""
    effects = talk.send("claude-manager", at=talk.now + 9, delay_s=5.0)
    assert only(effects, e.Fail).error.code is ErrorCode.BAD_PARAMS


def test_a_time_that_is_over_is_now(talk: Talk) -> None:
    """Nothing to wait for."""
    assert only(talk.send("claude-manager", at=talk.now - 9), e.Inspect).number == 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01 00:00:00"),
        (951_782_399.9, "2000-02-28 23:59:59"),
        (951_868_800.0, "2000-03-01 00:00:00"),
        (951_782_400.0, "2000-02-29 00:00:00"),
        (1_735_689_599.0, "2024-12-31 23:59:59"),
        (4_107_542_400.0, "2100-03-01 00:00:00"),
        (32_503_680_000.0, "3000-01-01 00:00:00"),
    ],
)
def test_the_reason_names_the_time(at: float, text: str) -> None:
    """In UTC, as the event log does."""
    assert reason_of(Due(at, moves=False)) == f"not before {text} UTC"
