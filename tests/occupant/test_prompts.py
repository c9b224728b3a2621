"""Prompts and half-typed lines of real shells, and people at real clients."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.occupant.conftest import SHELLS, Seat, Seats, need, until
from tsipcd.core.inputs import Verdict

pytestmark = pytest.mark.tmux


DEFAULTS = {
    "bash": ("bash", "-l"),
    "zsh": ("zsh", "-l"),
    "fish": ("fish", "-l"),
    "dash": ("dash", "-l"),
    "ksh": ("ksh", "-l"),
}


@pytest.mark.parametrize("kind", DEFAULTS)
async def test_a_shell_as_it_comes(sit: Seats, kind: str) -> None:
    """The prompt of the distribution, in a folder with a long name, does not hold; text behind it does."""
    need(kind)
    # Without it zsh asks a new user what to write into it.
    (sit.tmux.home / ".zshrc").touch()
    folder = sit.tmux.home / "a folder > with # signs"
    folder.mkdir()
    seat = await sit(kind, *DEFAULTS[kind])
    await seat.becomes("")
    seat.enter(f"cd '{folder}'")
    await seat.becomes("")
    seat.type("echo half")
    await seat.shows("echo half")
    await seat.becomes("half-typed line")
    seat.type("", "C-c")
    await seat.becomes("")


@pytest.mark.parametrize("kind", SHELLS)
async def test_a_half_typed_line_holds_until_it_is_cleared(sit: Seats, kind: str) -> None:
    """`echo half` without Enter holds; the cleared line opens."""
    seat = await sit.shell(kind)
    seat.type("echo half")
    await seat.shows("echo half")
    await seat.becomes("half-typed line")
    watch = seat.watch()
    assert (await watch.first()).reason == "half-typed line"
    seat.type("", "C-c" if kind == "ksh" else "C-u")
    assert (await watch.opens())[0] == "half-typed line"


FANCY = {
    "two lines": "user in host at ~/proj on main\n\u276f ",
    "virtual environment": "(venv) user@host:~/x$ ",
    "angle": "> ",
    "branch": "proj git:(main) % ",
    "root": "[root@host /srv]# ",
    "battery": "80% user@host \u03bb ",
}


@pytest.mark.parametrize("kind", ["bash", "zsh", "dash", "ksh"])
@pytest.mark.parametrize("prompt", FANCY.values(), ids=FANCY)
async def test_prompts_of_many_shapes_are_empty_lines(sit: Seats, kind: str, prompt: str) -> None:
    """A prompt that people have does not hold; the same with text behind it does."""
    if kind == "zsh":
        prompt = prompt.replace("%", "%%")
    need(kind)
    seat = await sit(kind, *SHELLS[kind], env={"PS1": prompt})
    await seat.shows(prompt.splitlines()[-1].rstrip().replace("%%", "%"))
    await seat.becomes("")
    seat.type("echo half")
    await seat.shows("echo half")
    # A gate that sees the pane for the first time knows no prompt of it.
    for _ in range(2):
        await seat.becomes("half-typed line")
        seat.gate._panes.clear()
    seat.type("", "C-c")
    await seat.becomes("")


async def test_a_fish_prompt_of_two_lines_is_an_empty_line(sit: Seats) -> None:
    """fish with a drawn prompt, a right prompt and a suggestion from its history."""
    need("fish")
    seat = await sit("fish", *SHELLS["fish"])
    await seat.becomes("")
    seat.enter("function fish_right_prompt; echo '12:30'; end")
    seat.enter("function fish_prompt; echo '~/proj main'; echo '\u276f '; end")
    seat.enter("echo suggested")
    await seat.shows("12:30")
    await seat.becomes("")
    seat.type("echo s")
    await seat.shows("\u276f echo s")
    await seat.becomes("half-typed line")
    seat.type("", "C-u")
    await seat.becomes("")


async def test_a_prompt_without_a_known_end_does_not_hold(sit: Seats) -> None:
    """Nobody types and nothing says that the line is more than a prompt: it opens."""
    need("bash")
    seat = await sit("odd", *SHELLS["bash"], env={"PS1": "here we go "})
    await seat.shows("here we go")
    await seat.becomes("")


async def test_a_prompt_that_was_seen_is_remembered(sit: Seats) -> None:
    """What ends like another prompt is half typed, since this pane's prompt is known."""
    seat = await sit("known", *SHELLS["bash"], env={"PS1": "$ "})
    await seat.shows("$")
    await seat.becomes("")
    seat.type("echo a$")
    await seat.shows("a$")
    await seat.becomes("half-typed line")


