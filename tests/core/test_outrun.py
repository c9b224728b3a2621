"""A journal older than the panes' markers: numbers go on behind them, and the old is in doubt."""

from __future__ import annotations

import pytest

from tests.support.talk import SERVER, Talk, only, pin, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.outrun import attempt_of
from tsipcd.core.state import State
from tsipcd.core.topology import ServerId

OTHER = ServerId("/tmp/tmux-0/other", 200, 1_700_000_000)  # noqa: S108 - a name, never opened
HERE = session("s", 1)


def backup() -> State:
    """One command that waits, one that was just handed in, and one notification."""
    talk = Talk()
    talk.see(HERE, session("t", 2))
    talk.send("s")
    talk.ready(1, pin(1))
    talk.send("t")
    talk.send("s", type=m.MessageType.NOTIFICATION)
    return talk.state


def restored(state: State) -> Talk:
    talk = Talk(state)
    talk.machine.restore(talk.now)
    return talk


def test_panes_that_are_not_ahead_change_nothing() -> None:
    """The usual restart: what was handed in is handed in again, what waits is looked at."""
    talk = restored(backup())
    effects = talk.tell(i.ServerSeen(SERVER, (HERE, session("t", 2)), 1))
    assert only(effects, e.TypeKeys).number == 1
    assert only(effects, e.Inspect).number == 2


def test_what_may_have_been_typed_since_is_in_doubt() -> None:
    """Commands from before are typed no more; notifications are; new numbers are above all markers."""
    talk = restored(backup())
    effects = talk.tell(i.ServerSeen(SERVER, (HERE, session("t", 2)), 7))
    assert [type(effect) for effect in effects if isinstance(effect, e.TypeKeys | e.Inspect)] == []
    assert talk.state.in_doubt == 2
    assert talk.status(1).startswith("in-doubt (panes were typed into after")
    assert talk.state.messages[3].status is m.Status.HELD
    talk.send("s", "new")
    talk.ready(4, pin(1))
    assert talk.state.messages[4].course.attempt == 8


def test_each_server_is_compared_with_where_the_journal_stood() -> None:
    """A server that comes late is still found to be ahead, though numbers were given out meanwhile."""
    talk = restored(backup())
    talk.tell(i.ServerSeen(OTHER, (session("u", 3, server=OTHER),)))
    for number in range(4, 8):
        talk.send("u")
        talk.ready(number, pin(3, OTHER))
        talk.typed(number)
    assert talk.state.last_attempt == 5
    talk.tell(i.ServerSeen(SERVER, (HERE, session("t", 2)), 3))
    assert talk.state.in_doubt == 2
    assert talk.state.last_attempt == 5
    assert talk.status(7) == "delivered"


def test_a_server_is_compared_once() -> None:
    """What this life typed itself is no sign of another."""
    talk = restored(backup())
    talk.see(HERE)
    talk.tell(i.ServerSeen(SERVER, (HERE,), 99))
    assert talk.state.in_doubt == 0


def test_an_attempt_that_was_never_made_is_not_taken_for_typed() -> None:
    """A copy of the journal typed into the pane under the same number: it gets another, and is typed."""
    talk = Talk()
    talk.see(HERE)
    talk.send("s")
    talk.ready(1, pin(1))
    effects = talk.tell(i.Typed(1, 1, i.Outcome.ALREADY, f"{30:016d}!"))
    assert talk.status(1).startswith("held")
    assert only(effects, e.Inspect).number == 1
    assert only(talk.ready(1, pin(1)), e.TypeKeys).attempt == 31
    talk.typed(1)
    assert talk.status(1) == "delivered"


@pytest.mark.parametrize(
    ("marker", "attempt"),
    [("", 0), ("7", 0), (f"{7:016d}", 7), (f"{7:016d}!", 7), ("x" * 16, 0), ("٣" * 16, 0)],
)
def test_a_marker_is_read_or_is_none(marker: str, attempt: int) -> None:
    """Whatever somebody put there."""
    assert attempt_of(marker) == attempt


def test_what_is_redelivered_while_others_wait_for_its_session_goes_out_once() -> None:
    """It stands behind a notification for the same absent session, whatever it stood behind before."""
    before = Talk()
    before.see(HERE, session("t", 2))
    before.see(HERE)
    before.send("t", type=m.MessageType.NOTIFICATION)
    before.send("t")
    talk = restored(before.state)
    talk.tell(i.ServerSeen(SERVER, (HERE,), 7))
    assert talk.status(2).startswith("in-doubt")
    talk.ask(m.Resolve(id="msg-2", decision=m.Decision.REDELIVER))
    effects = talk.see(HERE, session("t", 5))
    assert only(effects, e.Inspect).number == 2
    talk.send("t", "next")
    talk.ready(2, pin(5))
    assert only(talk.typed(2), e.Inspect).number == 3
