"""Events that answer themselves come to an end, with one record and one notice; others never notice."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.talk import Talk, only, pin, session
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode, WireError
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.loops import MAX_BUCKETS, MAX_TOLD, SHARED, Buckets, Limits
from tsipcd.core.state import State
from tsipcd.workflows.definition import chain

NAMES = ("a", "b", "c", "d", "quiet")
OUTSIDE = i.Caller(1)


class Room(Talk):
    """Sessions a to d and one where nothing is ever typed; each types what it gets at once."""

    def __init__(self, *rows: tuple[str, str, str], state: State | None = None, **limits: float) -> None:
        super().__init__(state, Limits(**limits))  # type: ignore[arg-type]
        self.see(*(session(name, n) for n, name in enumerate(NAMES, 1)))
        self.tell(
            i.SubscriptionsRead(
                tuple(m.Subscription(session=s, event=ev, action=m.Action(act)) for s, ev, act in rows)
            )
        )

    def inside(self, name: str) -> i.Caller:
        return i.Caller(99, name, pin(NAMES.index(name) + 1).pid)

    def publish(self, event: str, caller: i.Caller = OUTSIDE, source: str = "x") -> m.Published | WireError:
        effects = self.ask(m.Publish(source=source, event=event, data="true"), caller)
        answer = next(effect for effect in effects if isinstance(effect, e.Reply | e.Fail))
        if isinstance(answer, e.Fail):
            return answer.error
        assert isinstance(answer.result, m.Published)
        return answer.result

    def type(self, number: int) -> str:
        """The command is typed; the session where."""
        message = self.state.messages[number]
        self.ready(number, pin(NAMES.index(message.target) + 1))
        self.typed(number)
        assert self.status(number) == "delivered"
        return message.target

    def type_all(self, published: m.Published) -> list[str]:
        fans = [fan for fan in published.subscribers if fan.action is m.Action.COMMAND]
        return [self.type(int(fan.id.removeprefix("msg-"))) for fan in fans]

    @property
    def pauses(self) -> list[f.EventPaused]:
        return [fact for fact in self.facts if isinstance(fact, f.EventPaused)]


def refused(answer: m.Published | WireError) -> WireError:
    assert isinstance(answer, WireError)
    assert answer.code is ErrorCode.PAUSED
    return answer


def loop_once(room: Room, event: str, at: str) -> int:
    """Events accepted when `at` answers `event` with itself, until it is refused."""
    answer = room.publish(event)
    accepted = 0
    while isinstance(answer, m.Published):
        accepted += 1
        (where,) = room.type_all(answer)
        assert where == at
        answer = room.publish(event, room.inside(at), source=f"forged-{accepted}")
    refused(answer)
    return accepted


def test_an_event_that_publishes_itself_ends_at_the_depth() -> None:
    """Eight in a row, whatever they call their sender; then a pause of the session that published."""
    room = Room(("a", "e", "command"))
    assert loop_once(room, "e", "a") == 8
    (pause,) = room.pauses
    assert (pause.session, pause.source, pause.event, pause.told) == ("a", "", "e", ("a",))
    notice = room.state.messages[pause.first]
    assert notice.type is m.MessageType.NOTIFICATION
    assert "it answers itself: 9 events in a row" in notice.body


def test_a_pause_is_one_record_however_often_it_is_tried() -> None:
    """What is refused leaves no fact; the error says who, why, until when and what to do."""
    room = Room(("a", "e", "command"))
    loop_once(room, "e", "a")
    facts = len(room.facts)
    for _ in range(1000):
        error = refused(room.publish("e", room.inside("a")))
    assert len(room.facts) == facts
    assert error.message.startswith("event 'e' from a is paused until ")
    assert error.message.endswith(" UTC: it answers itself: 9 events in a row caused one another, 8 may")
    assert error.data["until"] == room.pauses[0].until
    assert "unsubscribe" in error.hint


def test_a_pause_ends_by_itself_and_survives_a_restart() -> None:
    """A new life, from a snapshot, refuses as long as the old one would have, and no longer."""
    room = Room(("a", "e", "command"))
    loop_once(room, "e", "a")
    state = State()
    for fact in room.state.snapshot(room.now):
        state.apply(f.decode(f.encode(fact)))
    again = Room(("a", "e", "command"), state=state)
    again.now = room.now
    refused(again.publish("e", again.inside("a")))
    assert again.pauses == []
    assert [(p.event, p.publisher, p.observed) for p in again.machine.paused(again.now)] == [("e", "a", True)]
    again.now += 60
    assert again.machine.paused(again.now) == ()
    assert isinstance(again.publish("e", again.inside("a")), m.Published)


def test_a_clock_that_is_set_back_ends_a_pause() -> None:
    """It never lasts longer than it was meant to."""
    room = Room(("a", "e", "command"))
    loop_once(room, "e", "a")
    room.now -= 3600
    assert isinstance(room.publish("e", room.inside("a")), m.Published)


def test_what_is_sent_or_run_on_the_way_carries_the_depth() -> None:
    """Sends and steps between two events neither hide the chain nor make it longer."""
    room = Room(("a", "e", "command"))
    answer = room.publish("e")
    accepted = 0
    while isinstance(answer, m.Published):
        accepted += 1
        room.type_all(answer)
        if accepted % 2:
            effects = room.ask(m.Send(source="x", target="b", message="go on"), room.inside("a"))
            sent = only(effects, e.Reply).result
            assert isinstance(sent, m.Sent)
            room.type(int(sent.id.removeprefix("msg-")))
        else:
            onward = chain("w", [("b", "go on")])
            room.tell(i.RunAsked(i.Call(1, 1), room.inside("a"), onward, follow=False, key=""))
            number = room.state.last_message
            room.ready(number, pin(2))
            room.typed(number)
            assert room.status(number) == "started"
            room.tell(i.StepEnded(number, 0))
        answer = room.publish("e", room.inside("b"))
    assert accepted == 8
    assert [pause.session for pause in room.pauses] == ["b"]


def test_another_pane_of_the_session_does_not_hide_the_chain() -> None:
    """A program in a pane that nothing was typed into continues what was typed into its session."""
    room = Room(("a", "e", "command"))
    answer = room.publish("e")
    for _ in range(8):
        assert isinstance(answer, m.Published)
        room.type_all(answer)
        answer = room.publish("e", i.Caller(99, "a", 777))
    refused(answer)


def test_a_command_that_nothing_caused_begins_anew() -> None:
    """What was typed last counts: a person's own command after a deep one may publish."""
    room = Room(("a", "e", "command"))
    for caller in [OUTSIDE, *[room.inside("a")] * 7]:
        answer = room.publish("e", caller)
        assert isinstance(answer, m.Published)
        room.type_all(answer)
    sent = only(room.send("a"), e.Reply).result
    assert isinstance(sent, m.Sent)
    room.type(int(sent.id.removeprefix("msg-")))
    assert isinstance(room.publish("e", room.inside("a")), m.Published)
    assert room.state.messages[room.state.last_message].envelope.depth == 1


