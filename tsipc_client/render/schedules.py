"""What starts by itself: what comes next, in local time and in the schedule's zone, and at which events.

Loaded by short commands: it knows the messages by their fields, and does not load them.
"""

from __future__ import annotations

import time

from tsipc_client.render.amounts import duration, moment
from tsipc_client.render.listing import table
from tsipc_client.render.style import Tone, line
from tsipc_client.wire.text import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsipc_client.render.style import Style
    from tsipc_client.wire.messages import EventTriggerView, ScheduleList, ScheduleView


def listed(result: ScheduleList, style: Style, *, now: float) -> Iterator[str]:
    """A row for each schedule, the next first; then a row for each event."""
    if not (result.schedules or result.events):
        yield line(style, ("(nothing starts by itself)", Tone.DIM))
    if result.schedules:
        header = ["WORKFLOW", "NEXT", "IN", "SCHEDULE", "ZONE", "THERE", "LAST", "RUN"]
        yield from table(header, [_schedule(view, now) for view in result.schedules], style)
    if result.events:
        if result.schedules:
            yield ""
        yield from table(["WORKFLOW", "EVENT", "FROM", "IF"], [_event(view) for view in result.events], style)


def _schedule(view: ScheduleView, now: float) -> list[str]:
    if view.next_at is None:
        when, left, there = "never again", "-", "-"
    else:
        when, left = moment(view.next_at), duration(max(view.next_at - now, 0))
        there = time.strftime("%H:%M", time.gmtime(view.next_at + view.offset_s))
    return [
        visible(view.workflow),
        when,
        left,
        visible(view.cron),
        visible(view.timezone),
        there,
        "-" if view.last_at is None else moment(view.last_at),
        view.last_run or "-",
    ]


def _event(view: EventTriggerView) -> list[str]:
    return [
        visible(view.workflow),
        visible(view.event),
        visible(view.source) or "-",
        visible(view.condition) or "-",
    ]
