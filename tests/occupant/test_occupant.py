"""The gate on real panes: each reason to hold, and that it opens when the reason is gone."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.occupant.conftest import SHELLS, Seats, need, until
from tsipcd.core.inputs import Verdict
from tsipcd.core.topology import PanePin, Place
from tsipcd.tmux import occupant, tty
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.sight import Sight, look

pytestmark = pytest.mark.tmux


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("kind", SHELLS)
async def test_a_fresh_shell_is_waited_for_and_then_ready(sit: Seats, kind: str) -> None:
    """A session made this moment opens by itself; the answer names the shell and pins the pane."""
    need(kind)
    seat = await sit(kind, *SHELLS[kind])
    watch = seat.watch()
    await watch.opens()
    assert (watch.answers[-1].shell, watch.answers[-1].pin) == (kind, seat.pin)


@pytest.mark.parametrize("kind", SHELLS)
async def test_a_command_that_runs_holds_until_it_ends(sit: Seats, kind: str) -> None:
    """`sleep` in the foreground holds; its end opens the gate."""
    seat = await sit.shell(kind)
    seat.enter("/bin/sleep 1000")
    await seat.becomes("busy: sleep")
    watch = seat.watch()
    assert (await watch.first()).reason == "busy: sleep"
    seat.type("", "C-c")
    assert set(await watch.opens()) <= {"busy: sleep", f"busy: {kind}", "half-typed line"}


@pytest.mark.parametrize("kind", SHELLS)
async def test_a_loop_in_the_shell_itself_holds(sit: Seats, kind: str) -> None:
    """A shell that computes is busy, although nothing but the shell is in the foreground."""
    seat = await sit.shell(kind)
    seat.enter("while true; end" if kind == "fish" else "while :; do :; done")
    await seat.becomes(f"busy: {kind}")
    seat.type("", "C-c")
    await seat.becomes("")


async def test_a_dead_pane_holds(sit: Seats) -> None:
    """A pane that remains after its program ended is not typed into, even with `now`."""
    seat = await sit.shell("bash")
    seat.tmux.run("set-option", "-w", "-t", seat.pin.pane, "remain-on-exit", "on")
    seat.enter("exit")
    await seat.becomes("pane is dead")
    assert (await seat.ask(now=True)).reason == "pane is dead"


async def test_closed_input_holds(sit: Seats) -> None:
    """Input that is off loses keys; `now` does not change that. Opened again, it is noticed."""
    seat = await sit.shell("bash")
    seat.tmux.run("select-pane", "-d", "-t", seat.pin.pane)
    assert (await seat.ask(now=True)).reason == "input is off"
    watch = seat.watch()
    assert (await watch.first()).reason == "input is off"
    seat.tmux.run("select-pane", "-e", "-t", seat.pin.pane)
    await watch.opens()


async def test_a_synchronized_window_holds(sit: Seats) -> None:
    """What is typed into one of its panes would run in all of them; `now` does not change that."""
    seat = await sit.shell("bash")
    seat.tmux.run("split-window", "-d", "-t", seat.pin.pane, "cat")
    seat.tmux.run("set-option", "-w", "-t", seat.pin.pane, "synchronize-panes", "on")
    assert (await seat.ask(now=True)).reason == "synchronize-panes is on"
    watch = seat.watch()
    assert (await watch.first()).reason == "synchronize-panes is on"
    seat.tmux.run("set-option", "-w", "-t", seat.pin.pane, "synchronize-panes", "off")
    await watch.opens()


async def test_copy_mode_holds(sit: Seats) -> None:
    """Keys would move the selection; leaving the mode opens the gate."""
    seat = await sit.shell("bash")
    seat.tmux.run("copy-mode", "-t", seat.pin.pane)
    assert (await seat.ask(now=True)).reason == "copy mode"
    watch = seat.watch()
    assert (await watch.first()).reason == "copy mode"
    seat.tmux.run("send-keys", "-t", seat.pin.pane, "-X", "cancel")
    assert await watch.opens() == ["copy mode"]


async def test_a_full_screen_program_holds(sit: Seats) -> None:
    """The alternate screen belongs to its program."""
    seat = await sit.shell("bash")
    seat.enter("less /etc/passwd")
    await seat.becomes("full-screen program: less")
    watch = seat.watch()
    assert (await watch.first()).reason == "full-screen program: less"
    seat.type("q")
    await watch.opens()


@pytest.mark.parametrize(
    ("kind", "command"),
    [("bash", "read -s x"), ("zsh", "read -s x"), ("dash", "stty -echo; read x; stty echo; echo")],
)
async def test_a_password_prompt_holds(sit: Seats, kind: str, command: str) -> None:
    """Whoever reads lines without showing them reads a secret."""
    seat = await sit.shell(kind)
    seat.enter(command)
    await seat.becomes("reading a password")
    seat.enter("secret")
    await seat.becomes("")


@pytest.mark.parametrize("command", ["read x", "read -n1 x", "read -p 'Sure? $ ' x"])
async def test_a_question_of_bash_holds(sit: Seats, command: str) -> None:
    """`read` is no prompt, although bash is in the foreground."""
    seat = await sit.shell("bash")
    seat.enter(command)
    await seat.becomes("busy: bash")
    seat.type("", "C-c")
    await seat.becomes("")


@pytest.mark.parametrize(
    ("kind", "command"),
    [("dash", "read x"), ("dash", "printf 'Name: '; read x"), ("ksh", "read x"), ("fish", "read x")],
)
async def test_a_plain_read_holds(sit: Seats, kind: str, command: str) -> None:
    """Shells whose `read` looks to the kernel like their prompt are told by the screen."""
    seat = await sit.shell(kind)
    seat.enter(command)
    await seat.becomes(f"busy: {kind}")
    seat.type("", "C-c")
    await seat.becomes("")


async def test_a_question_that_looks_like_a_prompt_holds(sit: Seats) -> None:
    """dash's `read` asks for single bytes, its prompt for a buffer full."""
    seat = await sit.shell("dash")
    if tty.asked_bytes(seat.pin.pid) is None:
        pytest.skip("the kernel does not tell what a process asks for")
    seat.enter("printf 'Sure? $ '; read x")
    await seat.shows("\nSure? $")
    await seat.becomes("busy: dash")
    seat.gate._panes.clear()
    await seat.becomes("busy: dash")
    seat.enter("y")
    await seat.becomes("")


