"""What the state looks like to people and programs: pure views, for replies and for the files."""

from __future__ import annotations

import heapq
from collections import Counter
from itertools import islice
from operator import attrgetter

from tsipc_client.wire.messages import (
    Change,
    MessageView,
    Queue,
    Queued,
    SessionList,
    SessionView,
    Shown,
    Status,
)
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.names import World
from tsipcd.core.records import Message
from tsipcd.core.state import State

LISTED_CHARS = 200
"""A longer message is cut in a listing; `show` and the files have it whole."""

LISTED_REASONS = 20
OTHER_REASONS = "other reasons"

REPLY_BYTES = 900_000
"""A listing stops before it outgrows a frame."""


def message_view(message: Message, *, behind: int | None = None, chars: int | None = None) -> MessageView:
    """One message as it is listed; `behind` is the one it waits for, `chars` cuts its text."""
    reason = message.reason
    if not reason and behind is not None and message.status is Status.ACCEPTED:
        reason = f"behind msg-{behind}"
    secret_bytes = message.envelope.secret_bytes
    is_secret = secret_bytes is not None
    body = f"(secret, {secret_bytes:,} bytes)" if is_secret else message.body
    return MessageView(
        id=message.id,
        source=message.source,
        target=message.target,
        type=message.type,
        message=body if chars is None else body[:chars],
        size_bytes=len(body.encode()) if secret_bytes is None else secret_bytes,
        timestamp=message.accepted_at,
        status=message.status,
        reason=reason,
        observed=message.envelope.observed,
        event=message.envelope.event,
        run=f"run-{message.run}" if message.run else "",
        exit_code=message.course.exit_code,
        secret=is_secret,
    )


def queued(state: State, deliveries: Deliveries, request: Queue) -> Queued:
    """The last `limit` messages, oldest first."""
    views: list[MessageView] = []
    size = 0
    for number in _latest(state, request):
        view = message_view(
            state.messages[number], behind=deliveries.waits_behind(number), chars=LISTED_CHARS
        )
        # Names and reasons are bounded; four bytes a character is the worst that text can take.
        size += 4 * (len(view.message) + len(view.source) + len(view.target) + len(view.reason)) + 300
        if size > REPLY_BYTES:
            break
        views.append(view)
    return Queued(messages=tuple(reversed(views)), waiting=state.waiting)


def _latest(state: State, request: Queue) -> list[int]:
    """The numbers that are listed, the latest first; found without a look at all that wait."""
    if request.dead:
        dead = (number for number in state.ended if state.is_dead(state.messages[number]))
        return heapq.nlargest(request.limit, dead)
    # Those that wait stand in the order of their numbers, after a recovery too. Those that ended do not.
    waiting = (number for number in reversed(state.messages) if not state.messages[number].has_ended)
    last = list(islice(waiting, request.limit))
    return last if request.pending else heapq.nlargest(request.limit, (*last, *state.ended))


def shown(deliveries: Deliveries, message: Message) -> Shown:
    """One message's whole story."""
    pane = message.pin or message.pane
    return Shown(
        message=message_view(message, behind=deliveries.waits_behind(message.number)),
        story=(
            Change(at=message.accepted_at, status=Status.ACCEPTED),
            *(Change(at=at, status=status, detail=detail) for at, status, detail in message.story),
        ),
        expires_at=message.expires_at,
        pane=f"{pane.pane} on {pane.server.socket}" if pane is not None else "",
    )


def sessions(state: State, world: World) -> SessionList:
    """Every live session, by name."""
    # A million may wait: what runs for each of them is C.
    waiting = Counter(map(attrgetter("target"), state.messages.values()))
    waiting.subtract(state.messages[number].target for number in state.ended)
    pending: Counter[str] = Counter()
    for target, count in waiting.items():
        if (found := world.place_of(target)) is not None:
            pending[found.place.session] += count
    views = tuple(
        SessionView(
            name=session.name,
            server=session.server.socket,
            windows=session.windows,
            attached=session.attached,
            command=session.active_pane.command if session.active_pane else "",
            pending=pending[session.name],
            aliases=world.aliases_of(session.name),
        )
        for session in sorted(world.sessions, key=lambda s: (s.name, s.server.socket))
    )
    return SessionList(sessions=views, unreachable=world.silent)


def held_by_reason(state: State) -> dict[str, int]:
    """How many messages are held, by reason, the most frequent first."""
    all_reasons = Counter(map(attrgetter("status", "reason"), state.messages.values()))
    counted = Counter({reason: n for (status, reason), n in all_reasons.items() if status is Status.HELD})
    held = dict(counted.most_common(LISTED_REASONS))
    others = counted.total() - sum(held.values())
    return {**held, OTHER_REASONS: others} if others else held
