"""Workflows start by themselves: each time once, each event once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.talk import Talk, only, session
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.runs import facts as rf
from tsipcd.core.runs.records import Trigger
from tsipcd.core.state import State
from tsipcd.core.triggers import facts as tf
from tsipcd.core.triggers.records import Armed, Listening
from tsipcd.core.triggers.schedules import BACK_S, PUNCTUAL_S
from tsipcd.core.triggers.starting import PATIENCE_S
from tsipcd.workflows.definition import EventTrigger, Input, ScheduleTrigger, Workflow, chain

DAY, HOUR = 86_400.0, 3600.0
MIDNIGHT = 1_760_054_400.0  # the clock of `Talk` shows the day before it
DEPLOY = chain("deploy", [("claude-man", "make")])


class Daily:
    """Comes every so often, counted from the epoch."""

    def __init__(self, every: float = DAY) -> None:
        self._every = every

    def after(self, at: float) -> float | None:
        return (at // self._every + 1) * self._every

    def last(self, until: float) -> float | None:
        return until // self._every * self._every

    def between(self, after: float, until: float) -> Iterator[float]:
        at = self.after(after)
        while at is not None and at <= until:
            yield at
            at = self.after(at)

    def offset_s(self, _at: float) -> int:
        return 0


def armed(
    *, catchup_s: float = 0.0, workflow: str = "deploy", cron: str = "@daily", every: float = DAY
) -> Armed:
    return Armed(workflow, ScheduleTrigger(cron=cron, catchup_s=catchup_s), Daily(every))


def read(talk: Talk, *schedules: Armed, events: tuple[Listening, ...] = ()) -> list[e.Effect]:
    return talk.tell(i.TriggersRead(schedules, events))


def tick(talk: Talk, at: float) -> list[e.Effect]:
    talk.now = at
    return talk.tell(i.Ticked())


def start(talk: Talk, effects: list[e.Effect], workflow: Workflow = DEPLOY) -> rf.RunStarted:
    """The run that is due is begun with this definition."""
    due = only(effects, e.ReadDue)
    assert due.workflow == workflow.name
    talk.tell(i.DueRead(due.due, workflow))
    return runs(talk)[-1]


def runs(talk: Talk) -> list[rf.RunStarted]:
    return [fact for fact in talk.facts if isinstance(fact, rf.RunStarted)]


def of_schedules(talk: Talk) -> list[str]:
    """What was decided about times, in short."""
    found = []
    for fact in talk.facts:
        match fact:
            case tf.ScheduleFired():
                found.append(f"fired {(fact.time - MIDNIGHT) / HOUR:g}")
            case tf.ScheduleSkipped():
                first, last = ((at - MIDNIGHT) / HOUR for at in (fact.first, fact.last))
                found.append(f"skipped {fact.count} {first:g}..{last:g}")
    return found


def reborn(talk: Talk, *, compacted: bool) -> Talk:
    """Another life, from the facts or from a snapshot of what they add up to."""
    state = State()
    facts: list[f.Fact] = list(talk.state.snapshot(talk.now)) if compacted else talk.facts
    for fact in facts:
        state.apply(f.decode(f.encode(fact)))
    life = Talk(state)
    life.now = talk.now
    return life


def test_a_time_that_comes_starts_one_run(talk: Talk) -> None:
    """At its time and at no other, and again at the next."""
    read(talk, armed())
    assert talk.machine.next_deadline == MIDNIGHT
    assert tick(talk, MIDNIGHT - 1) == []
    begun = start(talk, tick(talk, MIDNIGHT))
    assert begun.start is not None
    assert (begun.workflow, begun.start.trigger, begun.depth) == ("deploy", Trigger.SCHEDULE, 0)
    assert tick(talk, MIDNIGHT + 1) == []
    start(talk, tick(talk, MIDNIGHT + DAY))
    assert of_schedules(talk) == ["fired 0", "fired 24"]


def test_the_same_files_again_change_nothing(talk: Talk) -> None:
    """An edit of another file, or of the steps, neither repeats a time nor moves one."""
    read(talk, armed())
    start(talk, tick(talk, MIDNIGHT))
    before = len(talk.facts)
    assert read(talk, armed()) == []
    assert len(talk.facts) == before


@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_due_outlives_the_daemon(talk: Talk, *, compacted: bool) -> None:
    """A crash between the time and the run: the next life starts it, and only it."""
    read(talk, armed())
    due = only(tick(talk, MIDNIGHT), e.ReadDue)
    life = reborn(talk, compacted=compacted)
    _, effects = life.machine.restore(life.now)
    assert only(effects, e.ReadDue) == due
    assert read(life, armed()) == []
    life.tell(i.DueRead(due.due, DEPLOY))
    assert runs(life)[0].due == due.due
    life.tell(i.DueRead(due.due, DEPLOY))
    assert len(runs(life)) == 1
    last = reborn(life, compacted=True)
    assert not [x for x in last.machine.restore(life.now)[1] if isinstance(x, e.ReadDue)]


@pytest.mark.parametrize(
    ("catchup_s", "back_after_s", "expected"),
    [
        (0.0, PUNCTUAL_S, ["fired 0"]),
        (0.0, PUNCTUAL_S + 1, ["skipped 1 0..0"]),
        (6 * HOUR, 6 * HOUR - 1, ["fired 0"]),
        (6 * HOUR, 6 * HOUR + 1, ["skipped 1 0..0"]),
        (6 * HOUR, 3 * DAY + 1, ["skipped 3 0..48", "fired 72"]),
        (0.0, 3 * DAY + 2 * HOUR, ["skipped 4 0..72"]),
    ],
)
def test_times_missed_between_two_lives(
    talk: Talk, catchup_s: float, back_after_s: float, expected: list[str]
) -> None:
    """The last one is made up for within its catch-up, and whatever is not says so."""
    schedule = armed(catchup_s=catchup_s)
    read(talk, schedule)
    life = reborn(talk, compacted=True)
    life.now = MIDNIGHT + back_after_s - 0.01
    life.machine.restore(life.now)
    read(life, schedule)
    assert of_schedules(life) == expected
    assert life.machine.next_deadline == (life.now // DAY + 1) * DAY


def test_a_year_of_minutes_is_not_counted_one_by_one(talk: Talk) -> None:
    """Too many to count are as good as skipped."""
    read(talk, armed(every=60.0))
    tick(talk, MIDNIGHT + 365 * DAY + 1)
    assert of_schedules(talk)[0].startswith("skipped 0 ")
    assert of_schedules(talk)[1] == f"fired {365 * 24}"


@pytest.mark.parametrize("back_s", [1.0, HOUR, BACK_S - 10])
def test_a_clock_that_is_set_back_repeats_nothing(talk: Talk, back_s: float) -> None:
    """The time comes again, the run does not."""
    read(talk, armed())
    start(talk, tick(talk, MIDNIGHT))
    talk.now -= back_s
    talk.tell(i.ClockSet(-back_s))
    assert tick(talk, MIDNIGHT) == []
    start(talk, tick(talk, MIDNIGHT + DAY))
    assert of_schedules(talk) == ["fired 0", "fired 24"]


def test_a_clock_that_was_a_year_ahead_does_not_silence_a_schedule(talk: Talk) -> None:
    """Set right again, the schedule goes by the right time."""
    read(talk, armed())
    talk.now += 365 * DAY
    talk.tell(i.ClockSet(365 * DAY))
    assert of_schedules(talk) == ["skipped 365 0..8736"]
    talk.now -= 365 * DAY
    talk.tell(i.ClockSet(-365 * DAY))
    assert talk.machine.next_deadline == MIDNIGHT
    start(talk, tick(talk, MIDNIGHT))


def test_two_schedules_at_the_same_time_start_one_run(talk: Talk) -> None:
    """The other one says so."""
    read(talk, armed(), armed(cron="@hourly", every=HOUR), armed(workflow="other"))
    effects = tick(talk, MIDNIGHT)
    assert sorted(x.workflow for x in effects if isinstance(x, e.ReadDue)) == ["deploy", "other"]
    skipped = [fact for fact in talk.facts if isinstance(fact, tf.ScheduleSkipped)]
    assert [fact.reason for fact in skipped if fact.last == MIDNIGHT] == ["another schedule came then"]


def test_an_edited_schedule_begins_anew(talk: Talk) -> None:
    """The old one is forgotten, and the new one makes up for nothing that was before it."""
    read(talk, armed(catchup_s=DAY))
    tick(talk, MIDNIGHT - 1)
    talk.now = MIDNIGHT + 5
    read(talk, armed(cron="0 0 * * *", catchup_s=DAY))
    assert of_schedules(talk) == []
    read(talk)
    assert talk.machine.next_deadline is None
    assert not talk.state.triggers.schedules


def test_without_room_a_time_waits(talk: Talk) -> None:
    """Nothing is decided that could not be written down; with room again it is."""
    read(talk, armed(catchup_s=HOUR))
    talk.tell(i.StorageChanged(low=True))
    assert talk.machine.next_deadline is None
    assert tick(talk, MIDNIGHT + 1) == []
    start(talk, talk.tell(i.StorageChanged(low=False)))
    assert of_schedules(talk) == ["fired 0"]


def test_a_daemon_that_stops_leaves_a_time_to_the_next(talk: Talk) -> None:
    """What is due meanwhile, too."""
    read(talk, armed())
    due = only(tick(talk, MIDNIGHT), e.ReadDue)
    talk.tell(i.DrainAsked())
    talk.tell(i.DueRead(due.due, DEPLOY))
    assert tick(talk, MIDNIGHT + DAY) == []
    assert runs(talk) == []
    life = reborn(talk, compacted=False)
    assert only(life.machine.restore(life.now)[1], e.ReadDue) == due


@pytest.mark.parametrize(
    ("read_as", "reason"),
    [
        (i.DueRead(1, None, fault="line 3: no step"), "line 3: no step"),
        (
            i.DueRead(1, chain("deploy", [("nobody", "ls")])),
            "step 1 of 'deploy': no session is named 'nobody'",
        ),
        (
            i.DueRead(
                1, Workflow(name="deploy", steps=DEPLOY.steps, inputs=(("env", Input(required=True)),))
            ),
            "deploy needs the input 'env'",
        ),
    ],
)
def test_a_run_that_cannot_start_says_why(talk: Talk, read_as: i.DueRead, reason: str) -> None:
    """Once; it is not tried again."""
    read(talk, armed())
    tick(talk, MIDNIGHT)
    talk.tell(read_as)
    (refused,) = [fact for fact in talk.facts if isinstance(fact, tf.NotStarted)]
    assert reason in refused.reason
    assert runs(talk) == []
    assert not talk.state.triggers.due


def test_a_run_waits_for_a_server_that_does_not_answer(talk: Talk) -> None:
    """Its session may be there; after a minute it is refused all the same."""
    read(talk, armed())
    tick(talk, MIDNIGHT)
    elsewhere = chain("deploy", [("elsewhere", "ls")])
    talk.tell(i.Looked(silent=("tmux at /x does not answer",)))
    assert talk.tell(i.DueRead(1, elsewhere)) == [e.ReadDue(1, "deploy", again=True)]
    talk.see(session("claude-man", 2), session("elsewhere", 3))
    talk.tell(i.DueRead(1, elsewhere))
    assert len(runs(talk)) == 1
    tick(talk, MIDNIGHT + DAY)
    talk.now += PATIENCE_S
    assert talk.tell(i.DueRead(2, chain("deploy", [("nowhere", "ls")]))) == []
    assert isinstance(talk.facts[-1], tf.NotStarted)


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────


def listening(condition: str = "", *, source: str = "", workflow: str = "deploy") -> Listening:
    return Listening(workflow, EventTrigger(event="pushed", source=source, if_=condition))


def publish(talk: Talk, data: str = "main", *, source: str = "git", key: str = "") -> list[e.Effect]:
    return talk.ask(m.Publish(source=source, event="pushed", data=data, key=key))


def due_in(effects: list[e.Effect]) -> list[str]:
    return [effect.workflow for effect in effects if isinstance(effect, e.ReadDue)]


def test_an_event_starts_a_run_that_knows_it(talk: Talk) -> None:
    """Accepted and due are one fact; the run has the event with it."""
    read(talk, events=(listening(),))
    before = len(talk.facts)
    begun = start(talk, publish(talk))
    assert [type(fact) for fact in talk.facts[before:][:2]] == [f.EventPublished, rf.RunStarted]
    assert begun.start is not None
    event = begun.start.event
    assert event is not None
    assert (event.type, event.source, event.data, event.id) == ("pushed", "git", "main", "event-1")
    assert (begun.start.trigger, begun.depth) == (Trigger.EVENT, 1)
    assert due_in(talk.ask(m.Publish(source="git", event="pulled", data=""))) == []


@pytest.mark.parametrize("compacted", [False, True])
def test_a_repeated_key_starts_nothing_again(talk: Talk, *, compacted: bool) -> None:
    """Nor does it after a crash between the event and its run, which the next life starts."""
    read(talk, events=(listening(),))
    assert due_in(publish(talk, key="k")) == ["deploy"]
    assert due_in(publish(talk, key="k")) == []
    life = reborn(talk, compacted=compacted)
    assert due_in(life.machine.restore(life.now)[1]) == ["deploy"]
    read(life, events=(listening(),))
    assert due_in(publish(life, key="k")) == []
    life.tell(i.DueRead(1, DEPLOY))
    assert len(runs(life)) == 1
    assert due_in(publish(life, key="other")) == ["deploy"]
    assert life.state.triggers.last_event == 2


@pytest.mark.parametrize(
    ("trigger", "data", "starts"),
    [
        (listening(source="git"), "", True),
        (listening(source="hg"), "", False),
        (listening("event.data == 'main'"), "main", True),
        (listening("event.data == 'main'"), "topic", False),
        (listening("event.json.branch == 'main'"), '{"branch": "main"}', True),
        (listening("event.json.branch == 'main'"), "main", False),
        (listening("fromJSON(event.data).size > 3"), '{"size": 4}', True),
        (listening("event.type == 'pushed' && event.source == 'git' && event.id == 'event-1'"), "", True),
        (listening("contains(event.json.*.name, 'x')"), '[{"name": "x"}]', True),
        (listening("event.json == null"), "[" * 100_000, True),
    ],
)
def test_only_the_events_meant_start_it(talk: Talk, trigger: Listening, data: str, *, starts: bool) -> None:
    """By their source, and by a condition that looks at all of them."""
    read(talk, events=(trigger,))
    assert due_in(publish(talk, data)) == (["deploy"] if starts else [])


@pytest.mark.parametrize("condition", ["fromJSON(event.data).x", "steps.a.outputs.b", "("])
def test_a_condition_that_cannot_be_evaluated_says_so(talk: Talk, condition: str) -> None:
    """The event goes to everybody else all the same."""
    read(talk, events=(listening(condition), listening(workflow="other")))
    assert due_in(publish(talk)) == ["other"]
    (refused,) = [fact for fact in talk.facts if isinstance(fact, tf.NotStarted)]
    assert refused.workflow == "deploy"
    assert refused.reason.startswith("if: ")


def test_two_triggers_of_a_workflow_start_one_run(talk: Talk) -> None:
    """However many of them an event fits."""
    read(talk, events=(listening(), listening("event.data == 'main'"), listening(source="git")))
    assert due_in(publish(talk)) == ["deploy"]


def test_what_starts_by_itself_is_listed(talk: Talk) -> None:
    """The next time first, then those that never come again, and the events."""
    read(
        talk,
        armed(workflow="late"),
        armed(workflow="soon", cron="@hourly", every=HOUR),
        events=(listening("event.data == 'x'", source="git"),),
    )
    start(talk, [x for x in tick(talk, MIDNIGHT) if isinstance(x, e.ReadDue) and x.workflow == "soon"],
          chain("soon", [("claude-man", "ls")]))  # fmt: skip
    answer = only(talk.ask(m.Schedule()), e.Reply).result
    assert isinstance(answer, m.ScheduleList)
    shown = [(view.workflow, view.next_at, view.last_at, view.last_run) for view in answer.schedules]
    assert shown == [
        ("soon", MIDNIGHT + HOUR, MIDNIGHT, "run-1"),
        ("late", MIDNIGHT + DAY, MIDNIGHT, ""),
    ]
    assert [(view.workflow, view.source, view.condition) for view in answer.events] == [
        ("deploy", "git", "event.data == 'x'")
    ]
