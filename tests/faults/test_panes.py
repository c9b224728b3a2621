"""A pane that is not ready gets nothing, says why, and gets everything once as soon as it is.

Oracle: held with its reason; not one byte of it on the screen of the program that is there; delivered once
when the state ends, in order, and nothing of a message that was cancelled meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.effort import count
from tests.faults.stage import WITHIN_S, Seat, Stage, mark
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd.core.inputs import Inspected, Verdict
from tsipcd.tmux import keys, occupant
from tsipcd.tmux.screen import Line

pytestmark = pytest.mark.tmux

NewStage = Callable[..., Stage]


@dataclass(frozen=True)
class State:
    """A way for a pane not to be ready."""

    name: str
    reason: str
    enter: Callable[[Seat], None]
    leave: Callable[[Seat], None]
    kind: str = "bash"


def typed(*lines: str) -> Callable[[Seat], None]:
    """A person types these lines, and sees that they are taken in: keys under way show nowhere."""

    def do(seat: Seat) -> None:
        for line in lines:
            before = seat.server.screen(seat.pane)
            seat.server.keys(seat.pane, line, "Enter")
            changes(seat, before)

    return do


def changes(seat: Seat, before: str) -> None:
    """Wait until its screen is another than `before`."""
    until(lambda: seat.server.screen(seat.pane) != before, what="the keys are taken in", within_s=WITHIN_S)


def pressed(*names: str) -> Callable[[Seat], None]:
    """A person presses these keys."""
    return lambda seat: seat.server.keys(seat.pane, "", *names)


def half(text: str) -> Callable[[Seat], None]:
    """A person types this and does not enter it."""
    return lambda seat: seat.server.keys(seat.pane, text)


def told(*words: str) -> Callable[[Seat], None]:
    """tmux is told this about the pane, by `{pane}`."""

    def do(seat: Seat) -> None:
        seat.server.run(*(word.replace("{pane}", seat.pane) for word in words))

    return do


def both(*steps: Callable[[Seat], None]) -> Callable[[Seat], None]:
    """One after the other."""

    def do(seat: Seat) -> None:
        for step in steps:
            step(seat)

    return do


STATES = (
    State("busy", "busy: sleep", typed("sleep 1000"), pressed("C-c")),
    State("busy-shell", "busy: bash", typed("while :; do :; done"), pressed("C-c")),
    State("cat", "busy: cat", typed("cat"), pressed("C-d")),
    State("less", "full-screen program: less", typed("less /etc/passwd"), pressed("q")),
    State("vim", "full-screen program: vim", typed("vim -u NONE -N"), both(pressed("Escape"), typed(":q!"))),
    State(
        "copy-mode",
        "copy mode",
        told("copy-mode", "-t", "{pane}"),
        told("send-keys", "-t", "{pane}", "-X", "cancel"),
    ),
    State(
        "input-off",
        "input is off",
        told("select-pane", "-d", "-t", "{pane}"),
        told("select-pane", "-e", "-t", "{pane}"),
    ),
    State("half-typed", "half-typed line", half("echo half"), pressed("C-u")),
    State("password", "reading a password", typed("read -s x"), typed("secret")),
    State("password-zsh", "reading a password", typed("read -s x"), typed("secret"), kind="zsh"),
    State("read", "busy: bash", typed("read x"), typed("answer")),
    State("continuation", "half-typed line", typed("echo 'one"), typed("two'")),
    State("here-document", "half-typed line", typed("cat >/dev/null <<END", "text"), typed("END")),
    State("here-document-dash", "half-typed line", typed("cat >/dev/null <<END"), typed("END"), kind="dash"),
    State("search", "half-typed line", both(typed("true"), pressed("C-r")), pressed("C-c")),
    State("fish-block", "half-typed line", typed("begin"), pressed("C-c"), kind="fish"),
    State(
        "synchronized",
        "synchronize-panes is on",
        both(
            told("split-window", "-d", "-t", "{pane}", "cat"),
            told("set-option", "-w", "-t", "{pane}", "synchronize-panes", "on"),
        ),
        told("set-option", "-w", "-t", "{pane}", "synchronize-panes", "off"),
    ),
    State(
        "script",
        "busy: build.sh",
        both(
            typed("echo 'printf \"go? $ \"; read x' >build.sh; sh build.sh"), lambda seat: seat.shows("go?")
        ),
        typed("y"),
    ),
    State(
        "alternate-screen",
        "full-screen program: sleep",
        typed("tput smcup; sleep 1000; tput rmcup"),
        pressed("C-c"),
    ),
    State(
        "redraws", "busy: sh", typed("sh -c 'while :; do printf \"\\r$ \"; sleep 0.01; done'"), pressed("C-c")
    ),
)


def hold_and_deliver(stage: Stage, seat: Seat, state: State) -> None:
    """The whole life of a state; the oracle of this file."""
    state.enter(seat)
    first = stage.send(seat.name, mark("c0"))
    stage.becomes(first, "held", state.reason)
    cancelled = stage.send(seat.name, mark("never"))
    last = stage.send(seat.name, mark("c1"))
    stage.daemon.call("cancel", id=cancelled)
    seen = seat.server.run("capture-pane", "-p", "-t", seat.pane, "-S", "-")
    assert "marks" not in seen, "keys in the wrong program"
    assert seat.marked == []
    state.leave(seat)
    assert stage.settle([first, cancelled, last]) == ["delivered", "cancelled", "delivered"]
    seat.fence()
    assert seat.marked == ["c0", "c1"], "not once and in order"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_what_a_pane_waits_for(stage: Stage, tally: Tally, state: State) -> None:
    """Held with its reason; delivered once, in order, when it ends; what was cancelled is never typed."""
    seat = stage.seat("a", "work", state.kind)
    stage.witness("a")
    stage.settle([stage.send("work", "true")])
    hold_and_deliver(stage, seat, state)
    assert stage.witnessed() == b""
    tally.add("states of panes")
    tally.add("keys in another pane", 0)


def ungated() -> None:
    """Whoever sits in the pane is typed at, whatever state it is in."""

    def ready(_self: object, effect: Any, sight: Any) -> Any:
        return Inspected(effect.number, Verdict.READY, "", sight.pin, "bash"), Line.EMPTY

    vars(keys)["equal"] = lambda *_: "1"
    kind: Any = occupant.Occupants
    kind._judge = ready


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_without_the_gate_it_is_typed_at_once(new_stage: NewStage, tally: Tally, state: State) -> None:
    """Negative control: a daemon that does not look who sits there fails the oracle in every state."""
    if state.name not in {one.name for one in STATES[:: count(7, 1)]}:
        pytest.skip("a few of them are tried on a person's machine")
    stage = new_stage(weakened=f"{__name__}:{ungated.__name__}")
    seat = stage.seat("a", "work", state.kind)
    stage.daemon.start()
    stage.settle([stage.send("work", "true")])
    with pytest.raises(AssertionError, match=r"is not held|wrong program"):
        hold_and_deliver(stage, seat, state)
    tally.add("negative controls that failed as they must")


def test_a_line_that_the_terminal_would_cut(stage: Stage, tally: Tally) -> None:
    """Too long for a shell without a line editor, it waits for one that has one, and arrives whole."""
    seat = stage.seat("a", "work", "dash")
    long = stage.send("work", f"{mark('c0')}; true {'x' * 5000}; {mark('end')}")
    stage.becomes(long, "held", "bytes, dash takes")
    seat.server.keys(seat.pane, "exec bash --noprofile --norc", "Enter")
    assert stage.settle([long]) == ["delivered"]
    seat.fence()
    assert seat.marked == ["c0", "end"]
    tally.add("states of panes")
