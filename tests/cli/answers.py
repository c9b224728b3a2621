"""An answer for each usual command line, in the cases that look different."""

from __future__ import annotations

from dataclasses import replace

from tests.cli import samples
from tsipc_client.wire.messages import (
    LogLines,
    Purged,
    Queued,
    Result,
    RunList,
    ScheduleList,
    SessionList,
    SubscriptionTable,
)

ANSWERS: dict[str, tuple[str, Result]] = {
    "send": ("send me claude-manager ls", samples.SENT),
    "send, held": ("send me claude-manager ls notification", samples.SENT_HELD),
    "send, hostile": ("send \x1b[2J b c data", replace(samples.SENT_HELD, reason=samples.HOSTILE)),
    "subscribe": ("subscribe claude-manager deployment", samples.SUBSCRIBED),
    "subscribe again": ("sub a b data", replace(samples.SUBSCRIBED, changed=False)),
    "unsubscribe": ("unsubscribe claude-manager deployment", samples.UNSUBSCRIBED),
    "not subscribed": ("unsub claude-manager deployment", samples.NOT_SUBSCRIBED),
    "publish": ("publish me deployment v1", samples.PUBLISHED),
    "publish to nobody": ("pub me deployment", samples.PUBLISHED_TO_NOBODY),
    "workflow": ("workflow deploy-full a:b c:d", samples.SAVED),
    "workflow, replaced": ("wf deploy-full a:b", replace(samples.SAVED, replaced=True, path=samples.HOSTILE)),
    "pipeline": ("pipeline a b", samples.PIPELINE_SAVED),
    "queue": ("queue", samples.QUEUE),
    "queue, hostile": ("q", samples.HOSTILE_QUEUE),
    "queue, empty": ("queue", Queued(messages=(), waiting=0)),
    "show": ("show msg-124", samples.SHOWN),
    "cancel": ("cancel msg-123", samples.CANCELLED),
    "retry": ("retry msg-123", samples.SENT),
    "retry, held": ("retry msg-123", samples.SENT_HELD),
    "reply": ("reply msg-123 yes", samples.REPLIED),
    "inbox": ("inbox", samples.INBOX),
    "inbox, hostile": (
        "inbox claude-manager",
        replace(samples.INBOX, questions=(replace(samples.INBOX.questions[0], question=samples.HOSTILE),)),
    ),
    "inbox, empty": ("inbox", replace(samples.INBOX, questions=(), unanswered=0)),
    "purge": ("purge", samples.PURGED),
    "purge, one": ("purge msg-123", Purged(purged=1)),
    "queue, dead": ("queue --dead", samples.QUEUE),
    "subscriptions": ("subscriptions", samples.SUBSCRIPTIONS),
    "subscriptions, none": ("subs", SubscriptionTable(subscriptions=())),
    "events": ("events", samples.EVENTS_OF_V1),
    "events, cut": ("log 3", LogLines(lines=(samples.HOSTILE,), path="/x", cut=True)),
    "runs": ("runs", samples.RUNS),
    "runs, none": ("runs --limit 3", RunList(runs=())),
    "schedule": ("schedule", samples.SCHEDULE),
    "schedule, hostile": ("schedule", samples.HOSTILE_SCHEDULE),
    "schedule, none": ("schedule", ScheduleList(schedules=(), events=())),
    "sessions": ("sessions", samples.SESSIONS),
    "sessions, none": ("sessions", SessionList(sessions=())),
    "status": ("daemon status", samples.STATUS),
    "send, with options": ("send me claude-manager ls --now --ttl 10m --key k", samples.SENT),
    "queue, with options": ("queue --pending --limit 50 --timeout 5", samples.QUEUE),
    "run, on its own": ("run deploy-full --detach", samples.DETACHED),
    "resolve": ("resolve msg-130 --redeliver", samples.RESOLVED),
    "resolve, held": ("resolve msg-131 --redeliver", samples.RESOLVED_HELD),
}
"""Words, and what the daemon answers."""
