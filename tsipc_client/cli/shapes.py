"""The fields of each answer, which of them hold numbers, and which hold one of a few words."""

from __future__ import annotations

from tsipc_client.cli import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    Shape = dict[str, "Shape | None"]

STATUSES = (
    "accepted",
    "held",
    "intent",
    "delivered",
    "started",
    "done",
    "failed",
    "expired",
    "cancelled",
    "in-doubt",
)

RUN_STATUSES = (
    "running",
    "success",
    "failure",
    "cancelled",
    "interrupted",
    "cancelling",
    "queued",
    "partial",
    "timed-out",
    "rejected",
)

RESULTS = ("success", "failure", "skipped", "cancelled", "timed-out", "interrupted", "rejected")

WORDS: dict[str, tuple[str | None, ...]] = {
    "type": plain.TYPES,
    "action": (*plain.ACTIONS, None),
    "decision": (*plain.DECISIONS, None),
    "status": (*STATUSES, *RUN_STATUSES, None),
    "result": (*RESULTS, None),
}
"""Fields that hold one of a few words."""

_SUBSCRIBED: Shape = dict.fromkeys(("session", "event", "action", "changed"))
_STEP: Shape = dict.fromkeys(("session", "command"))
_FAULT: Shape = dict.fromkeys(("line", "column", "what", "hint", "is_error"))
_SAVED: Shape = {"name": None, "path": None, "steps": _STEP, "replaced": None, "warnings": _FAULT}
_STEP_VIEW: Shape = dict.fromkeys(
    ("index", "session", "command", "status", "id", "reason", "exit_code", "started_at", "ended_at", "log",
     "last_line", "name", "phase", "result", "excused", "attempt", "attempts")
)  # fmt: skip
_MESSAGE: Shape = dict.fromkeys(
    ("id", "source", "target", "type", "message", "size_bytes", "timestamp", "status", "reason", "observed",
     "event", "run", "exit_code", "secret")
)  # fmt: skip

PROGRESS: Shape = {**dict.fromkeys(("run", "workflow", "steps")), "step": _STEP_VIEW}

_RUN_ENDED: Shape = {
    **dict.fromkeys(("run", "workflow", "status")),
    "steps": _STEP_VIEW,
    **dict.fromkeys(("started_at", "ended_at", "reason")),
}
_RUN_NOW: Shape = dict.fromkeys(("id", "status", "paused"))

SHAPES: dict[str, Shape] = {
    "send": dict.fromkeys(("id", "status", "target", "reason")),
    "subscribe": _SUBSCRIBED,
    "unsubscribe": _SUBSCRIBED,
    "publish": {"event": None, "subscribers": dict.fromkeys(("session", "action", "id"))},
    "workflow": _SAVED,
    "run": _RUN_ENDED,
    "rerun": _RUN_ENDED,
    "runs": {
        "runs": dict.fromkeys(
            ("run", "workflow", "status", "steps", "done", "step", "session", "reason", "started_at",
             "ended_at", "name", "trigger", "paused")
        )
    },
    **dict.fromkeys(("pause", "resume", "approve", "reject"), _RUN_NOW),
    "explain": {
        **dict.fromkeys(("run", "workflow", "status")),
        "step": _STEP_VIEW,
        **dict.fromkeys(("why", "condition")),
        "trace": dict.fromkeys(("text", "value")),
        "needs": dict.fromkeys(("name", "result")),
        "attempts": dict.fromkeys(
            ("attempt", "id", "status", "reason", "exit_code", "started_at", "ended_at", "log")
        ),
        "outputs": dict.fromkeys(("name", "value")),
    },
    "pipeline": {"subscription": _SUBSCRIBED, "workflow": _SAVED},
    "queue": {"messages": _MESSAGE, "waiting": None},
    "show": {
        "message": _MESSAGE,
        "story": dict.fromkeys(("at", "status", "detail")),
        **dict.fromkeys(("expires_at", "pane")),
    },
    "cancel": dict.fromkeys(("id", "status")),
    "retry": dict.fromkeys(("id", "status", "target", "reason")),
    "purge": {"purged": None},
    "reply": dict.fromkeys(("id", "source")),
    "inbox": {
        "session": None,
        "questions": dict.fromkeys(("id", "source", "question", "asked_at", "expires_at")),
        "unanswered": None,
    },
    "resolve": dict.fromkeys(("id", "decision", "status", "reason")),
    "subscriptions": {"subscriptions": dict.fromkeys(("session", "event", "action"))},
    "events": dict.fromkeys(("lines", "path", "cut")),
    "sessions": {
        "sessions": dict.fromkeys(
            ("name", "server", "windows", "attached", "command", "pending", "aliases")
        ),
        "unreachable": None,
    },
    "schedule": {
        "schedules": dict.fromkeys(
            ("workflow", "cron", "timezone", "catchup_s", "next_at", "offset_s", "last_at", "last_run")
        ),
        "events": dict.fromkeys(("workflow", "event", "source", "condition")),
    },
    "status": {
        **dict.fromkeys(
            ("version", "wire_version", "pid", "started_at", "directory", "activation", "waiting", "held",
             "runs", "clients", "servers", "journal_bytes", "last_sync_s", "storage_low")
        ),
        "paused": dict.fromkeys(("event", "publisher", "observed", "until", "reason")),
        **dict.fromkeys(
            ("in_doubt", "unreachable", "free_bytes", "max_waiting", "max_waiting_per_target", "memory_low")
        ),
    },
}  # fmt: skip
"""The fields of each answer, in their order; those of a record in it, or of each in a list, in its place."""

NUMBERS = frozenset(
    ("asked_at", "at", "attached", "attempt", "attempts", "catchup_s", "clients", "column", "done",
     "ended_at", "exit_code", "expires_at", "free_bytes", "in_doubt", "index", "journal_bytes", "last_at",
     "last_sync_s", "line", "max_waiting", "max_waiting_per_target", "next_at", "offset_s", "pending",
     "pid", "purged", "runs", "size_bytes", "started_at", "step", "steps", "timestamp", "unanswered",
     "until", "waiting", "windows", "wire_version")
)  # fmt: skip
"""Fields that hold a number or nothing, where they are no records; no other field holds one."""