async def test_now_skips_what_may_be_skipped(sit: Seats) -> None:
    """Busy, full-screen and half-typed do not hold a message that was sent with `now`."""
    seat = await sit.shell("bash")
    seat.type("echo half")
    await seat.becomes("half-typed line")
    assert (await seat.ask(now=True)).verdict is Verdict.READY
    seat.type("", "C-u")
    seat.enter("less /etc/passwd")
    await seat.becomes("full-screen program: less")
    ready = await seat.ask(now=True)
    assert (ready.verdict, ready.shell, ready.pin) == (Verdict.READY, "", seat.pin)


async def test_a_nested_shell_is_the_one_that_reads(sit: Seats) -> None:
    """dash started in bash: what is typed goes to dash."""
    need("dash")
    seat = await sit.shell("bash")
    seat.enter("dash")
    await until(lambda: seat.screen().endswith(("#", "$")), what="a prompt of dash")
    await seat.becomes("")
    await until(
        lambda: "dash" in seat.running(),
        what="dash",
    )
    assert (await seat.ask()).shell == "dash"


async def test_a_shell_that_runs_a_script_is_busy_with_it(sit: Seats) -> None:
    """`sh build.sh` is no shell at its prompt, even when it asks with a prompt."""
    seat = await sit.shell("bash")
    seat.enter("printf 'printf \"go? $ \"; read x' >build.sh; sh build.sh")
    await seat.shows("go? $")
    await seat.becomes("busy: build.sh")


async def test_a_console_at_its_prompt_is_typed_into(sit: Seats) -> None:
    """python3 reads commands; not while it computes, and never a step."""
    seat = await sit.shell("bash")
    seat.enter(f"PYTHON_HISTORY=/dev/null {sys.executable} -q")
    await seat.shows(">>>")
    await seat.becomes("")
    ready = await seat.ask()
    assert (ready.verdict, ready.shell) == (Verdict.READY, "")
    assert (await seat.ask(step=True)).reason == "no supported shell: python"
    seat.enter("if True:")
    await seat.shows("...")
    await seat.becomes("half-typed line")
    seat.type("", "C-c")
    seat.enter("import time; time.sleep(1000)")
    await seat.becomes("busy: python")


async def test_an_agent_is_typed_into_while_it_works(sit: Seats) -> None:
    """A program called claude that reads key by key is not held; a choice that it offers is not made."""
    seat = await sit.shell("bash")
    agent = seat.tmux.home / "claude"
    agent.write_text(
        "import sys, tty\ntty.setraw(0)\n"
        "def draw(text): sys.stdout.write('\\x1b[2J\\x1b[H\\u276f ' + text); sys.stdout.flush()\n"
        "draw('\\x1b[2mTry something\\x1b[0m')\n"
        "while (key := sys.stdin.read(1)) != 'q': draw('1. Yes' if key == 'a' else '')\n"
    )
    seat.enter(f"exec {sys.executable} {agent}")
    await seat.shows("Try something")
    assert (await seat.ask()).verdict is Verdict.READY
    assert (await seat.ask(step=True)).reason == "no supported shell: claude"
    seat.type("a")
    await seat.shows("1. Yes")
    assert (await seat.ask()).reason == "waits for a choice: claude"


