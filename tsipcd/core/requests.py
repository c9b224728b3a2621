"""What each request does: check it against the state, record facts, ask for effects, answer.

The wire has already checked types, lengths and characters; here stand the rules that need the state or the
world. Every refusal is raised as a `WireError` and answered by the machine.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import Final

import msgspec

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import (
    Action,
    Cancel,
    Cancelled,
    Fanout,
    MessageType,
    Pipeline,
    Publish,
    Published,
    Send,
    Status,
    Step,
    Subscribe,
    Subscribed,
    Subscription,
    Unsubscribe,
    Workflow,
)
from tsipc_client.wire.text import is_safe
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.answers import sent
from tsipcd.core.asking import asked, check_ask, shown
from tsipcd.core.bounds import Bounds
from tsipcd.core.captures import ask_to_stop, check_capture, is_stoppable
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.delivery import WAITING
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.later import Later, due_of, reason_of
from tsipcd.core.loops import Loops
from tsipcd.core.names import PREFIX, Absent, Found, World, absent_reason
from tsipcd.core.records import Remembered
from tsipcd.core.runs.control import Control
from tsipcd.core.state import State
from tsipcd.core.triggers.starting import Triggers
from tsipcd.core.turn import Turn

PIPELINE_EVENT: Final = "deployment"

TYPEABLE: Final = frozenset("\t\n")
"""Control characters that a command may hold without `raw`."""


class Requests:
    """The verbs that change something."""

    def __init__(
        self,
        state: State,
        world: World,
        deliveries: Deliveries,
        runs: Control,
        *,
        loops: Loops,
        bounds: Bounds,
        later: Later,
        triggers: Triggers,
        ttl_s: float,
        only_observed: bool = False,
    ) -> None:
        self._state = state
        self._world = world
        self._deliveries = deliveries
        self._runs = runs
        self._loops = loops
        self._bounds = bounds
        self._later = later
        self._triggers = triggers
        self._ttl_s = ttl_s
        self._only_observed = only_observed
        self.subscriptions: tuple[Subscription, ...] = ()
        """The table, as its file holds it."""
        self._indexed: tuple[Subscription, ...] = ()
        self._by_event: dict[str, tuple[tuple[str, Action], ...]] = {}
        """Who gets which event, according to the table `_indexed`."""

    def send(self, turn: Turn, call: i.Call, caller: i.Caller, request: Send) -> None:
        """Accept one message."""
        digest = _digest(request) if request.key else b""
        if (answer := self.remembered(request.key, digest)) is not None and answer.sent is not None:
            turn.ask(e.Reply(call, answer.sent))
            return
        if request.type is MessageType.COMMAND and (fault := command_fault(request.message, raw=request.raw)):
            raise BadInput(ErrorCode.BAD_PARAMS, fault, hint="raw lets control characters through")
        if request.secret and request.type is MessageType.NOTIFICATION:
            raise BadInput(
                ErrorCode.BAD_PARAMS,
                "a notification cannot be secret: whoever is attached sees it, and tmux logs it",
                hint="secret is for commands and data",
            )
        found = self._world.resolve(request.target, self._state.names, caller.session)
        if request.capture:
            check_capture(request, found, caller)
        target, held, pane = found.name, "", None
        if isinstance(found, Absent):
            if request.type is not MessageType.DATA:
                held = absent_reason(target)
        elif request.type is MessageType.DATA:
            target = found.place.session
        elif found.pinned:
            pane = found.pane
        self._bounds.check((target,))
        due = due_of(request, turn.now)
        if due is not None:
            held = reason_of(due)
        number = self._state.last_message + 1
        source, text = self._sender(request.source, caller), request.message
        if request.ask:
            check_ask(request)
            text = shown(source, text, number)
        ttl_s = self._ttl_s if request.ttl_s is None else request.ttl_s
        turn.record(
            f.MessageAccepted(
                turn.now, number, source, target, request.type, text,
                (turn.now if due is None else due.at) + ttl_s,
                observed=caller.session, now=request.now, raw=request.raw, key=request.key, digest=digest,
                held=held, pane=pane, depth=self._loops.depth_of(turn.now, caller), secret=request.secret,
                capture=request.capture, due=due, priority=request.priority,
            )
        )  # fmt: skip
        message = self._state.messages[number]
        if request.ask:
            asked(turn, message, found, request.message)
        turn.ask(e.Reply(call, sent(message, held)))
        if due is None:
            self._deliveries.enter(turn, message, found)
        else:
            self._later.hold(message)

    def publish(self, turn: Turn, call: i.Call, caller: i.Caller, request: Publish) -> None:
        """Record an event with its subscribers, and start on each one's message."""
        digest = _digest(request) if request.key else b""
        if (answer := self.remembered(request.key, digest)) is not None and answer.published is not None:
            turn.ask(e.Reply(call, answer.published))
            return
        subscribers, source = self._subscribers(request.event), self._sender(request.source, caller)
        answering = self._triggers.answering(request.event, source, request.data)
        self._bounds.check([session for session, _ in subscribers])
        try:
            depth = self._loops.admit(turn, caller, request, subscribers, starts=len(answering.workflows))
        except Refused:
            self._deliver_notices(turn)
            raise
        first = self._state.last_message + 1
        turn.record(
            f.EventPublished(
                turn.now, first, source, request.event, request.data,
                turn.now + self._ttl_s, subscribers, caller.session, request.key, digest,
                depth, self._state.triggers.last_due + 1 if answering.workflows else 0, answering.workflows,
            )
        )  # fmt: skip
        fanout = tuple(
            Fanout(session=session, action=action, id=f"msg-{number}")
            for number, (session, action) in enumerate(subscribers, first)
        )
        turn.ask(e.Reply(call, Published(event=request.event, subscribers=fanout)))
        for number in range(first, first + len(subscribers)):
            message = self._state.messages[number]
            fault = command_fault(message.body) if message.type is MessageType.COMMAND else ""
            if fault:
                self._deliveries.fail(turn, message, fault)
            else:
                self._deliveries.enter(turn, message, self._place(message.target))
        self._triggers.published(turn, answering)

    def subscribe(self, turn: Turn, call: i.Call, request: Subscribe) -> None:
        """Add or replace one row of the table; the file is the truth and is written before the answer."""
        row = Subscription(session=request.session, event=request.event, action=request.action)
        answer = self._subscribe(turn, row)
        turn.ask(e.StoreSubscriptions(self.subscriptions, (e.Reply(call, answer),)))

    def unsubscribe(self, turn: Turn, call: i.Call, request: Unsubscribe) -> None:
        """Take one row out of the table."""
        kept = tuple(
            s for s in self.subscriptions if (s.session, s.event) != (request.session, request.event)
        )
        changed = kept != self.subscriptions
        answer = Subscribed(session=request.session, event=request.event, action=None, changed=changed)
        if not changed:
            turn.ask(e.Reply(call, answer))
            return
        self.subscriptions = kept
        turn.record(f.Unsubscribed(turn.now, request.session, request.event))
        turn.ask(e.StoreSubscriptions(kept, (e.Reply(call, answer),)))

    def workflow(self, turn: Turn, call: i.Call, request: Workflow) -> None:
        """Replace a workflow's file."""
        if request.text:
            if request.steps:
                raise BadInput(ErrorCode.BAD_PARAMS, "give either steps or a text")
            turn.ask(e.StoreWorkflow(call, request.name, (), text=request.text, file=request.file))
            return
        if not request.steps:
            raise BadInput(
                ErrorCode.BAD_PARAMS, "a workflow needs at least one step", hint="a step is SESSION:COMMAND"
            )
        for index, step in enumerate(request.steps, 1):
            if fault := command_fault(step.command):
                raise BadInput(ErrorCode.BAD_PARAMS, f"step {index}: {fault}")
        turn.ask(e.StoreWorkflow(call, request.name, request.steps))

    def pipeline(self, turn: Turn, call: i.Call, request: Pipeline) -> None:
        """The subscription and the four-step workflow that deploy from one session to another."""
        source, target = request.source, request.target
        row = Subscription(session=target, event=PIPELINE_EVENT, action=Action.NOTIFY)
        kept = next((s for s in self.subscriptions if (s.session, s.event) == (target, PIPELINE_EVENT)), None)
        answer = self._subscribe(turn, kept or row)
        turn.ask(
            e.StoreWorkflow(
                call,
                f"deploy-{source.removeprefix(PREFIX)}-to-{target.removeprefix(PREFIX)}",
                (
                    Step(session=source, command="npm run build"),
                    Step(session=source, command="npm test"),
                    Step(session=target, command="docker-compose pull"),
                    Step(session=target, command="docker-compose up -d"),
                ),
                answer,
                self.subscriptions,
            )
        )

    def cancel(self, turn: Turn, call: i.Call, caller: i.Caller, request: Cancel) -> None:
        """End a run, or take back a message that has not been typed."""
        kind, _, digits = request.id.rpartition("-")
        number = number_in(digits)
        if kind == "run":
            self._runs.cancel(turn, call, caller, request.id)
            return
        message = self._state.messages.get(number)
        if message is None or kind not in ("msg", ""):
            raise unknown_id(request.id)
        if message.status is Status.IN_DOUBT:
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{message.id} is in doubt: it may have been typed, and cannot be taken back",
                hint=f"leave it: ts-ipc resolve {message.id} --drop",
            )
        if is_stoppable(message):
            turn.ask(e.Reply(call, ask_to_stop(turn, message, caller)))
            return
        if message.status not in WAITING:
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{message.id} is {message.status}: it is too late to take it back",
                hint=f"end its run: ts-ipc cancel run-{message.run}"
                if message.run and message.status is Status.STARTED
                else "a running command is stopped in its own pane, with Ctrl-C",
            )
        self._deliveries.cancel(turn, message)
        turn.ask(e.Reply(call, Cancelled(id=request.id, status=Status.CANCELLED)))

    def _subscribers(self, event: str) -> tuple[tuple[str, Action], ...]:
        """Who gets `event`, in the table's order."""
        if self._indexed is not self.subscriptions:
            rows: defaultdict[str, list[tuple[str, Action]]] = defaultdict(list)
            for row in self.subscriptions:
                rows[row.event].append((row.session, row.action))
            self._by_event = {name: tuple(pairs) for name, pairs in rows.items()}
            self._indexed = self.subscriptions
        return self._by_event.get(event, ())

    def _subscribe(self, turn: Turn, row: Subscription) -> Subscribed:
        changed = row not in self.subscriptions
        if changed:
            pair = (row.session, row.event)
            if any((s.session, s.event) == pair for s in self.subscriptions):
                self.subscriptions = tuple(
                    row if (s.session, s.event) == pair else s for s in self.subscriptions
                )
            else:
                self.subscriptions = (*self.subscriptions, row)
            turn.record(f.Subscribed(turn.now, row.session, row.event, row.action))
        return Subscribed(session=row.session, event=row.event, action=row.action, changed=changed)

    def _deliver_notices(self, turn: Turn) -> None:
        """Start on the notifications of a pause that this turn began."""
        for fact in turn.facts:
            if isinstance(fact, f.EventPaused):
                for number in range(fact.first, fact.first + len(fact.told)):
                    message = self._state.messages[number]
                    self._deliveries.enter(turn, message, self._place(message.target))

    def _place(self, target: str) -> Found | Absent:
        return self._world.place_of(target) or Absent(target)

    def _sender(self, source: str, caller: i.Caller) -> str:
        """`.` as a sender is the caller's own session too. The setting may forbid to be another."""
        if source != ".":
            if self._only_observed and source != caller.session:
                seen = f"comes from {caller.session}" if caller.session else "comes from no session"
                raise Refused(
                    ErrorCode.NOT_ALLOWED,
                    f"this {seen}, not from {source}: [delivery] sender lets nobody be another",
                    hint="inside a session `.` as the sender is that session",
                )
            return source
        if not caller.session:
            raise BadInput(ErrorCode.BAD_PARAMS, "'.' means the session you are in, and this is none")
        return caller.session

    def remembered(self, key: str, digest: bytes) -> Remembered | None:
        """What `key` was used for; None: nothing. Raises `Refused` if that was another request."""
        answer = self._state.keys.get(key) if key else None
        if answer is not None and answer.digest != digest:
            raise Refused(
                ErrorCode.KEY_REUSED,
                "this key was used for another request",
                hint="use a new key for a new request",
            )
        return answer


def command_fault(text: str, *, raw: bool = False) -> str:
    """Why `text` cannot be typed as a command; empty if it can."""
    if not text.strip():
        return "there is no command to run"
    if not raw and not text.isprintable():
        for char in text:
            if not is_safe(char) and char not in TYPEABLE and ord(char) < 0xA0:  # noqa: PLR2004 - C0 and C1
                return f"the command holds the control character {char.encode('unicode_escape').decode()}"
    return ""


def _digest(request: Send | Publish) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(replace(request, key="")), digest_size=8).digest()
