"""The whole daemon against a plain model: whatever happens in whatever order, both say the same.

Random steps drive a real daemon and real shells on two tmux servers: messages of all types, events, runs,
taking back, SIGKILL and restarts, panes and servers that end and come again, panes that are busy, edits of
files by hand. After each step the oracle of `tests/faults/modelled.py` looks at everything.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.faults.effort import SEED, count, parts
from tests.faults.modelled import SESSIONS, Expected, Rows, Run, World, command
from tests.faults.tally import Tally
from tests.support.daemon import call
from tsipcd.core import facts as f
from tsipcd.core.lanes import Lanes
from tsipcd.journal import recovery
from tsipcd.tmux import keys

pytestmark = pytest.mark.tmux

STEPS = 25
CONTROL_MACHINES = 12
"""Within so many the machine must have found a planted fault."""

MODULE = "tests.faults.test_model"

sessions = st.sampled_from(sorted(SESSIONS))
events = st.sampled_from(["deploy", "wake"])
actions = st.sampled_from(["command", "data", "notify"])
TYPES = {"command": "command", "data": "data", "notify": "notification"}


class Machine(RuleBasedStateMachine):
    """One daemon's life story."""

    weakened: ClassVar[str] = ""
    tally: ClassVar[Tally] = Tally("model")

    def __init__(self) -> None:
        super().__init__()
        # Short, since sockets are below it.
        self.folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
        self.world = World(self.folder, self.weakened)
        self.model = self.world.model
        self._tags = 0
        self.tally.add("stories")

    def _tag(self) -> str:
        self._tags += 1
        return str(self._tags)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.tally.add("requests")
        return self.world.daemon.call(method, **params)

    def _take_in(self, number: str, session: str, tag: str, kind: str) -> None:
        self.model.messages[number] = Expected(session, tag, kind)

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────────

    @rule(session=sessions, kind=st.sampled_from(["command", "command", "data", "notification"]))
    def send(self, session: str, kind: str) -> None:
        tag = self._tag()
        body = command(tag) if kind == "command" else tag
        answer = self._ask("send", source="model", target=session, message=body, type=kind)
        self._take_in(answer["id"], session, tag, kind)

    @rule(session=sessions, key=st.sampled_from("xyz"))
    def send_with_key(self, session: str, key: str) -> None:
        """The first use of a key counts; the same again is answered the same; another body is refused."""
        if key not in self.model.keys:
            tag = self._tag()
            request = {"source": "model", "target": session, "message": command(tag), "key": key}
            number = self._ask("send", **request)["id"]
            self.model.keys[key] = (request, number)
            self._take_in(number, session, tag, "command")
            return
        request, number = self.model.keys[key]
        assert self._ask("send", **request)["id"] == number
        other = call(self.world.daemon.socket_path, "send", **{**request, "message": "echo other"})
        assert other["error"]["data"]["code"] == "key_reused", other

    @rule(session=sessions)
    def send_for_a_moment(self, session: str) -> None:
        """Nobody is attached: it waits, and its time is soon over."""
        tag = self._tag()
        answer = self._ask(
            "send", source="model", target=session, message=tag, type="notification", ttl_s=0.05
        )
        self._take_in(answer["id"], session, tag, "notification")

    @rule(event=events)
    def publish(self, event: str) -> None:
        tag = self._tag()
        answer = self._ask("publish", source="model", event=event, data=command(tag))
        wanted = {(s, action) for (s, e), action in self.model.rows.items() if e == event}
        assert {(row["session"], row["action"]) for row in answer["subscribers"]} == wanted
        for row in answer["subscribers"]:
            kind = TYPES[row["action"]]
            self._take_in(row["id"], row["session"], command(tag) if kind == "data" else tag, kind)

    @rule(session=sessions, event=events, action=actions)
    def subscribe(self, session: str, event: str, action: str) -> None:
        answer = self._ask("subscribe", session=session, event=event, action=action)
        assert answer["changed"] == (self.model.rows.get((session, event)) != action)
        self.model.rows[session, event] = action

    @rule(session=sessions, event=events)
    def unsubscribe(self, session: str, event: str) -> None:
        answer = self._ask("unsubscribe", session=session, event=event)
        assert answer["changed"] == ((session, event) in self.model.rows)
        self.model.rows.pop((session, event), None)

    @rule(places=st.lists(sessions, min_size=1, max_size=2))
    def run(self, places: list[str]) -> None:
        name = f"flow-{self._tag()}"
        steps = [(place, self._tag()) for place in places]
        self._ask("workflow", name=name, steps=[{"session": s, "command": command(tag)} for s, tag in steps])
        self._ask("run", name=name, key=name, follow=False)
        self.model.runs.append(Run(name, name, steps))

    @precondition(lambda self: self.model.messages)
    @rule(pick=st.integers(0, 3))
    def cancel(self, pick: int) -> None:
        """One of the latest; it may be too late."""
        number = list(self.model.messages)[-1 - pick % len(self.model.messages)]
        answer = call(self.world.daemon.socket_path, "cancel", id=number)
        if "result" in answer:
            self.model.messages[number].is_cancelled = True
        else:
            assert answer["error"]["data"]["code"] == "not_allowed", answer

    # ── hands ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(rows=st.dictionaries(st.tuples(sessions, events), actions, max_size=4))
    def edit_subscriptions(self, rows: Rows) -> None:
        self.world.write_table(rows)
        self.model.rows = dict(rows)

    @rule()
    def delete_views(self) -> None:
        self.world.drop_views()

    @rule(session=sessions, how=st.sampled_from(["occupy", "browse", "vacate", "vacate"]))
    def use_a_pane(self, session: str, how: str) -> None:
        getattr(self.world, how)(session)

    @rule(session=sessions)
    def begin_a_session(self, session: str) -> None:
        self.world.begin(session)

    # ── ends ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(session=sessions, times=st.integers(1, 6))
    def kill_daemon_in_a_burst(self, session: str, times: int) -> None:
        self.tally.add("SIGKILLs of the daemon")
        self.world.burst_and_kill(session, [self._tag() for _ in range(times)])

    @rule(number=st.sampled_from([signal.SIGKILL, signal.SIGTERM]))
    def restart_daemon(self, number: signal.Signals) -> None:
        self.tally.add("restarts of the daemon")
        self.world.restart(number)

    @rule(session=sessions, how=st.sampled_from(["kill-session", "kill-pane", "kill-server", "SIGKILL"]))
    def end_a_session(self, session: str, how: str) -> None:
        self.tally.add("panes, sessions and servers killed")
        match how:
            case "kill-session":
                self.world.end(session, "kill-session", "-t", f"={session}")
            case "kill-pane" if (life := self.world.life(session)) is not None:
                self.world.end(session, "kill-pane", "-t", life.pane, ";", "kill-session", "-t", "=none")
            case "kill-pane":
                pass
            case _:
                self.world.end(session, how)

    # ── the oracle ────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_model_is_right(self) -> None:
        self.world.check()
        self.tally.add("states compared")

    def teardown(self) -> None:
        try:
            # Not after a failure: it would wait for what never comes.
            self.world.check()
            self.world.settle()
        finally:
            self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def tell(machine: type[Machine], machines: int, seed: int) -> None:
    """Run so many stories. Raises what the oracle says."""
    # A story that failed is told again by hypothesis, with its steps; making it shorter would take long.
    limits = settings(
        max_examples=machines,
        stateful_step_count=STEPS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seeded(seed)(machine), settings=limits)


