"""Cron lines come true when an independent count of every minute says so, over every kind of clock change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.schedule import NICKNAMES, Schedule, ScheduleError

MINUTE, HOUR, DAY = 60, 3_600, 86_400
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
CHANGES = {
    "UTC": "2026-03-29",
    "Asia/Kolkata": "2026-03-29",
    "Europe/Berlin": "2026-03-29 2026-10-25",
    "America/New_York": "2026-03-08 2026-11-01",
    "Australia/Lord_Howe": "2026-04-04 2026-10-03",  # by half an hour
    "America/Havana": "2025-03-09 2025-11-02",  # at midnight
    "Antarctica/Troll": "2026-03-29 2026-10-25",  # by two hours
    "Africa/Casablanca": "2026-02-15 2026-03-22",  # twice in five weeks
    "Pacific/Apia": "2011-12-30",  # a whole day is left out
}
PLACES = [(zone, day) for zone, days in CHANGES.items() for day in days.split()]


def at(text: str) -> float:
    """The time since the epoch of an ISO date."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def shown(schedule: Schedule, zone: str, after: str, until: str) -> list[str]:
    """What comes between two times, as clocks there show it."""
    times = schedule.between(at(after), at(until))
    return [datetime.fromtimestamp(time, ZoneInfo(zone)).isoformat(timespec="minutes") for time in times]


@dataclass(frozen=True)
class Field:
    """A field of a cron line, as it is written and as it is meant."""

    text: str
    values: frozenset[int]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> Field:
    """Any field whose values lie between the two."""
    kind = draw(st.sampled_from(("every", "every", "step", "list", "range", "one", "one")))
    numbers = st.integers(low, high)
    if kind == "every":
        return Field("*", frozenset(range(low, high + 1)))
    if kind == "step":
        step = draw(st.integers(1, high))
        return Field(f"*/{step}", frozenset(range(low, high + 1, step)))
    if kind == "range":
        first, last = sorted((draw(numbers), draw(numbers)))
        return Field(f"{first}-{last}", frozenset(range(first, last + 1)))
    values = draw(st.lists(numbers, min_size=1, max_size=1 if kind == "one" else 4, unique=True))
    return Field(",".join(map(str, values)), frozenset(values))


lines = st.tuples(*(fields(low, high) for low, high in RANGES))


def by_counting(line: tuple[Field, ...], zone: str, after: float, until: float) -> list[float]:
    """Every time between the two, found by looking at a clock each minute and at nothing else."""
    minute, hour, day, month, weekday = line
    both = day.text.startswith("*") or weekday.text.startswith("*")
    how_often = minute.text.startswith("*") or hour.text.startswith("*")

    def matches(wall: datetime) -> bool:
        in_month = wall.day in day.values
        in_week = bool({wall.isoweekday(), wall.isoweekday() % 7} & weekday.values)
        is_day = in_month and in_week if both else in_month or in_week
        return (
            wall.minute in minute.values
            and wall.hour in hour.values
            and wall.month in month.values
            and is_day
        )

    found: list[float] = []
    known = ZoneInfo(zone)
    seen: set[datetime] = set()
    start = int(after) // MINUTE * MINUTE - 4 * HOUR
    before = datetime.fromtimestamp(start, known).replace(tzinfo=None)
    for time in range(start + MINUTE, int(until) + MINUTE, MINUTE):
        wall = datetime.fromtimestamp(time, known).replace(tzinfo=None)
        skipped = range(int((wall - before).total_seconds()) // MINUTE - 1)
        missed = any(
            matches(datetime.fromtimestamp(_epoch(before) + (1 + n) * MINUTE, UTC).replace(tzinfo=None))
            for n in skipped
        )
        is_first = wall not in seen
        if (matches(wall) and (how_often or is_first)) or (missed and not how_often):
            found.append(float(time))
        seen.add(wall)
        before = wall
    return [time for time in found if after < time <= until]


def _epoch(wall: datetime) -> float:
    return wall.replace(tzinfo=UTC).timestamp()


@given(line=lines, place=st.sampled_from(PLACES), hour=st.integers(-20, 30), length=st.integers(1, 30))
def test_every_minute_around_a_change_of_the_clock(
    line: tuple[Field, ...], place: tuple[str, str], hour: int, length: int
) -> None:
    """What comes between two times is what counting finds, and the last of it is the last."""
    zone, day = place
    # Such that the line can come true near that day, whatever it says of months.
    line = (*line[:3], Field("*", frozenset(range(1, 13))), line[4])
    after = at(day) + hour * HOUR + 17
    until = after + length * HOUR
    schedule = Schedule(" ".join(field.text for field in line), zone)
    expected = by_counting(line, zone, after, until)
    assert list(schedule.between(after, until)) == expected
    if expected:
        assert schedule.last(until) == expected[-1]
        assert schedule.last(expected[-1] - 1) != expected[-1]
    else:
        last = schedule.last(until)
        assert last is None or last <= after


@given(line=lines, day=st.integers(0, 15_000), hours=st.integers(1, 72))
def test_every_minute_of_any_days(line: tuple[Field, ...], day: int, hours: int) -> None:
    """The same on any day since 1970, where mostly nothing happens to the clock."""
    after = float(day * DAY)
    until = after + hours * HOUR
    try:
        schedule = Schedule(" ".join(field.text for field in line), "America/New_York")
    except ScheduleError:
        assert not by_counting(line, "America/New_York", after, until)
        return
    assert list(schedule.between(after, until)) == by_counting(line, "America/New_York", after, until)


def test_a_time_that_does_not_exist_comes_when_the_clock_is_set_forward() -> None:
    """Once, at the moment of the change; the next night it is itself again."""
    night = Schedule("30 2 * * *", "Europe/Berlin")
    assert shown(night, "Europe/Berlin", "2026-03-28T12:00", "2026-03-30T12:00") == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_exists_twice_comes_once() -> None:
    """The first time, and not again although the clock shows it again."""
    night = Schedule("30 2 * * *", "Europe/Berlin")
    assert shown(night, "Europe/Berlin", "2026-10-24T12:00", "2026-10-26T12:00") == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]
    between = at("2026-10-25T02:10+01:00")
    assert night.last(between) == at("2026-10-25T02:30+02:00")
    assert night.after(between) == at("2026-10-26T02:30+01:00")


