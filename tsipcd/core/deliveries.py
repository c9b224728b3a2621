"""Getting each message to its place: the life between `accepted` and its end, for all three types.

A command joins the lane of its pane; the head of a lane is inspected, intended, typed. A notification is
shown at once, or when somebody attaches. Data is stored, one write at a time for each session. What has no
place now waits in `absent` until a server is seen. A step stays in its lane until it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tsipc_client.wire.messages import MessageType, Status
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.absentees import Absentees
from tsipcd.core.delivery import WAITING
from tsipcd.core.expiry import Expiry
from tsipcd.core.lanes import Lanes
from tsipcd.core.names import Absent, Found, World
from tsipcd.core.records import Message
from tsipcd.core.runs.orders import start_step
from tsipcd.core.state import State
from tsipcd.core.submissions import Submissions
from tsipcd.core.topology import PanePin, Place, ServerId, Session
from tsipcd.core.turn import Turn
from tsipcd.core.unseen import Unseen

PANE_GONE: Final = "the pane is gone"
PANE_ENDED: Final = "the pane ended before its answer came"


class Deliveries:
    """The volatile side of delivery; everything here is rebuilt from the state at start."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._lanes: Lanes[PanePin] = Lanes()
        self._files: Lanes[str] = Lanes()
        """Data, by the session whose file it replaces."""
        self._absent = Absentees(self._waiting)
        self._unseen = Unseen(self._waiting)
        self._submissions = Submissions()
        self.expiry = Expiry()
        self.draining = False

    # ── entering ──────────────────────────────────────────────────────────────────────────────────────────

    def enter(self, turn: Turn, message: Message, found: Found | Absent) -> None:
        """Start on a message that was just accepted; `found` is where its target leads."""
        self.expiry.watch(message.number, message.expires_at)
        if message.type is MessageType.DATA:
            self._store(turn, message)
        elif isinstance(found, Found) and (found.pinned or self._absent.first(message.target) is None):
            self._dispatch(turn, message, found)
        elif message.status is Status.HELD:
            self._absent.add(message)
        else:
            self._miss(turn, message)

    def restore(self, turn: Turn) -> None:
        """Take up everything the state left unfinished. Places become known as servers are seen."""
        for number in sorted(self._state.messages):
            message = self._state.messages[number]
            if message.status in WAITING and number not in self._state.later:
                self.expiry.watch(number, message.expires_at)
                if message.type is MessageType.DATA:
                    self._store(turn, message)
                else:
                    self._absent.add(message)
            elif message.pin is not None and message.status in (Status.INTENT, Status.STARTED):
                self._lanes.join(number, message.pin)
                if message.status is Status.INTENT:
                    self._submissions.restore(number, message.pin.server)
                else:
                    turn.ask(e.AdoptStep(number, message.pin, *message.script))

    # ── what the world answers ────────────────────────────────────────────────────────────────────────────

    def inspected(self, turn: Turn, answer: i.Inspected) -> None:
        """The gate has looked at the pane of the message at the head of a lane."""
        message = self._waiting(answer.number)
        if message is None or self._lanes.head_of(answer.number) != answer.number or self.draining:
            return
        if answer.verdict is i.Verdict.WAIT:
            self._hold(turn, message, answer.reason)
        elif answer.verdict is i.Verdict.GONE or answer.pin is None:
            found, here = self._find(message), self._lanes.key_of(message.number)
            if found is not None and found.pane == here and answer.place not in (None, found.place):
                # What was looked for is not what is there now.
                self._inspect(turn, message, found)
            else:
                self._relocate(turn, message)
        elif answer.pin != self._lanes.key_of(message.number):
            # The session's active pane is another one now: that pane's queue decides when.
            self._advance(turn, message.number)
            if self._join(turn, message, answer.pin):
                self._inspect(turn, message)
        else:
            self._intend(turn, message, answer.pin, answer.shell)

    def typed(self, turn: Turn, answer: i.Typed) -> None:
        """A submission of the guarded list has an outcome."""
        message = self._state.messages.get(answer.number)
        if message is None or message.status is not Status.INTENT or message.course.attempt != answer.attempt:
            return
        match answer.outcome:
            case i.Outcome.TYPED | i.Outcome.ALREADY:
                if message.is_step:
                    self._submissions.settle(message.number)
                    turn.record(f.StepStarted(turn.now, message.number))
                else:
                    pane = message.pin.pane if message.pin is not None else ""
                    self._end(turn, f.MessageDelivered(turn.now, message.number, pane))
            case i.Outcome.REFUSED:
                self._refused(turn, message, answer.reason or "the pane was not ready")
            case i.Outcome.GONE if self._submissions.is_first(message.number):
                self._submissions.settle(message.number)
                turn.record(f.MessageHeld(turn.now, message.number, answer.reason or PANE_GONE))
                self._relocate(turn, message)
            case i.Outcome.GONE:
                self.doubt(turn, message)
            case i.Outcome.UNKNOWN if message.pin and self._world.place_of_pane(message.pin):
                self._submissions.leave_open(message.number, message.pin.server)
            case i.Outcome.UNKNOWN:
                # That its pane ended was told before: nothing more will be.
                self.doubt(turn, message)
        # Those behind it may have left its pane already, and waited for what became of it.
        self._release(turn, message.target)

    def shown(self, turn: Turn, answer: i.TextShown) -> None:
        """A notification was shown, or nobody was there."""
        if (message := self._waiting(answer.number)) is None:
            return
        if answer.clients:
            plural = "" if answer.clients == 1 else "s"
            self._end(turn, f.MessageDelivered(turn.now, message.number, f"{answer.clients} client{plural}"))
            return
        if (found := self._find(message)) is None:
            self._miss(turn, message)
        else:
            self._wait_for_client(turn, message, found.place, answer.reason)

    def stored(self, turn: Turn, answer: i.DataStored) -> None:
        """`SESSION.data` was replaced, or could not be."""
        message = self._waiting(answer.number)
        if message is not None:
            if answer.error:
                self._end(turn, f.MessageFailed(turn.now, answer.number, answer.error))
            else:
                self._end(turn, f.MessageDelivered(turn.now, answer.number, f"{message.target}.data"))

    def step_ended(self, turn: Turn, answer: i.StepEnded) -> None:
        """A step's command ended, with or without a status."""
        message = self._state.messages.get(answer.number)
        if message is None or message.status is not Status.STARTED:
            return
        number, code = answer.number, answer.exit_code
        if code is None:
            self._end(turn, f.MessageFailed(turn.now, number, answer.reason))
        else:
            self._end(turn, f.StepFinished(turn.now, number, code, answer.outputs, answer.fault))

    def server_seen(self, turn: Turn, server: ServerId) -> None:
        """The world now holds what this server has: settle, resubmit, dispatch what waited for it."""
        sessions = self._world.servers.get(server.socket, ())
        self._settle(turn, server.socket, server, sessions)
        for session in sessions:
            if session.attached:
                for message in self._unseen.take(server, session.id):
                    self._show(turn, message, Place(server, session.id, session.name))

    def server_gone(self, turn: Turn, socket: str) -> None:
        """The server at this socket exited, with all its panes."""
        self._settle(turn, socket, None, ())

    def looked(self, turn: Turn) -> None:
        """Everything that can be seen now was seen: what is absent is so, whatever it waited for before."""
        for target in self._absent.targets():
            if (message := self._absent.first(target)) is not None:
                self._hold(turn, message, self._world.why_absent(message.target))

    # ── leaving ───────────────────────────────────────────────────────────────────────────────────────────

    def cancel(self, turn: Turn, message: Message) -> None:
        """Take back a message that waits."""
        self._end(turn, f.MessageCancelled(turn.now, message.number))

    def fail(self, turn: Turn, message: Message, reason: str) -> None:
        """Give up a message that waits."""
        self._end(turn, f.MessageFailed(turn.now, message.number, reason))

    def doubt(self, turn: Turn, message: Message, reason: str = PANE_ENDED) -> None:
        """Nobody can know whether it was typed: it waits for a person."""
        self._end(turn, f.MessageDoubted(turn.now, message.number, reason))

    def expire(self, turn: Turn) -> None:
        """End every waiting message whose time is over."""
        for number in self.expiry.take_due(turn.now):
            message = self._waiting(number)
            # One that was begun anew has a later deadline, and is watched for that as well.
            if message is not None and message.expires_at <= turn.now:
                self._end(turn, f.MessageExpired(turn.now, number))

    @property
    def is_typing(self) -> bool:
        """Whether a submission was handed to tmux and its outcome is expected soon."""
        return self._submissions.is_expecting

    def is_first_submission(self, number: int) -> bool:
        """Whether nothing that was handed to tmux before can have typed the message's current attempt."""
        return self._submissions.is_first(number) and not self._submissions.may_be_stale(number)

    def waits_behind(self, number: int) -> int | None:
        """The message in work for the same pane or file, if it is another one."""
        head = self._lanes.head_of(number) or self._files.head_of(number)
        if head is None and (message := self._waiting(number)) is not None:
            first = self._absent.first(message.pane or message.target)
            head = first.number if first is not None else None
        return head if head != number else None

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _waiting(self, number: int) -> Message | None:
        message = self._state.messages.get(number)
        return message if message is not None and message.status in WAITING else None

    def _find(self, message: Message) -> Found | None:
        """Where it leads now; None: nowhere, or to several places."""
        if message.pane is not None:
            return self._world.place_of_pane(message.pane)
        return self._world.place_of(message.target)

    def _dispatch(self, turn: Turn, message: Message, found: Found) -> None:
        if message.type is MessageType.NOTIFICATION:
            if self._world.is_attached(found.place):
                self._show(turn, message, found.place)
            else:
                self._wait_for_client(turn, message, found.place)
        elif found.pane is None:
            self._miss(turn, message)
        elif self._join(turn, message, found.pane):
            self._inspect(turn, message, found)
        elif message.is_step:
            # Whoever waits for it sees why nothing happens; other messages are shown as `behind msg-N`.
            self._hold(turn, message, "others come before it in this pane")

    def _join(self, turn: Turn, message: Message, pane: PanePin) -> bool:
        """Queue it; whether it is the head of its lane. A head that only waits makes way for higher ranks."""
        head = self._lanes.head(pane)
        behind = head is not None and self._waiting(head) is None
        leads = self._lanes.join(message.number, pane, message.rank, behind=behind)
        if leads and head is not None:
            turn.ask(e.Forget(head))
        return leads

    def _inspect(self, turn: Turn, message: Message, found: Found | None = None) -> None:
        found = found or self._find(message)
        if found is not None:
            now = message.envelope.now
            turn.ask(e.Inspect(message.number, found.place, now, message.is_step, message.line_bytes))
        else:
            self._relocate(turn, message)

    def _show(self, turn: Turn, message: Message, place: Place) -> None:
        turn.ask(e.ShowText(message.number, place, message.body))

    def _wait_for_client(self, turn: Turn, message: Message, place: Place, reason: str = "") -> None:
        self._unseen.add(message, place)
        self._hold(turn, message, reason or f"nobody is attached to {place.session}")

    def _store(self, turn: Turn, message: Message) -> None:
        if self._files.join(message.number, message.target):
            self._write(turn, message)

    def _write(self, turn: Turn, message: Message) -> None:
        turn.ask(e.StoreData(message.number, message.target, message.body))

    def _intend(self, turn: Turn, message: Message, pin: PanePin, shell: str) -> None:
        # While an old submission may still come out of a stopped server's buffer, the same attempt is used
        # again: the pane's marker lets only one of them type.
        stale = self._submissions.may_be_stale(message.number) and pin == message.pin
        attempt = message.course.attempt if stale else self._state.last_attempt + 1
        turn.record(f.TypingIntended(turn.now, message.number, attempt, pin, shell))
        self._submit(turn, message, pin)

    def _submit(self, turn: Turn, message: Message, pin: PanePin) -> None:
        attempt, shell = message.course.attempt, message.course.shell
        self._submissions.hand_in(message.number)
        if message.is_step:
            turn.ask(start_step(self._state, message, attempt, pin, shell))
        else:
            turn.ask(e.TypeKeys(message.number, attempt, pin, message.body, shell))

    def _refused(self, turn: Turn, message: Message, reason: str) -> None:
        is_hopeless = self._submissions.refuse(message.number)
        turn.record(f.MessageHeld(turn.now, message.number, reason))
        self.expiry.watch(message.number, message.expires_at)
        if is_hopeless:
            self._end(turn, f.MessageFailed(turn.now, message.number, f"refused again and again: {reason}"))
        else:
            self._inspect(turn, message)

    def _relocate(self, turn: Turn, message: Message) -> None:
        """Its pane is not there any more: find its target anew, or wait for it."""
        here = self._lanes.key_of(message.number)
        self._submissions.leave_pane(message.number)
        behind = self._lanes.leave(message.number)
        found = self._find(message)
        # The same pane again would be asked again, and again: wait until its server is listed anew.
        if found is not None and found.pane is not None and found.pane != here:
            self._dispatch(turn, message, found)
        else:
            self._miss(turn, message, here)
        self._start(turn, behind)

    def _miss(self, turn: Turn, message: Message, left: PanePin | None = None) -> None:
        if message.pane is not None:
            self._end(turn, f.MessageFailed(turn.now, message.number, PANE_GONE))
            return
        self._absent.add(message, left)
        self._hold(turn, message, self._world.why_absent(message.target))

    def _hold(self, turn: Turn, message: Message, reason: str) -> None:
        if message.status is not Status.HELD or message.reason != reason:
            turn.record(f.MessageHeld(turn.now, message.number, reason))

    def _end(self, turn: Turn, fact: f.Leaving) -> None:
        """Record the fact after which nothing is done for a message, and let the next one of its lane go."""
        number = fact.number
        was_watched = self._waiting(number) is not None and self._lanes.head_of(number) == number
        turn.record(fact)
        self._submissions.forget(number)
        if was_watched:
            turn.ask(e.Forget(number))
        self._advance(turn, number)
        behind = self._files.leave(number)
        if behind is not None:
            self._write(turn, self._state.messages[behind])

    def _advance(self, turn: Turn, number: int) -> None:
        """Take `number` out of its pane's lane and start on the one behind it."""
        self._start(turn, self._lanes.leave(number))

    def _start(self, turn: Turn, head: int | None) -> None:
        """Start on `head`, or on the first behind it that has a place."""
        while head is not None and not self.draining:
            if (message := self._waiting(head)) is None:
                return
            if (found := self._find(message)) is not None:
                self._inspect(turn, message, found)
                return
            # In a loop: a lane may be long, and its pane and session gone.
            head = self._lanes.leave(head)
            self._miss(turn, message)

    def _settle(self, turn: Turn, socket: str, server: ServerId | None, all_: Sequence[Session]) -> None:
        """All panes and sessions at `socket` are known: go on with what they mean."""
        live = {pane.pin for session in all_ for pane in session.panes}
        self._resolve_doubts(turn, socket, live, server)
        self._leave_dead_panes(turn, socket, live)
        for target in self._absent.targets():
            self._release(turn, target, socket)
        for message in self._unseen.take_gone(socket, {(session.server, session.id) for session in all_}):
            self._miss(turn, message)

    def _resolve_doubts(self, turn: Turn, socket: str, live: set[PanePin], server: ServerId | None) -> None:
        """Submit again what may have been typed, if its pane lives: the marker knows. Else: in doubt."""
        for number in self._submissions.unresolved_at(socket):
            message = self._state.messages[number]
            if message.pin is not None and message.pin.server == server and message.pin in live:
                self._submit(turn, message, message.pin)
            else:
                self.doubt(turn, message)

    def _leave_dead_panes(self, turn: Turn, socket: str, live: set[PanePin]) -> None:
        for pin in self._lanes.keys():  # noqa: SIM118 - a list, taken before it changes
            if pin.server.socket != socket or pin in live:
                continue
            for number in self._lanes.members(pin):
                message = self._waiting(number)
                # Those behind one that left may have left with it.
                if message is not None and self._lanes.key_of(number) == pin:
                    turn.ask(e.Forget(number))
                    self._relocate(turn, message)

    def _release(self, turn: Turn, target: str | PanePin, socket: str = "") -> None:
        first = self._absent.first(target)
        if first is None or self._submissions.is_open_before(first, self._state.messages):
            return
        found = self._find(first)
        if found is not None:
            if not self._absent.is_still_at(found.pane, first, socket):
                for message in self._absent.take(target):
                    self._dispatch(turn, message, found)
        elif isinstance(target, PanePin) and target.server.socket == socket:
            for message in self._absent.take(target):
                self.fail(turn, message, PANE_GONE)