def test_a_pause_ends_the_chain() -> None:
    """When it is over, the session may publish by hand, though what was typed there is not long ago."""
    room = Room(("a", "e", "command"))
    loop_once(room, "e", "a")
    room.now += 60
    assert loop_once(room, "e", "a") == 8


def test_the_depth_survives_restarts() -> None:
    """A new life from the facts after each event: the chain ends where it would have."""
    room = Room(("a", "e", "command"))
    answer = room.publish("e")
    for accepted in range(8):
        assert isinstance(answer, m.Published), accepted
        room.type_all(answer)
        state = State()
        for fact in room.facts:
            state.apply(f.decode(f.encode(fact)))
        reborn = Room(("a", "e", "command"), state=state)
        reborn.now, reborn.facts = room.now, room.facts
        room = reborn
        answer = room.publish("e", room.inside("a"))
    refused(answer)


def test_later_than_the_window_is_another_chain() -> None:
    """The stated limit: who publishes later is not seen to answer."""
    room = Room(("a", "e", "command"))
    for _ in range(30):
        answer = room.publish("e", room.inside("a"))
        assert isinstance(answer, m.Published)
        room.type_all(answer)
        room.now += 600


def test_a_thousand_independent_commands_are_not_hindered() -> None:
    """Sends are never refused, and those of a session that nothing was typed into have no depth."""
    room = Room(("a", "e", "command"))
    for _ in range(1000):
        sent = only(room.ask(m.Send(source="x", target="a", message="ls"), room.inside("b")), e.Reply).result
        assert isinstance(sent, m.Sent)
        number = int(sent.id.removeprefix("msg-"))
        assert room.state.messages[number].envelope.depth == 0
        room.type(number)
    assert room.pauses == []


