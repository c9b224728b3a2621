"""Daemons that die at a chosen moment, that compact all the time, or that lack one safeguard.

`Daemon(..., weakened=DYING)` starts one; the variable TS_TEST_FAULTS names what is to be changed, with `+`
between.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
from collections import Counter
from functools import partial
from typing import Any

from tests.support.countdown import Countdown
from tsipcd.core import facts as f
from tsipcd.core.deliveries import Deliveries
from tsipcd.core.effects import Effect, Reply
from tsipcd.core.inputs import Outcome, Typed
from tsipcd.core.outrun import Outrun
from tsipcd.core.state import State
from tsipcd.core.turn import Turn
from tsipcd.journal import compactor
from tsipcd.journal.journal import Journal
from tsipcd.runtime import Runtime
from tsipcd.tmux import keys, scripts
from tsipcd.tmux.errands import Errands
from tsipcd.views.log_file import LogFile

DYING = f"{__name__}:apply"
FAULTS = "TS_TEST_FAULTS"
CALLS = "TS_TEST_CALLS"
"""How many calls are left to live, for whoever counts them."""

SEGMENT_BYTES = 8192
LATE_S = 3600.0
"""Never, as far as a test is concerned."""


def apply() -> None:
    """Change what the environment names."""
    for name in filter(None, os.environ.get(FAULTS, "").split("+")):
        globals()[name]()


# ── no fault: only more of everything that can go wrong ───────────────────────────────────────────────────


def small_segments() -> None:
    """Segments are full soon, so that they are closed, and compacted, all the time."""
    Journal.open = partial(Journal.open, segment_bytes=SEGMENT_BYTES)  # type: ignore[method-assign]


# ── moments of death ──────────────────────────────────────────────────────────────────────────────────────


def dies_at_call() -> None:
    """SIGKILL at the k-th call from the start on."""
    Countdown(int(os.environ[CALLS])).watch()


def dies_at_call_after_usr1() -> None:
    """SIGKILL at the k-th call after the signal."""
    countdown = Countdown(0)
    countdown.watch()
    signal.signal(signal.SIGUSR1, lambda *_: countdown.set(int(os.environ[CALLS])))


def compacts_until_call() -> None:
    """The child that compacts dies at its k-th call."""
    child = (sys.executable, "-m", __name__, "tsipcd.journal.compact")
    compactor.COMMAND = child  # type: ignore[assignment]


def dies_before_outcome() -> None:
    """SIGKILL when tmux has typed, and nobody heard of it yet."""
    real = Errands._type

    async def type_and_die(self: Errands, effect: Any, text: str) -> Typed:
        answer = await real(self, effect, text)
        if answer.outcome is Outcome.TYPED:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    Errands._type = type_and_die  # type: ignore[method-assign]


def tears_outcome() -> None:
    """SIGKILL half-way through the record of what tmux has typed: an intent, and a torn tail."""
    countdown = Countdown(0)
    countdown.watch(("pwrite",))
    real = Errands._type

    async def type_and_tear(self: Errands, effect: Any, text: str) -> Typed:
        answer = await real(self, effect, text)
        if answer.outcome is Outcome.TYPED:
            countdown.set(1)
        return answer

    Errands._type = type_and_tear  # type: ignore[method-assign]


def dies_before_log_is_marked() -> None:
    """SIGKILL when lines are in the event log, and how far it got is not written down."""
    LogFile.mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]


# ── safeguards off ────────────────────────────────────────────────────────────────────────────────────────


def answers_first() -> None:
    """Replies leave before their facts are handed to the journal."""
    commit = Runtime._commit

    def answer_and_commit(self: Runtime, facts: list[f.Fact], effects: list[Effect]) -> None:
        self._perform([effect for effect in effects if isinstance(effect, Reply)])
        rest: list[Effect] = [effect for effect in effects if not isinstance(effect, Reply)]
        asyncio.get_running_loop().call_later(LATE_S, commit, self, facts, rest)

    Runtime._commit = answer_and_commit  # type: ignore[method-assign]


def without_sync() -> None:
    """`fdatasync` and `fsync` say that they did, and do nothing."""
    os.fdatasync = os.fsync = lambda _fd: None  # type: ignore[assignment]


def without_marker() -> None:
    """The guard looks at the pane, but not at what was typed there before."""
    submit = keys._submit

    async def submit_anyway(connection: Any, attempt: Any, _: str, typed: Any, after: str) -> Any:
        return await submit(connection, attempt, "1", typed, after)

    keys._submit = submit_anyway  # type: ignore[assignment]


def without_claim() -> None:
    """A step's script runs as often as it is sourced."""
    scripts._POSIX = scripts._POSIX.replace("(set -C; ", "(")


def without_intent() -> None:
    """What is about to be typed is not written down."""
    commit = Runtime._commit

    def leave_out(self: Runtime, facts: list[f.Fact], effects: list[Effect]) -> None:
        commit(self, [fact for fact in facts if not isinstance(fact, f.TypingIntended)], effects)

    Runtime._commit = leave_out  # type: ignore[method-assign]


def without_outrun() -> None:
    """A new life does not ask the panes whether they were typed into since its journal's last record."""
    Outrun.server_seen = lambda *_: None  # type: ignore[method-assign]


def intents_as_held() -> None:
    """A new life takes what may have been typed for what was not."""
    restore = Deliveries.restore

    def hold_and_restore(self: Deliveries, turn: Turn) -> None:
        for message in self._state.messages.values():
            if message.status == "intent":
                turn.record(f.MessageHeld(turn.now, message.number, "a new life"))
        restore(self, turn)

    Deliveries.restore = hold_and_restore  # type: ignore[method-assign]


def without_keys() -> None:
    """What an idempotency key was answered with is not remembered."""

    State._remember = lambda *_: None  # type: ignore[method-assign]


def without_rereading() -> None:
    """A new life does not look at what is in the event log already."""
    LogFile._lines_from = lambda *_: Counter()  # type: ignore[method-assign]


if __name__ == "__main__":
    # The module and its arguments, as another process than the daemon: a compaction, a salvage.
    Countdown(int(os.environ[CALLS])).watch()
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