def test_how_often_follows_real_time() -> None:
    """A line that says every quarter comes four times in each real hour, those of the change included."""
    quarters = Schedule("*/15 * * * *", "Europe/Berlin")
    for day in ("2026-03-29", "2026-10-25"):
        times = list(quarters.between(at(f"{day}T00:00"), at(f"{day}T03:00")))
        assert [later - earlier for earlier, later in pairwise(times)] == [900] * 11


def test_a_leap_day_comes_every_four_years() -> None:
    """Even over the year 2100, which has none."""
    schedule = Schedule("0 12 29 2 *")
    assert shown(schedule, "UTC", "2095-01-01", "2105-01-01") == [
        "2096-02-29T12:00+00:00",
        "2104-02-29T12:00+00:00",
    ]


def test_both_days_given_either_will_do() -> None:
    """As cron has it: the 13th, or a Friday."""
    schedule = Schedule("0 0 13 * FRI")
    assert shown(schedule, "UTC", "2026-01-08", "2026-01-17") == [
        "2026-01-09T00:00+00:00",
        "2026-01-13T00:00+00:00",
        "2026-01-16T00:00+00:00",
    ]


@pytest.mark.parametrize("name", NICKNAMES)
def test_nicknames(name: str) -> None:
    """Each is the line it stands for."""
    assert Schedule(name).after(0) == Schedule(NICKNAMES[name]).after(0)


@pytest.mark.parametrize(
    ("cron", "zone", "about"),
    [
        ("", "UTC", "has 0 fields"),
        ("* * * *", "UTC", "has 4 fields"),
        ("0 * * * * *", "UTC", "has 6 fields"),
        ("60 * * * *", "UTC", "'60' in '60 * * * *' is no minute"),
        ("0 24 * * *", "UTC", "no hour"),
        ("0 0 0 * *", "UTC", "no day of the month"),
        ("0 0 * 13 *", "UTC", "no month"),
        ("0 0 * * 8", "UTC", "no day of the week"),
        ("0 0 * * MON#6", "UTC", "no day of the week"),
        ("5-1 * * * *", "UTC", "no minute"),
        ("*/0 * * * *", "UTC", "no minute"),
        ("²5 * * * *", "UTC", "no minute"),
        ("MON#1/2 * * * *", "UTC", "no minute"),
        ("0 0 * * MON#1/2", "UTC", "no day of the week"),
        ("0 0 30 2 *", "UTC", "never comes"),
        ("@reboot", "UTC", "has 1 fields"),
        ("@daily", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("@daily", "../../etc/passwd", "no time zone"),
        ("@daily", "", "no time zone"),
    ],
)
def test_what_is_no_schedule(cron: str, zone: str, about: str) -> None:
    """It says which word is wrong, and how it would be right."""
    with pytest.raises(ScheduleError) as refused:
        Schedule(cron, zone)
    assert about in refused.value.message
    assert refused.value.hint


@given(cron=st.text(max_size=40) | st.text("0123456789*/-,#LWMON@ ", max_size=40), zone=st.text(max_size=12))
def test_nothing_else_is_raised(cron: str, zone: str) -> None:
    """Any text is a schedule or a `ScheduleError`; a schedule has a next time."""
    for where in ("UTC", zone):
        try:
            schedule = Schedule(cron, where)
        except ScheduleError:
            continue
        assert schedule.after(0) is not None


@pytest.mark.parametrize("far", [-62_135_596_800.0, 253_402_300_000.0, 1e15, -1e15])
def test_the_ends_of_the_calendar(far: float) -> None:
    """A clock gone wild finds no time, and no error."""
    schedule = Schedule("0 3 * * *", "Europe/Berlin")
    assert None in (schedule.after(far), schedule.last(far))
