"""Every request, stream item and result of the protocol, as plain values, a module per family.

A request class carries its verb in `METHOD` and its answer's class in `RESULT`. Field names are the names on
the wire. Times are seconds since the epoch (UTC), durations end in `_s`. The daemon decodes requests straight
into these classes; unknown or mistyped fields are refused. New fields get defaults, so an older peer's
message still means what it meant.

A family is loaded when one of its names is first used: who sends a message does not wait for the classes of
workflows. A new name belongs into `FAMILIES`, a new request and its answer into `table`, too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsipc_client.wire.messages.asking import *  # noqa: F403
    from tsipc_client.wire.messages.control import *  # noqa: F403
    from tsipc_client.wire.messages.daemon import *  # noqa: F403 - what this package is for
    from tsipc_client.wire.messages.dead_letters import *  # noqa: F403
    from tsipc_client.wire.messages.definitions import *  # noqa: F403
    from tsipc_client.wire.messages.delivery import *  # noqa: F403
    from tsipc_client.wire.messages.events import *  # noqa: F403
    from tsipc_client.wire.messages.limits import *  # noqa: F403
    from tsipc_client.wire.messages.listening import *  # noqa: F403
    from tsipc_client.wire.messages.runs import *  # noqa: F403
    from tsipc_client.wire.messages.schedules import *  # noqa: F403
    from tsipc_client.wire.messages.sending import *  # noqa: F403
    from tsipc_client.wire.messages.sessions import *  # noqa: F403
    from tsipc_client.wire.messages.table import *  # noqa: F403
    from tsipc_client.wire.messages.waiting import *  # noqa: F403
    from tsipc_client.wire.messages.words import *  # noqa: F403
    from tsipc_client.wire.messages.workflows import *  # noqa: F403

FAMILIES = {
    "limits": ("WIRE_VERSION", "MAX_FRAME_BYTES", "MAX_BODY_BYTES", "MAX_NAME_BYTES"),
    "words": (
        "MessageType", "Action", "Status", "Decision", "Priority", "Milestone", "RunStatus", "StepResult",
    ),
    "sending": ("Send", "Sent"),
    "delivery": (
        "Queue", "Queued", "MessageView", "Show", "Shown", "Change", "Cancel", "Cancelled",
        "Resolve", "Resolved",
    ),
    "waiting": ("Wait", "Waited"),
    "asking": ("Reply", "Replied", "Inbox", "InboxList", "QuestionView"),
    "dead_letters": ("Retry", "Purge", "Purged"),
    "events": (
        "Subscribe", "Unsubscribe", "Subscribed", "Publish", "Published", "Fanout", "Subscriptions",
        "Subscription", "SubscriptionTable", "Events", "LogLines",
    ),
    "listening": ("Listen", "Heard", "EventView"),
    "workflows": (
        "Workflow", "Step", "Saved", "FaultView", "Validate", "Validated", "Pipeline", "PipelineSaved",
    ),
    "definitions": (
        "Workflows", "WorkflowView", "WorkflowList", "Rm", "Removed", "Graph", "NodeView", "GraphView",
    ),
    "runs": ("Run", "Given", "Progress", "StepView", "RunEnded", "Runs", "RunView", "RunList"),
    "control": (
        "Pause", "Resume", "Approve", "Reject", "RunNow", "Rerun", "Watch", "Explain", "Explained",
        "NeedView", "PartView", "AttemptView",
    ),
    "schedules": ("Schedule", "ScheduleView", "EventTriggerView", "ScheduleList"),
    "sessions": ("Sessions", "SessionView", "SessionList"),
    "daemon": (
        "Hello", "Welcome", "DaemonStatus", "StatusReport", "PausedEvent", "Stop", "Stopping", "ErrorBody",
    ),
    "table": ("Request", "Result", "REQUESTS", "RESULTS"),
}  # fmt: skip
"""The names of this package, by the module that each is in."""

_HOMES = {name: family for family, names in FAMILIES.items() for name in names}


if not TYPE_CHECKING:  # or a type checker would find every name here

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value  # the next use does not come here again
        return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