async def test_text_right_of_the_cursor_is_half_typed(sit: Seats) -> None:
    """The cursor brought to the start of the line does not make it empty."""
    seat = await sit.shell("bash")
    seat.type("echo half", "C-a")
    await seat.shows("echo half")
    await seat.becomes("half-typed line")


async def test_a_half_typed_line_that_wraps_is_half_typed(sit: Seats) -> None:
    """The cursor's row holds no prompt, only the rest of a long line."""
    seat = await sit.shell("bash", width=40)
    seat.type("echo " + "x" * 60 + " $")
    await seat.shows("x $")
    await seat.becomes("half-typed line")


@pytest.mark.parametrize("kind", ["bash", "zsh", "dash", "ksh"])
async def test_an_open_quote_is_half_typed(sit: Seats, kind: str) -> None:
    """The continuation prompt is no empty line: what is typed there becomes part of the command."""
    seat = await sit.shell(kind)
    seat.enter("echo 'never closed")
    await seat.shows("> ".rstrip())
    await seat.becomes("half-typed line")
    seat.gate._panes.clear()
    await seat.becomes("half-typed line")


@pytest.mark.parametrize("kind", ["bash", "zsh"])
async def test_a_search_in_the_history_is_half_typed(sit: Seats, kind: str) -> None:
    """Ctrl-R takes what is typed as what to search for."""
    seat = await sit.shell(kind)
    seat.type("", "C-r")
    await seat.shows("search")
    await seat.becomes("half-typed line")


@contextmanager
def attached(seat: Seat) -> Iterator[int]:
    """A person's client on the session; gives the terminal that its keys are written to."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    client = subprocess.Popen(
        [seat.tmux.binary, "-u", "attach-session", "-t", seat.place.session_id],
        env=seat.tmux.environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    drain = threading.Thread(target=_drain, args=(master,))
    drain.start()
    try:
        yield master
    finally:
        client.terminate()
        client.wait()
        drain.join()
        os.close(master)


def _drain(descriptor: int) -> None:
    with suppress(OSError):
        while os.read(descriptor, 65536):
            pass


async def test_a_person_who_types_behind_an_odd_prompt_holds(sit: Seats) -> None:
    """Where the screen does not tell, a key press of the last seconds does; later it is let go."""
    seat = await sit("odd", *SHELLS["bash"], env={"PS1": "here we go "})
    await seat.shows("here we go")
    await seat.becomes("")
    with attached(seat) as keyboard:
        await until(lambda: seat.tmux.run("list-clients", "-t", "odd"), what="the client")
        os.write(keyboard, b"l")
        await seat.shows("go l")
        watch = seat.watch()
        assert (await watch.first()).reason == "half-typed line"
        await watch.opens()


async def test_a_person_at_another_session_does_not_hold(sit: Seats) -> None:
    """Only the clients of the session that is meant count."""
    other = await sit("other", *SHELLS["bash"])
    seat = await sit("odd", *SHELLS["bash"], env={"PS1": "here we go "})
    await seat.shows("here we go")
    with attached(other) as keyboard:
        await until(lambda: seat.tmux.run("list-clients", "-t", "other"), what="the client")
        os.write(keyboard, b"l")
        await until(lambda: other.screen().endswith("l"), what="the key")
        assert (await seat.ask()).verdict is Verdict.READY


async def test_a_person_at_an_empty_prompt_does_not_hold(sit: Seats) -> None:
    """Who reads and scrolls is no reason to wait."""
    seat = await sit.shell("bash")
    with attached(seat) as keyboard:
        await until(lambda: seat.tmux.run("list-clients", "-t", "bash"), what="the client")
        os.write(keyboard, b"\r")
        await until(lambda: seat.screen().count("bash-") > 1, what="another prompt")
        assert (await seat.ask()).verdict is Verdict.READY
