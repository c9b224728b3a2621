"""The daemon and what it holds: that it answers, its disk, what waits, its journal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from tsipc_client.cli.doctor.finding import Finding, bad, ok, skipped, warn
from tsipc_client.cli.doctor.patient import Daemon, Patient
from tsipc_client.render.amounts import duration, plural
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import MessageView, StatusReport
from tsipc_client.wire.version import VERSION

SLOW_SYNC_S = 0.05
LONG_S = 3600.0
"""After this long a message that is held is worth a word."""
_MOST_NAMED = 5


def presence(patient: Patient) -> Iterator[Finding]:
    """Whether one runs, answers, and is of this version."""
    yield judge_presence(patient.daemon, stopped=_is_stopped(patient.daemon.pid))


def judge_presence(daemon: Daemon, *, stopped: bool) -> Finding:
    """What it said, or that it said nothing."""
    if not daemon.pid:
        return ok("daemon", "none runs; the next command starts one")
    report = daemon.report
    if report is None and stopped:
        return bad("daemon", f"process {daemon.pid} is stopped", f"let it go on: kill -CONT {daemon.pid}")
    if report is None:
        return bad(
            "daemon",
            f"process {daemon.pid} does not answer: {daemon.silence}",
            f"see: ts-ipc daemon logs. If it hangs: kill -KILL {daemon.pid}; nothing is lost by that",
        )
    if report.version != VERSION:
        return warn(
            "daemon",
            f"version {report.version} runs, this is {VERSION}",
            "after an upgrade: ts-ipc daemon restart",
        )
    started = duration(max(0.0, time.time() - report.started_at))
    return ok("daemon", f"{report.version}, process {report.pid}, by {report.activation}, up {started}")


def disk(patient: Patient) -> Iterator[Finding]:
    """What the daemon knows of its disk."""
    if patient.daemon.report is None:
        yield skipped("disk", "only a daemon that answers can tell")
    else:
        yield judge_disk(patient.daemon.report)


def judge_disk(report: StatusReport) -> Finding:
    """Room, and the time that a sync takes."""
    if report.storage_low:
        return bad("disk", "no room: new messages are refused", f"free space where {report.directory} lies")
    if report.last_sync_s is None:
        return ok("disk", "nothing was synced yet")
    if report.last_sync_s > SLOW_SYNC_S:
        return warn(
            "disk",
            f"the last sync took {duration(report.last_sync_s)}",
            "every message waits for one; is the disk busy, or far away?",
        )
    return ok("disk", f"the last sync took {duration(report.last_sync_s)}")


def journal(patient: Patient) -> Iterator[Finding]:
    """Whether a daemon could start on it."""
    if patient.daemon.pid:
        yield skipped("journal", "a daemon has read it; ts-ipc fsck checks it when none runs")
        return
    try:
        document = patient.journal
    except WireError as error:
        yield bad("journal", error.message, error.hint or "see to the folder")
        return
    match document["verdict"]:
        case "whole":
            waiting = plural(document["waiting"], "message")
            yield ok("journal", f"whole: {plural(document['records'], 'record')}, {waiting} not ended")
        case "empty":
            yield ok("journal", "empty")
        case "newer":
            yield bad("journal", "a newer ts-ipc wrote it", "upgrade ts-ipc; see: ts-ipc fsck")
        case _:
            damage = document["damage"]
            place = f"{Path(damage['file']).name}, byte {damage['offset']}: " if damage["file"] else ""
            yield bad("journal", f"damaged: {place}{damage['reason']}", "see: ts-ipc fsck")


def messages(patient: Patient) -> Iterator[Finding]:
    """What waits, by reason, and what somebody has to decide."""
    daemon = patient.daemon
    if daemon.report is None:
        yield skipped("held messages", "only a daemon that answers can tell")
        return
    yield from judge_held(daemon.pending, time.time())
    yield judge_doubts([view.id for view in daemon.pending if view.status == "in-doubt"])


def judge_held(pending: Sequence[MessageView], now: float) -> Iterator[Finding]:
    """One finding for each reason, those that wait longest first."""
    by_reason: defaultdict[str, list[MessageView]] = defaultdict(list)
    for view in pending:
        if view.status == "held":
            by_reason[view.reason].append(view)
    groups = sorted(by_reason.items(), key=lambda group: min(view.timestamp for view in group[1]))
    for reason, views in groups[:_MOST_NAMED]:
        oldest = min(views, key=lambda view: view.timestamp)
        age_s = max(0.0, now - oldest.timestamp)
        seen = f"{plural(len(views), 'message')}: {reason}; the oldest, {oldest.id}, for {duration(age_s)}"
        if age_s > LONG_S:
            yield warn(
                "held messages",
                seen,
                f"see to {oldest.target}, or take it back: ts-ipc cancel {oldest.id}",
            )
        else:
            yield ok("held messages", seen)
    if len(groups) > _MOST_NAMED:
        others = plural(len(groups) - _MOST_NAMED, "other reason")
        yield ok("held messages", f"{others}: ts-ipc queue --pending")
    if not groups:
        yield ok("held messages", "none")


def judge_doubts(ids: Sequence[str]) -> Finding:
    """Messages that wait for a person."""
    if not ids:
        return ok("in doubt", "none")
    named = ", ".join(ids[:_MOST_NAMED]) + (", …" if len(ids) > _MOST_NAMED else "")
    return warn(
        "in doubt",
        f"{plural(len(ids), 'message')} may have been typed: {named}",
        f"look at the session, then decide: ts-ipc resolve {ids[0]} --redeliver, --delivered or --drop",
    )


def _is_stopped(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in (b"T", b"t")