def test_who_comes_too_fast_is_paused_alone() -> None:
    """The bucket of one session; another one goes on."""
    room = Room(("c", "e", "command"), burst=10)
    answers = [room.publish("e", room.inside("a")) for _ in range(12)]
    assert [isinstance(answer, m.Published) for answer in answers] == [True] * 10 + [False] * 2
    assert refused(answers[-1]).message.endswith("more than 10 events at once and 2 a second")
    (pause,) = room.pauses
    assert (pause.session, pause.told) == ("a", ("a", "c"))
    assert isinstance(room.publish("e", room.inside("quiet")), m.Published)
    assert isinstance(room.publish("other", room.inside("a")), m.Published)


def test_forged_senders_share_a_bucket() -> None:
    """From no session any name can be given; all such together are paused, those in sessions are not."""
    room = Room(("c", "e", "command"), burst=10, rate=0.01)
    answers = [room.publish("e", source=f"forged-{n}") for n in range(200)]
    assert sum(isinstance(answer, m.Published) for answer in answers) == 10 * SHARED
    (pause,) = room.pauses
    assert (pause.session, pause.source) == ("", "")
    assert isinstance(room.publish("e", room.inside("quiet")), m.Published)


def test_a_chain_that_fans_out_is_measured_by_what_it_would_type() -> None:
    """However many sessions one publishes to, no more commands are typed than the common bucket holds."""
    room = Room(("a", "e", "command"), *((f"s{n}", "e", "command") for n in range(59)), burst=10)
    for caller in (OUTSIDE, room.inside("a")):
        answer = room.publish("e", caller)
        assert isinstance(answer, m.Published)
        room.type(int(answer.subscribers[0].id.removeprefix("msg-")))
    assert "more than 100 commands in answer" in refused(room.publish("e", room.inside("a"))).message
    assert room.pauses[0].session == ""
    assert isinstance(room.publish("e", room.inside("quiet")), m.Published)


def test_an_event_without_subscribers_costs_nothing() -> None:
    """However fast and however deep."""
    room = Room(("a", "other", "command"), burst=1)
    assert all(isinstance(room.publish("e"), m.Published) for _ in range(1000))


def test_an_event_that_is_typed_nowhere_may_come_much_faster() -> None:
    """It cannot be answered by what is typed; a flood is stopped all the same."""
    room = Room(("a", "e", "data"), ("b", "e", "notify"), burst=10, rate=0.01)
    answers = [room.publish("e", room.inside("c")) for _ in range(6000)]
    assert 5000 <= sum(isinstance(answer, m.Published) for answer in answers) < 5050
    assert refused(answers[-1]).message.endswith("more than 5,000 events at once and 5 a second")


