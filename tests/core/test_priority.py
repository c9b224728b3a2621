"""Priority: the order of what waits for one pane, and never an interruption of what is at work."""

from __future__ import annotations

from tests.core.test_cancelling import next_life
from tests.support.talk import Talk, kinds, only, pin, session
from tsipcd.core import effects as e
from tsipcd.core import inputs as i
from tsipcd.core.lanes import Lanes


def order(talk: Talk, count: int) -> list[int]:
    """The messages in the order in which they are typed."""
    numbers = []
    for _ in range(count):
        head = next(number for number in sorted(talk.state.messages) if _leads(talk, number))
        talk.ready(head, pin(1))
        talk.typed(head)
        assert talk.status(head) == "delivered"
        numbers.append(head)
    return numbers


def _leads(talk: Talk, number: int) -> bool:
    lanes = talk.machine._deliveries._lanes
    return lanes.key_of(number) is not None and lanes.head_of(number) == number


def test_the_more_urgent_is_typed_first(talk: Talk) -> None:
    """Among equals, the one that came first."""
    for priority in ("low", "normal", "high", "normal", "high", "low"):
        talk.send("claude-manager", priority=priority)
    assert order(talk, 6) == [3, 5, 2, 4, 1, 6]


def test_one_that_only_waits_makes_way(talk: Talk) -> None:
    """The gate forgets it, and is asked for the more urgent one."""
    talk.send("claude-manager")
    talk.tell(i.Inspected(1, i.Verdict.WAIT, "busy: vim"))
    effects = talk.send("claude-manager", priority="high")
    assert kinds(effects) == ["Reply", "Forget", "Inspect"]
    assert (only(effects, e.Forget).number, only(effects, e.Inspect).number) == (1, 2)
    # An answer that was under way for the one that made way changes nothing.
    assert talk.ready(1, pin(1)) == []
    talk.ready(2, pin(1))
    assert only(talk.typed(2), e.Inspect).number == 1


def test_what_is_at_work_is_not_overtaken(talk: Talk) -> None:
    """Being typed, or running."""
    talk.send("claude-manager", capture=True)
    talk.ready(1, pin(1))
    assert "Forget" not in kinds(talk.send("claude-manager", priority="high"))
    talk.typed(1)
    assert "Inspect" not in kinds(talk.send("claude-manager", priority="high"))
    assert only(talk.tell(i.StepEnded(1, 0)), e.Inspect).number == 2


def test_a_next_life_keeps_the_order(talk: Talk) -> None:
    """The priority is durable."""
    for priority in ("low", "normal", "high"):
        talk.send("claude-manager", priority=priority)
    again, _ = next_life(talk)
    again.see(session("claude-manager", 1))
    assert order(again, 3) == [3, 2, 1]


def test_lanes_forget_ranks() -> None:
    """A number that left and comes again is what it is then."""
    lanes: Lanes[str] = Lanes()
    assert lanes.join(1, "a", 1)
    lanes.leave(1)
    assert lanes.join(2, "a")
    assert not lanes.join(1, "a", behind=False)
    assert lanes.members("a") == [2, 1]
