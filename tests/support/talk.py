"""A core with a small world, and the talk with it written as a transcript."""

from __future__ import annotations

from typing import TypeVar

from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.bounds import Caps
from tsipcd.core.loops import Limits
from tsipcd.core.machine import DEFAULT_LIMITS, NO_CAPS, Machine
from tsipcd.core.state import State
from tsipcd.core.topology import Pane, PanePin, ServerId, Session

T = TypeVar("T")

SERVER = ServerId("/tmp/tmux-0/default", 100, 1_700_000_000)  # noqa: S108 - a name, never opened
CALLER = i.Caller(pid=1)


def pin(number: int, server: ServerId = SERVER) -> PanePin:
    return PanePin(server, f"%{number}", 1000 + number)


def session(name: str, number: int, *, attached: int = 0, server: ServerId = SERVER) -> Session:
    pane = Pane(pin(number, server), 0, 0, "main", active=True, window_active=True, command="bash")
    return Session(server, f"${number}", name, attached, 1, (pane,))


class Talk:
    """A machine, its clock, and everything it said."""

    def __init__(
        self,
        state: State | None = None,
        limits: Limits = DEFAULT_LIMITS,
        *,
        caps: Caps = NO_CAPS,
        redeliver_unasked: bool = False,
    ) -> None:
        self.machine = Machine(
            state if state is not None else State(),
            limits=limits,
            caps=caps,
            redeliver_unasked=redeliver_unasked,
        )
        self.now = 1_760_000_000.0
        self.facts: list[f.Fact] = []
        self.effects: list[e.Effect] = []
        self._calls = 0

    @property
    def state(self) -> State:
        return self.machine.state

    def tell(self, event: i.Input) -> list[e.Effect]:
        self.now += 0.001
        facts, effects = self.machine.handle(event, self.now)
        self.facts += facts
        self.effects += effects
        return effects

    def ask(self, request: m.Request, caller: i.Caller = CALLER) -> list[e.Effect]:
        self._calls += 1
        return self.tell(i.Asked(i.Call(1, self._calls), caller, request))

    def see(self, *sessions: Session, server: ServerId = SERVER) -> list[e.Effect]:
        return self.tell(i.ServerSeen(server, sessions))

    def send(self, target: str, message: str = "ls", **more: object) -> list[e.Effect]:
        return self.ask(m.Send(source="a", target=target, message=message, **more))  # type: ignore[arg-type]

    def ready(self, number: int, at: PanePin, shell: str = "bash") -> list[e.Effect]:
        return self.tell(i.Inspected(number, i.Verdict.READY, pin=at, shell=shell))

    def typed(self, number: int, outcome: i.Outcome = i.Outcome.TYPED) -> list[e.Effect]:
        attempt = self.state.messages[number].course.attempt
        return self.tell(i.Typed(number, attempt, outcome))

    def status(self, number: int) -> str:
        message = self.state.messages[number]
        return f"{message.status} ({message.reason})" if message.reason else str(message.status)


def only(effects: list[e.Effect], kind: type[T]) -> T:
    """The one effect of this kind."""
    (found,) = [effect for effect in effects if isinstance(effect, kind)]
    return found


def kinds(effects: list[e.Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]
