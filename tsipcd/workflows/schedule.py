"""When a cron line comes true, as times since the epoch, in the time zone it is meant in.

The line is read as cron(8) reads it, by the library cronsim, on a calendar without a zone. What the zone does
to it is decided here, for the two nights of a year in which that matters:

- A time that does not exist (the clock is set forward over it) comes at the moment the clock is set.
- A time that exists twice (the clock is set back) comes once, the first time.
- Where the minute or the hour begins with `*` the line means how often, not when: it follows real time, so
  that it neither makes up for the hour that is missing nor leaves out the one that comes twice.

Load it only where there is a schedule: the library and the zones take two mebibytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS: Final = ("minute", "hour", "day of the month", "month", "day of the week")

NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


class ScheduleError(ValueError):
    """A schedule that cannot be; `hint` says what would."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Schedule:
    """The times of one cron line in one zone."""

    def __init__(self, cron: str, timezone: str = "UTC") -> None:
        """Raises `ScheduleError` for what is no cron line, no zone, or never comes true."""
        self._zone = _zone(timezone)
        self._line = NICKNAMES.get(cron.strip().lower(), cron)
        _check(cron, self._line)
        minute, hour, *_ = self._line.split()
        self._is_how_often = minute.startswith("*") or hour.startswith("*")

    def after(self, at: float) -> float | None:
        """The first time after `at`; None: there is none in fifty years or in this calendar."""
        try:
            here = self._local(at)
            following = next(self._walls(here), None)
            if following is None:
                return None
            doubt = self._doubt(here, following)
            if not doubt:
                return self._instant(following, 0)
            best: float | None = None
            for wall in self._walls(here - doubt - _SECOND):
                if best is not None and wall > self._local(best) + doubt:
                    break
                later = (each for each in self._instants(wall) if each > at)
                best = min((each for each in (best, *later) if each is not None), default=None)
        except (OverflowError, ValueError):
            return None
        return best

    def last(self, until: float) -> float | None:
        """The latest time that is not after `until`; None: there was none in fifty years."""
        try:
            here = self._local(until).replace(microsecond=0)
            before = next(self._walls(here + _SECOND, reverse=True), None)
            if before is None:
                return None
            doubt = self._doubt(before, here)
            if not doubt:
                return self._instant(before, 0)
            best: float | None = None
            for wall in self._walls(here + doubt + _SECOND, reverse=True):
                if best is not None and wall < self._local(best) - doubt:
                    break
                earlier = (each for each in self._instants(wall) if each <= until)
                best = max((each for each in (best, *earlier) if each is not None), default=None)
        except (OverflowError, ValueError):
            return None
        return best

    def between(self, after: float, until: float) -> Iterator[float]:
        """Each time after `after` up to `until`, in order."""
        found = self.after(after)
        while found is not None and found <= until:
            yield found
            found = self.after(found)

    def offset_s(self, at: float) -> int:
        """How far the zone is ahead of UTC at that time."""
        return int(self._offset(self._local(at)).total_seconds())

    def _doubt(self, first: datetime, second: datetime) -> timedelta:
        """By how much the clock is set within a day of showing either of the two; mostly not at all."""
        offsets = [self._offset(end + near) for end in (first, second) for near in (-_DAY, timedelta(), _DAY)]
        return max(offsets) - min(offsets)

    def _walls(self, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
        """What a clock shows when the line comes true, from `start` on, that left out."""
        return CronSim(self._line, start.replace(fold=0), reverse=reverse)

    def _instants(self, wall: datetime) -> tuple[float, ...]:
        """When the line comes true for what the clock shows: once, twice, or not at all."""
        first, second = (self._instant(wall, fold) for fold in (0, 1))
        if self._local(first).replace(fold=0) != wall:
            # The clock never shows it. `second` is as far before the gap's end as `wall` is behind its start.
            return () if self._is_how_often else (self._end_of_gap(second, first),)
        return (first, second) if self._is_how_often and first != second else (first,)

    def _end_of_gap(self, before: float, behind: float) -> float:
        """The moment the clock is set forward, which lies between the two."""
        offset = self._offset(self._local(before))
        while behind - before > 1:
            middle = float((before + behind) // 2)
            if self._offset(self._local(middle)) == offset:
                before = middle
            else:
                behind = middle
        return behind

    def _instant(self, wall: datetime, fold: int) -> float:
        return wall.replace(tzinfo=self._zone, fold=fold).timestamp()

    def _local(self, at: float) -> datetime:
        """What the clock shows at `at`."""
        return datetime.fromtimestamp(at, self._zone).replace(tzinfo=None)

    def _offset(self, wall: datetime) -> timedelta:
        return wall.replace(tzinfo=self._zone).utcoffset() or timedelta()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ScheduleError(
            f"there is no time zone {name!r} on this machine",
            "a zone is named like Europe/Berlin or UTC; `timedatectl list-timezones` lists them, "
            "and they are in the package tzdata",
        ) from error


def _check(cron: str, line: str) -> None:
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise ScheduleError(
            f"{cron!r} has {len(fields)} fields, a schedule has {len(FIELDS)}",
            f"they are {', '.join(FIELDS)}: '0 3 * * *' is every night at three; "
            f"or one of {', '.join(NICKNAMES)}",
        )
    for place, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[place] = field
        try:
            CronSim(" ".join(alone), _SOME_DAY)
        except (CronSimError, ValueError, AssertionError) as error:
            raise ScheduleError(
                f"{field!r} in {cron!r} is no {FIELDS[place]}",
                "a field is *, a number, a range like 1-5, a list like 1,15, or steps like */10; "
                "days and months may be MON to SUN and JAN to DEC",
            ) from error
    try:
        found = next(CronSim(line, _SOME_DAY), None)
    except CronSimError:
        found = None
    if found is None:
        raise ScheduleError(f"{cron!r} never comes", "there is no such day in any year")


_SOME_DAY: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a calendar without a zone