def test_few_are_told_and_nobody_twice() -> None:
    """A notice that still waits is not joined by another one about the same event."""
    rows = [(f"s{n}", "e", "notify") for n in range(30)]
    room = Room(("c", "e", "command"), *rows, burst=1)
    refused([room.publish("e", room.inside("a")) for _ in range(2)][-1])
    first = room.pauses[0]
    assert len(first.told) == MAX_TOLD
    assert first.told[:2] == ("a", "c")
    refused([room.publish("e", room.inside("b")) for _ in range(2)][-1])
    second = room.pauses[1]
    assert len(second.told) == MAX_TOLD
    assert second.told[0] == "b"
    assert not set(second.told) & set(first.told)
    room.now += 600
    refused([room.publish("e", room.inside("a")) for _ in range(2)][-1])
    assert not set(room.pauses[2].told) & {*first.told, *second.told}


def test_buckets_are_bounded_and_forget() -> None:
    """A hundred thousand forged names take no more room than the bound; quiet ones none."""
    buckets = Buckets(burst=10, rate=1)
    for n in range(100_000):
        buckets.take(("", f"forged-{n}", "e"), 0.0, 1)
    assert len(buckets) == MAX_BUCKETS
    buckets.take(("a", "", "e"), 10.0, 1)
    assert len(buckets) == 1


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 20)), max_size=100))
def test_a_bucket_gives_no_more_than_it_got(steps: Sequence[tuple[float, float]]) -> None:
    """Whatever the clock does: the burst, and the rate for the time that went by."""
    buckets = Buckets(burst=10, rate=2)
    now, given_out, passed = 1000.0, 0.0, 0.0
    for step, cost in steps:
        now += step
        passed += max(0.0, step)
        if buckets.take(("a", "", "e"), now, cost):
            given_out += min(cost, 10)
    assert given_out <= 10 + 2 * passed + 1e-6


EVENTS = ("e", "f", "g")
TABLES = st.lists(st.tuples(st.sampled_from(NAMES[:4]), st.sampled_from(EVENTS)), max_size=8, unique=True)
ANSWERS = st.dictionaries(
    st.sampled_from(NAMES[:4]), st.lists(st.sampled_from(EVENTS), max_size=3), max_size=4
)


@given(TABLES, ANSWERS, st.lists(st.sampled_from(EVENTS), min_size=1, max_size=4), st.integers(1, 8))
def test_every_pattern_of_answers_ends(
    table: list[tuple[str, str]], answers: dict[str, list[str]], roots: list[str], max_depth: int
) -> None:
    """Sessions that answer whatever is typed with events of any kind: each chain ends at the depth, the
    number of events is bounded, and a session where nothing was typed may publish the same ones all along."""
    room = Room(*((s, event, "command") for s, event in table), max_depth=max_depth, burst=30)
    to_type: deque[tuple[int, int]] = deque()
    accepted = 0

    def publish(event: str, depth: int, caller: i.Caller) -> bool:
        nonlocal accepted
        answer = room.publish(event, caller)
        if not isinstance(answer, m.Published):
            return False
        if answer.subscribers:
            assert depth <= max_depth
            accepted += 1
            to_type.extend((int(fan.id.removeprefix("msg-")), depth) for fan in answer.subscribers)
        return True

    for root in roots:
        publish(root, 1, OUTSIDE)
    turns = 0
    while to_type:
        turns += 1
        number, depth = to_type.popleft()
        where = room.type(number)
        for event in answers.get(where, ()):
            publish(event, depth + 1, room.inside(where))
        assert accepted <= 4 * 3 * 30 + len(roots) + 5, "the buckets of four sessions and three events"
        if turns in {10, 20, 30, 40, 50}:
            assert publish("e", 1, room.inside("quiet"))
    assert len(room.pauses) <= 4 * 3 + 3 + 3, "each session and event once, and each event"


@pytest.mark.parametrize("session_name", ["quiet", ""])
def test_a_steady_publisher_is_never_paused(session_name: str) -> None:
    """Two a second for ever, the default rate."""
    room = Room(("c", "e", "command"))
    caller = room.inside(session_name) if session_name else OUTSIDE
    for _ in range(2000):
        assert isinstance(room.publish("e", caller), m.Published)
        room.now += 0.5