async def test_a_step_needs_a_shell_that_is_known(sit: Seats) -> None:
    """A shell whose scripts we cannot write is said so."""
    need("bash")
    seat = await sit.shell("bash")
    (seat.tmux.home / "tcsh").symlink_to("/bin/bash")
    seat.enter(f"exec {seat.tmux.home}/tcsh --norc --noprofile")
    await seat.becomes("no supported shell: tcsh", step=True)
    await seat.becomes("")


async def test_a_session_of_another_name_is_gone(sit: Seats) -> None:
    """The id alone is not the session: a renamed one is not typed into."""
    seat = await sit.shell("bash")
    other = Place(seat.place.server, seat.place.session_id, "bas")
    assert (await seat.ask(place=other)).verdict is Verdict.GONE
    seat.tmux.run("rename-session", "-t", seat.place.session_id, "bash-2")
    assert (await seat.ask()).verdict is Verdict.GONE


async def test_a_session_that_ends_while_it_is_held_is_gone(sit: Seats) -> None:
    """The watch ends with the session."""
    await sit.shell("dash")
    seat = await sit.shell("bash")
    seat.enter("sleep 1000")
    await seat.becomes("busy: sleep")
    watch = seat.watch()
    await watch.first()
    seat.tmux.run("kill-session", "-t", seat.place.session_id)
    await until(lambda: watch.answers[-1].verdict is Verdict.GONE, what="gone")


async def test_a_pane_of_another_life_is_gone(sit: Seats) -> None:
    """A pinned pane whose first process is another one is not the pane that was meant."""
    seat = await sit.shell("bash")
    pinned = Place(
        seat.place.server, seat.place.session_id, "bash", PanePin(seat.pin.server, seat.pin.pane, 1)
    )
    assert (await seat.ask(place=pinned)).verdict is Verdict.GONE


async def test_a_session_means_its_active_pane(sit: Seats) -> None:
    """After a split the new pane is looked at; a pinned one stays what it is."""
    seat = await sit.shell("bash")
    seat.tmux.run("split-window", "-t", seat.pin.pane, "sleep 1000")
    answer = await seat.ask()
    assert answer.pin is not None
    assert answer.pin.pane != seat.pin.pane
    pinned = Place(seat.place.server, seat.place.session_id, "bash", seat.pin)
    assert (await seat.ask(place=pinned)).verdict is Verdict.READY


async def test_names_of_any_shape_are_compared_whole(sit: Seats) -> None:
    """A session's name may look like anything."""
    for name in ("a b", "%0", "=x", "$1", "\uc138\uc158", "a;b", "-rf"):
        seat = await sit(name, *SHELLS["bash"])
        await seat.becomes("")


class Patience:
    """The gate looks forty times and then not again by itself."""

    def __init__(self) -> None:
        self.looks = 0

    async def look(self, connection: Connection, place: Place) -> Sight | None:
        self.looks += 1
        return await look(connection, place)

    async def is_over(self) -> None:
        """Forty looks from here on, of a gate that has just begun."""
        self.looks = 0
        await until(lambda: self.looks > 40, what="the last look")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    made = Patience()
    monkeypatch.setattr(occupant, "LADDER_S", (0.002,) * 40 + (600.0,))
    monkeypatch.setattr(occupant, "look", made.look)
    return made


async def test_the_end_of_a_command_is_noticed(sit: Seats, patience: Patience) -> None:
    """Its process is watched: the gate opens without waiting for the next look."""
    seat = await sit.shell("bash")
    seat.enter("sleep 1000")
    await seat.becomes("busy: sleep")
    watch = seat.watch()
    await patience.is_over()
    os.kill(int(children_of(seat.pin.pid)[0]), signal.SIGTERM)
    await watch.opens()


async def test_the_end_of_a_mode_is_noticed(sit: Seats, patience: Patience) -> None:
    """tmux tells of it: the gate opens without waiting for the next look."""
    seat = await sit.shell("bash")
    seat.tmux.run("copy-mode", "-t", seat.pin.pane)
    watch = seat.watch()
    await patience.is_over()
    seat.tmux.run("send-keys", "-t", seat.pin.pane, "-X", "cancel")
    await watch.opens()


async def test_what_the_shell_has_not_read_yet_holds(sit: Seats) -> None:
    """A shell that is stopped looks as at its prompt, but what was typed is still to be taken in."""
    # tmux wakes its own children, and a shell with job control takes the terminal back.
    seat = await sit("stopped", "sh", "-c", "bash --noprofile --norc; true")
    await seat.becomes("")
    bash = int(children_of(seat.pin.pid)[0])
    os.kill(bash, signal.SIGSTOP)
    seat.type("x")
    await seat.becomes("busy: bash")
    os.kill(bash, signal.SIGCONT)
    await seat.becomes("half-typed line")
