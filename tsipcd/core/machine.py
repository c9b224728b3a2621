"""The core's one door: `handle(input, now)` gives the facts to make durable and the effects to carry out.

Facts are already applied to the state when they are returned. The caller makes them durable, in order, and
only then carries out the effects, in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, ErrorCode, Refused, WireError
from tsipcd.core import clock, listings
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.asking import Asking
from tsipcd.core.bounds import Bounds, Caps
from tsipcd.core.captures import Captures
from tsipcd.core.dead_letters import DeadLetters
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.doubts import Doubts
from tsipcd.core.expiry import Expiry
from tsipcd.core.ids import number_in, unknown_id
from tsipcd.core.later import Later
from tsipcd.core.loops import Limits, Loops
from tsipcd.core.names import World
from tsipcd.core.outrun import Outrun
from tsipcd.core.requests import Requests
from tsipcd.core.runs.control import Control
from tsipcd.core.runs.engine import Engine
from tsipcd.core.runs.requests import RunRequests
from tsipcd.core.runs.watching import Watching
from tsipcd.core.state import State
from tsipcd.core.topology import ServerId
from tsipcd.core.triggers.starting import Triggers
from tsipcd.core.turn import Turn
from tsipcd.core.waits import Waits

DEFAULT_TTL_S: Final = 24 * 3600.0

DEFAULT_LIMITS: Final = Limits()

NO_CAPS: Final = Caps()

_PLAIN: Final = (f.MessageAccepted, f.TypingIntended, f.MessageDelivered)

_CHANGING: Final = (
    m.Send, m.Retry, m.Reply, m.Publish, m.Subscribe, m.Unsubscribe, m.Workflow, m.Pipeline, m.Rerun
)  # fmt: skip
"""Requests that need room on disk and a daemon that goes on."""


class Machine:
    """Everything the daemon decides. One input at a time."""

    def __init__(
        self,
        state: State,
        ttl_s: float = DEFAULT_TTL_S,
        limits: Limits = DEFAULT_LIMITS,
        *,
        caps: Caps = NO_CAPS,
        redeliver_unasked: bool = False,
        only_observed: bool = False,
    ) -> None:
        self.state = state
        self.world = World()
        self._deliveries = Deliveries(state, self.world)
        self._outrun = Outrun(state, self._deliveries)
        self._doubts = Doubts(
            state, self.world, self._deliveries, ttl_s=ttl_s, redeliver_unasked=redeliver_unasked
        )
        self._captures = Captures(state, self._deliveries)
        self._later = Later(state, self.world, self._deliveries)
        self._waits = Waits(state)
        self._asking = Asking(state, self.world)
        self._watching = Watching(state)
        self._engine = Engine(state, self.world, self._deliveries, self._watching, ttl_s)
        self._loops = Loops(state, self.world, limits, ttl_s)
        self.bounds = Bounds(state, caps)
        self._runs = RunRequests(
            state, self.world, self._engine, self._watching, loops=self._loops, bounds=self.bounds
        )
        self._triggers = Triggers(state, self.world, self._runs)
        self._control = Control(state, self._engine, self._watching, self._runs)
        self._requests = Requests(
            state,
            self.world,
            self._deliveries,
            self._control,
            loops=self._loops,
            bounds=self.bounds,
            later=self._later,
            triggers=self._triggers,
            ttl_s=ttl_s,
            only_observed=only_observed,
        )
        self._dead_letters = DeadLetters(
            state, self.world, self._deliveries, self._requests, self._waits, ttl_s=ttl_s
        )
        self._labelled: tuple[str, ...] = ()
        self._storage_low = False
        self._draining = False

    def restore(self, now: float) -> tuple[list[f.Fact], list[e.Effect]]:
        """Once, after replay: what has to go on from where an earlier life stopped."""
        turn = Turn(self.state, now)
        if back_s := clock.set_back_s(self.state.last_at, now):
            self._set_clock(turn, back_s)
        for server in dict.fromkeys(self._bound_to()):
            turn.ask(e.Expect(server))
        self._deliveries.restore(turn)
        self._captures.restore(turn)
        self._later.restore()
        self._asking.restore()
        self._engine.restore(turn)
        self._triggers.restore(turn)
        self._engine.follow_along(turn)
        self.bounds.follow_along(turn)
        return turn.facts, turn.effects

    def handle(self, event: i.Input, now: float) -> tuple[list[f.Fact], list[e.Effect]]:
        """Decide about one input. `now` in seconds since the epoch. Never raises for any input."""
        turn = Turn(self.state, now)
        match event:
            case i.Asked():
                self._ask(turn, event)
            case i.RunAsked():
                self._run(turn, event)
            case i.TriggersRead() | i.DueRead():
                self._triggers.take(turn, event)
            case i.PeerGone():
                self._forget(event.peer)
            case i.SubscriptionsRead():
                self._requests.subscriptions = event.table
                self._know()
            case i.NamesRead():
                self.world.aliases = event.aliases
                self._labelled = event.labelled
                self._know()
            case i.ServerSeen():
                self._see(turn, event)
            case i.ServerGone():
                self.world.put(event.socket, ())
                self._deliveries.server_gone(turn, event.socket)
            case i.Looked():
                self._look(turn, event)
            case i.Inspected():
                self._deliveries.inspected(turn, event)
            case i.Typed():
                self._deliveries.typed(turn, self._outrun.checked(turn, event))
            case i.TextShown():
                self._deliveries.shown(turn, event)
            case i.DataStored():
                self._deliveries.stored(turn, event)
            case i.StepEnded():
                self._deliveries.step_ended(turn, event)
            case i.StepPrinted():
                self._watching.printed(turn, event)
            case i.Ticked():
                self._expire(turn)
            case i.ClockSet():
                self._set_clock(turn, event.by_s)
            case i.StorageChanged():
                self._set_open(turn, storage_low=event.low)
            case i.MemoryChanged():
                self.bounds.memory_low = event.low
            case i.DrainAsked():
                self._set_open(turn, draining=True)
            case _:
                assert_never(event)
        self._follow_along(turn)
        return turn.facts, turn.effects

    @property
    def next_deadline(self) -> float | None:
        """When the core wants a `Ticked`, in seconds since the epoch; None: never."""
        timers = (self._deliveries.expiry, self._later, self._engine, self._triggers, self._asking)
        deadlines = (timer.next_deadline for timer in timers)
        return min((at for at in deadlines if at is not None), default=None)

    @property
    def has_work(self) -> bool:
        """Whether something waits for tmux: stay connected."""
        return self.state.under_way > len(self.state.later)

    @property
    def is_typing(self) -> bool:
        """Whether a submission's outcome is expected any moment: a drain waits for it."""
        return self._deliveries.is_typing

    @property
    def storage_low(self) -> bool:
        """Whether new work is refused for lack of room."""
        return self._storage_low

    def paused(self, now: float) -> tuple[m.PausedEvent, ...]:
        """The events that are refused now."""
        return self._loops.paused(now)

    def view(self, number: int) -> m.MessageView | None:
        """A message as its file shows it; None: not listed any more."""
        message = self.state.messages.get(number)
        if message is None:
            return None
        return listings.message_view(message, behind=self._deliveries.waits_behind(number))

    def _bound_to(self) -> Iterator[ServerId]:
        """The server of each pane that something unfinished was typed into, or is for."""
        for message in self.state.messages.values():
            pin, pane = message.course.pin, message.envelope.pane
            # Of a million most have neither.
            if (pin is not None or pane is not None) and not message.has_ended:
                yield from (each.server for each in (pin, pane) if each is not None)

    def _expire(self, turn: Turn) -> None:
        self._deliveries.expire(turn)
        self._engine.expire(turn)
        self._asking.expire(turn)
        self._later.begin_due(turn)
        self._triggers.fire(turn)

    def _set_clock(self, turn: Turn, by_s: float) -> None:
        turn.record(f.ClockSet(turn.now, by_s))
        deadlines = ((x.number, x.expires_at) for x in self.state.messages.values() if not x.has_ended)
        self._deliveries.expiry = Expiry.of(deadlines)
        self._later.restore()
        self._triggers.clock_set(turn)
        self._asking.restore()

    def _ask(self, turn: Turn, asked: i.Asked) -> None:
        try:
            self._answer(turn, asked)
        except WireError as error:
            turn.ask(e.Fail(asked.call, error))

    def _run(self, turn: Turn, asked: i.RunAsked) -> None:
        try:
            self._check_open()
            self._runs.run(turn, asked, self._requests.remembered)
        except WireError as error:
            turn.ask(e.Fail(asked.call, error))

    def _answer(self, turn: Turn, asked: i.Asked) -> None:
        call, request = asked.call, asked.request
        if isinstance(request, _CHANGING):
            self._check_open()
        match request:
            case m.Send():
                self._requests.send(turn, call, asked.caller, request)
            case m.Publish():
                self._requests.publish(turn, call, asked.caller, request)
            case m.Subscribe():
                self._requests.subscribe(turn, call, request)
                self._know()
            case m.Unsubscribe():
                self._requests.unsubscribe(turn, call, request)
                self._know()
            case m.Workflow():
                self._requests.workflow(turn, call, request)
            case m.Validate() | m.Workflows() | m.Rm() | m.Graph():
                turn.ask(e.AskFiles(call, request))
            case m.Pipeline():
                self._requests.pipeline(turn, call, request)
                self._know()
            case m.Cancel():
                self._requests.cancel(turn, call, asked.caller, request)
            case (
                m.Runs()
                | m.Watch()
                | m.Explain()
                | m.Pause()
                | m.Resume()
                | m.Approve()
                | m.Reject()
                | m.Rerun()
            ):
                self._control.answer(turn, call, asked.caller, request, self._requests.remembered)
            case m.Resolve():
                self._doubts.resolve(turn, call, asked.caller, request)
            case m.Retry():
                self._dead_letters.retry(turn, call, asked.caller, request)
            case m.Purge():
                self._dead_letters.purge(turn, call, request)
            case m.Reply() | m.Inbox() | m.Wait(until=m.Milestone.ANSWERED):
                self._asking.take(turn, call, asked.caller, request)
            case m.Wait():
                self._waits.wait(turn, call, request)
            case m.Queue():
                turn.ask(e.Reply(call, listings.queued(self.state, self._deliveries, request)))
            case m.Show():
                turn.ask(e.Reply(call, self._show(request)))
            case m.Subscriptions():
                turn.ask(e.Reply(call, m.SubscriptionTable(subscriptions=self._requests.subscriptions)))
            case m.Schedule():
                turn.ask(e.Reply(call, self._triggers.listed()))
            case m.Sessions():
                turn.ask(e.Reply(call, listings.sessions(self.state, self.world)))
            case m.Hello() | m.Run() | m.Events() | m.DaemonStatus() | m.Stop() | m.Listen():
                raise BadInput(ErrorCode.INTERNAL, f"{request.METHOD} is not for the core")
            case _:
                assert_never(request)

    def _forget(self, peer: int) -> None:
        self._watching.forget_peer(peer)
        self._waits.forget_peer(peer)
        self._asking.forget_peer(peer)

    def _set_open(self, turn: Turn, *, storage_low: bool | None = None, draining: bool = False) -> None:
        """Whether new work may begin."""
        self._storage_low = self._storage_low if storage_low is None else storage_low
        self._draining = self._deliveries.draining = self._draining or draining
        self._triggers.set_open(turn, is_open=not (self._draining or self._storage_low))

    def _check_open(self) -> None:
        if self._draining:
            raise Refused(ErrorCode.STOPPING, "the daemon is stopping", hint="try again: a new one starts")
        if self._storage_low:
            raise Refused(
                ErrorCode.STORAGE_FULL,
                "no room to make it durable; nothing was accepted",
                hint="free space where ~/.config/ts/ipc lives; what was accepted before goes on",
            )

    def _follow_along(self, turn: Turn) -> None:
        """What follows from the facts of this turn."""
        if not all(map(self._is_plain, turn.facts)):
            self._doubts.follow_along(turn)
            self._captures.follow_along(turn)
            self._dead_letters.follow_along(turn)
            self._engine.follow_along(turn)
            self._waits.follow_along(turn)
            self._asking.follow_along(turn)
        self.bounds.follow_along(turn)

    def _is_plain(self, fact: f.Fact) -> bool:
        """Whether nothing follows from it: a message of no run, for which nobody waits, goes its way."""
        if not isinstance(fact, _PLAIN):
            return isinstance(fact, f.EventPublished)
        message = self.state.messages.get(fact.number)
        return message is not None and not message.run and not self._waits.is_waited_for(fact.number)

    def _see(self, turn: Turn, seen: i.ServerSeen) -> None:
        self.world.put(seen.server.socket, seen.sessions)
        for session in seen.sessions:
            if session.name not in self.state.names:
                turn.record(f.SessionSeen(turn.now, session.name))
        self._outrun.server_seen(turn, seen)
        self._deliveries.server_seen(turn, seen.server)

    def _look(self, turn: Turn, looked: i.Looked) -> None:
        self.world.silent = looked.silent
        self._deliveries.looked(turn)

    def _know(self) -> None:
        self.world.known = {s.session for s in self._requests.subscriptions}.union(self._labelled)

    def _show(self, request: m.Show) -> m.Shown:
        message = self.state.messages.get(number_in(request.id.removeprefix("msg-")))
        if message is None:
            raise unknown_id(request.id)
        return listings.shown(self._deliveries, message)