@pytest.mark.parametrize(("part", "machines"), list(enumerate(parts(2, 32, each=4))))
def test_the_daemon_does_what_the_model_says(tally: Tally, part: int, machines: int) -> None:
    """Acknowledged is present; typed is once, in order, and there; a subscription is in all three places."""
    told = type("Told", (Machine,), {"tally": tally})
    tell(told, machines, SEED + part)


# ── planted faults ────────────────────────────────────────────────────────────────────────────────────────


def forgetting_the_last() -> None:
    """A recovery that stops reading before the last message accepted."""

    def recover(directory: Path, apply: Callable[[int, bytes], None]) -> object:
        read: list[tuple[int, bytes]] = []
        recovered = recovery.recover(
            directory, lambda sequence, payload: read.append((sequence, bytes(payload)))
        )
        accepted = [s for s, payload in read if isinstance(f.decode(payload), f.MessageAccepted)]
        for sequence, payload in read:
            if not accepted or sequence < accepted[-1]:
                apply(sequence, payload)
        return recovered

    mock.patch("tsipcd.daemon.recover", recover).start()


def typing_twice() -> None:
    """A delivery that is handed in a second time, under a number of its own."""

    async def type_text(connection: Any, attempt: Any, folder: Path) -> Any:
        outcome = await keys.type_text(connection, attempt, folder)
        await keys.type_text(connection, replace(attempt, identity=f"{os.getpid():08x}"), folder)
        return outcome

    mock.patch("tsipcd.tmux.errands.type_text", type_text).start()


def out_of_order() -> None:
    """A lane whose last one comes first."""
    real = Lanes.leave

    def leave(self: Lanes[Any], number: int) -> int | None:
        key = self.key_of(number)
        head = real(self, number)
        lane = self._lanes.get(key)
        if head is None or lane is None:
            return head
        lane.rotate(1)
        return lane[0]

    mock.patch.object(Lanes, "leave", leave).start()


def forgetting_subscriptions() -> None:
    """A table that is not written."""

    async def write(_: object, __: Sequence[object]) -> None:
        """It only says so."""

    mock.patch("tsipcd.stores.Stores.write_subscriptions", write).start()


FAULTS = [typing_twice, out_of_order, forgetting_the_last, forgetting_subscriptions]


@pytest.mark.parametrize("fault", FAULTS[: count(1, 4)], ids=lambda fault: fault.__name__)
def test_the_machine_finds_a_planted_fault(fault: Callable[[], None]) -> None:
    """Within the budget of an ordinary run it says that the daemon and the model differ."""
    weak = type("Weak", (Machine,), {"weakened": f"{MODULE}:{fault.__name__}", "tally": Tally("model")})
    # Hypothesis tells the story again, and says so if it did not fail in the same way twice.
    with pytest.raises((AssertionError, KeyError, Flaky, BaseExceptionGroup)):
        tell(weak, CONTROL_MACHINES, SEED)
