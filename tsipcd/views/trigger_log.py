"""The lines of `events.log` about what starts by itself.

    TIMESTAMP FIRE WORKFLOW (CRON ZONE, due TIME)        TIMESTAMP ARM WORKFLOW (CRON ZONE)
    TIMESTAMP SKIP WORKFLOW (CRON ZONE, N from TIME to TIME: REASON)
    TIMESTAMP REFUSE WORKFLOW (REASON)                   TIMESTAMP DISARM WORKFLOW (CRON ZONE)

The run that comes of FIRE, or of a published event, has a RUN of its own; REFUSE says why there is none.
"""

from __future__ import annotations

from typing import assert_never

from tsipcd.core.triggers import facts as tf
from tsipcd.views.log_words import reason, safe_name
from tsipcd.views.timestamp import iso


def trigger_lines(fact: tf.TriggerFact) -> tuple[str, ...]:
    """The lines of one fact."""
    at = iso(fact.at)
    match fact:
        case tf.ScheduleArmed():
            return (f"{at} ARM {safe_name(fact.workflow)}{reason(_line(fact))}",)
        case tf.ScheduleDropped():
            return (f"{at} DISARM {safe_name(fact.workflow)}{reason(_line(fact))}",)
        case tf.ScheduleFired():
            when = f"{_line(fact)}, due {iso(fact.time)}"
            return (f"{at} FIRE {safe_name(fact.workflow)}{reason(when)}",)
        case tf.ScheduleSkipped():
            times = f"{fact.count or 'many'} from {iso(fact.first)} to {iso(fact.last)}"
            which = f"due {iso(fact.last)}" if fact.count == 1 else times
            what = f"{_line(fact)}, {which}: {fact.reason}"
            return (f"{at} SKIP {safe_name(fact.workflow)}{reason(what)}",)
        case tf.NotStarted():
            return (f"{at} REFUSE {safe_name(fact.workflow)}{reason(fact.reason)}",)
        case tf.ScheduleKept() | tf.DueKept() | tf.TriggerCountersKept():
            return ()
        case _:
            assert_never(fact)


def _line(fact: tf.ScheduleArmed | tf.ScheduleFired | tf.ScheduleSkipped | tf.ScheduleDropped) -> str:
    return f"{fact.cron} {fact.timezone}"
