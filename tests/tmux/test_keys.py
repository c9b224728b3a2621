"""Typing: what arrives, what is refused, and that an attempt arrives at most once."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsipcd.core.inputs import Outcome
from tsipcd.core.topology import PanePin
from tsipcd.tmux.connection import Connection, TmuxError, connect
from tsipcd.tmux.keys import Attempt, is_short, pasteable, type_text

if TYPE_CHECKING:
    from tests.tmux.conftest import TmuxServer

pytestmark = pytest.mark.tmux

SHELLS = {
    "bash": ("bash", "--noprofile", "--norc"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
    "dash": ("dash",),
    "ksh": ("ksh",),
}
AWKWARD = [
    "x;",
    "y;;",
    ";",
    "a ; b",
    'it\'s "q" \\ $HOME `id` ~ #{pid} #(touch pwned) %H 50%d !x',
    "세션 ünïcödé 🚀",
    "-t %0",
    "tab\there",
    "long " + "0123456789" * 60,
]


def attempt(pin: PanePin, number: int, text: str, *, pause: bool = False) -> Attempt:
    return Attempt("0badcafe", number, pin, text, pause)


def reader(server: TmuxServer, name: str, *, mode: str = "") -> tuple[PanePin, Path]:
    """A pane whose program writes every byte that it reads to a file."""
    out = server.home / f"{name}.out"
    script = f"stty raw -echo; printf '{mode}'; printf go; exec cat > {out}"
    pane = server.new_session(name, "sh", "-c", script)
    server.wait_until(lambda: "go" in server.capture(pane))
    return server.pin(pane), out


async def arrived(server: TmuxServer, out: Path, expected: bytes) -> None:
    await server.until(lambda: len(out.read_bytes()) >= len(expected))
    assert out.read_bytes() == expected  # noqa: ASYNC240 - a test may block


@pytest.mark.parametrize("text", AWKWARD)
async def test_text_arrives_byte_for_byte(tmux_server: TmuxServer, connection: Connection, text: str) -> None:
    """Semicolons, quotes, formats, dates and options in a text are typed, not interpreted."""
    pin, out = reader(tmux_server, "raw")
    assert await type_text(connection, attempt(pin, 1, text), tmux_server.home) == (Outcome.TYPED, "")
    await arrived(tmux_server, out, text.encode() + b"\r")
    assert tmux_server.run("list-buffers") == ""
    assert not list(tmux_server.home.glob("text-*"))


async def test_state_folder_names_are_no_formats(tmux_server: TmuxServer, connection: Connection) -> None:
    """A long text passes through a folder whose name holds formats, quotes and spaces."""
    pin, out = reader(tmux_server, "raw")
    folder = tmux_server.home / "a#{pid}#(touch x) 'b\" %H;"
    folder.mkdir()
    text = "y" * 5000
    assert (await type_text(connection, attempt(pin, 1, text), folder))[0] is Outcome.TYPED
    await arrived(tmux_server, out, text.encode() + b"\r")


async def test_a_megabyte_arrives_whole(tmux_server: TmuxServer, connection: Connection) -> None:
    """Text far beyond what a tmux command may hold is typed byte for byte."""
    pin, out = reader(tmux_server, "raw")
    text = "0123456789 abcdef" * 61_000
    assert (await type_text(connection, attempt(pin, 1, text), tmux_server.home))[0] is Outcome.TYPED
    await arrived(tmux_server, out, text.encode() + b"\r")


@pytest.mark.parametrize("asked", [True, False], ids=["bracketed", "plain"])
async def test_lines_are_bracketed_if_the_program_asked(
    tmux_server: TmuxServer, connection: Connection, asked: bool
) -> None:
    """Several lines arrive as one paste, ended by nothing in the text, and LF as CR; then one Enter."""
    pin, out = reader(tmux_server, "raw", mode=r"\033[?2004h" if asked else "")
    text = "one\ntwo\x1b[20\x1b[201~1~;three"
    assert (await type_text(connection, attempt(pin, 1, text), tmux_server.home))[0] is Outcome.TYPED
    lines = b"one\rtwo;three"
    await arrived(tmux_server, out, b"\x1b[200~" + lines + b"\x1b[201~\r" if asked else lines + b"\r")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", ["short", "long", "tab", "lines"])
async def test_shells_run_what_is_typed(
    tmux_server: TmuxServer, connection: Connection, shell: str, text: str
) -> None:
    """bash, zsh, fish, dash and ksh run typed and pasted lines, with and without bracketed paste."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    pane = tmux_server.new_session("shell", *SHELLS[shell], size=(200, 50))
    tmux_server.wait_until(lambda: tmux_server.capture(pane).strip())
    out = tmux_server.home / "out"
    said = {"short": "세션 it;s", "long": "x" * 2000, "tab": "a\tb", "lines": "one"}[text]
    line = f"echo '{said}' >> {out}"
    if text == "lines":
        line += f"\necho two >> {out}"
    if text == "tab" and shell in {"fish", "ksh"}:
        pytest.skip("completes at a TAB, in a paste too")
    outcome = await type_text(connection, attempt(tmux_server.pin(pane), 1, line), tmux_server.home)
    assert outcome[0] is Outcome.TYPED
    expected = f"{said}\n" + ("two\n" if text == "lines" else "")
    await tmux_server.until(lambda: out.exists() and out.read_text().count("\n") == expected.count("\n"))
    assert out.read_text() == expected


# ── at most once ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["short", "long " * 200])
@pytest.mark.parametrize("pause", [False, True])
async def test_an_attempt_is_typed_once(
    tmux_server: TmuxServer, connection: Connection, text: str, pause: bool
) -> None:
    """The same attempt again types nothing and says `already`; the next attempt types."""
    pin, out = reader(tmux_server, "raw")
    first = attempt(pin, 7, text, pause=pause)
    outcomes = [(await type_text(connection, first, tmux_server.home))[0] for _ in range(3)]
    assert outcomes == [Outcome.TYPED, Outcome.ALREADY, Outcome.ALREADY]
    assert (await type_text(connection, attempt(pin, 8, "next"), tmux_server.home))[0] is Outcome.TYPED
    assert (await type_text(connection, first, tmux_server.home))[0] is Outcome.ALREADY
    await arrived(tmux_server, out, f"{text}\rnext\r".encode())


async def test_a_paste_without_enter_is_completed_by_enter_alone(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """A break between text and Enter is mended by the same attempt: the text is not typed again."""
    pin, out = reader(tmux_server, "raw")
    broken = asyncio.create_task(type_text(connection, attempt(pin, 1, "text", pause=True), tmux_server.home))
    await tmux_server.until(lambda: out.exists() and out.read_bytes() == b"text")
    broken.cancel()
    outcome = await type_text(connection, attempt(pin, 1, "text", pause=True), tmux_server.home)
    assert outcome == (Outcome.TYPED, "")
    await arrived(tmux_server, out, b"text\r")


async def test_counters_of_two_journals_do_not_mix(tmux_server: TmuxServer, connection: Connection) -> None:
    """A pane that another state folder typed into at a higher number still takes our first attempt."""
    pin, out = reader(tmux_server, "raw")
    other = Attempt("deadbeef", 500, pin, "other", pause=False)
    assert (await type_text(connection, other, tmux_server.home))[0] is Outcome.TYPED
    assert (await type_text(connection, attempt(pin, 1, "ours"), tmux_server.home))[0] is Outcome.TYPED
    await arrived(tmux_server, out, b"other\rours\r")


def _end_our_sessions(server: TmuxServer) -> None:
    """At once. A client that comes just when a session ends can crash 3.2 to 3.5."""
    for session in server.run("list-sessions", "-F", "#{session_id} #{session_name}").splitlines():
        if "~ts-ipc" in session:
            server.run("kill-session", "-t", session.split()[0], check=False)


async def _kill_and_retry(
    server: TmuxServer, pin: PanePin, number: int, text: str, chance: random.Random
) -> None:
    """Type with a client that dies at a random moment, then again with a client that lives."""
    connection = await connect(server.socket, binary=server.binary)
    typing = asyncio.create_task(type_text(connection, attempt(pin, number, text), server.home))
    await asyncio.sleep(chance.random() * 0.001)
    connection.abort()
    try:
        outcome, _ = await typing
    except TmuxError:
        outcome = Outcome.UNKNOWN
    _end_our_sessions(server)
    while outcome is Outcome.UNKNOWN:
        connection = await connect(server.socket, binary=server.binary)
        outcome, _ = await type_text(connection, attempt(pin, number, text), server.home)
        await connection.close()
        _end_our_sessions(server)
    assert outcome in {Outcome.TYPED, Outcome.ALREADY}


@pytest.mark.parametrize("length", [1, 1000])
async def test_killed_clients_neither_lose_nor_repeat(tmux_server: TmuxServer, length: int) -> None:
    """A client killed at any moment, and the attempt handed in again: each text arrives exactly once."""
    pin, out = reader(tmux_server, "raw")
    chance = random.Random(length)  # noqa: S311 - not a secret
    rounds = 40
    for number in range(1, rounds + 1):
        await _kill_and_retry(tmux_server, pin, number, f"{number}" * length, chance)
    await arrived(tmux_server, out, b"".join(f"{n}".encode() * length + b"\r" for n in range(1, rounds + 1)))


async def test_many_panes_are_typed_into_together(tmux_server: TmuxServer, connection: Connection) -> None:
    """In one list: each pane gets its text once; one that is gone or refuses keeps nobody else back."""
    readers = [reader(tmux_server, f"raw{number}") for number in range(8)]
    tmux_server.run("copy-mode", "-t", readers[3][0].pane)
    tmux_server.run("kill-pane", "-t", readers[5][0].pane)

    async def type_all() -> list[Outcome]:
        texts = (attempt(pin, 1 + n, f"text {n} " * (1 + 9 * (n % 2))) for n, (pin, _) in enumerate(readers))
        typing = (type_text(connection, each, tmux_server.home) for each in texts)
        return [outcome for outcome, _ in await asyncio.gather(*typing)]

    expected = {3: Outcome.REFUSED, 5: Outcome.GONE}
    assert await type_all() == [expected.get(n, Outcome.TYPED) for n in range(8)]
    tmux_server.run("send-keys", "-t", readers[3][0].pane, "-X", "cancel")
    expected = {3: Outcome.TYPED, 5: Outcome.GONE}
    assert await type_all() == [expected.get(n, Outcome.ALREADY) for n in range(8)]
    for number, (_, out) in enumerate(readers):
        if number != 5:
            await arrived(tmux_server, out, f"text {number} ".encode() * (1 + 9 * (number % 2)) + b"\r")


async def test_without_the_guard_a_retry_repeats(tmux_server: TmuxServer, connection: Connection) -> None:
    """The negative control: plain keys, handed in again after a lost answer, arrive twice."""
    pin, out = reader(tmux_server, "raw")
    for _ in range(2):
        await connection.run(f"send-keys -t {pin.pane} -H 41 0d")
    await arrived(tmux_server, out, b"A\rA\r")


# ── the guard ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["short", "long " * 200])
@pytest.mark.parametrize(
    ("hinder", "reason"),
    [
        (("copy-mode",), "copy mode"),
        (("select-pane", "-d"), "input is off"),
        (("set-option", "-w", "synchronize-panes", "on"), "synchronize-panes"),
    ],
    ids=["copy-mode", "input-off", "synchronized"],
)
async def test_a_pane_that_would_lose_or_spread_keys_is_refused(
    tmux_server: TmuxServer, connection: Connection, text: str, hinder: tuple[str, ...], reason: str
) -> None:
    """Copy mode, input off and synchronize-panes: nothing is typed, anywhere, and the reason is told."""
    pin, out = reader(tmux_server, "raw")
    other = tmux_server.home / "other"
    tmux_server.run("split-window", "-t", pin.pane, f"cat > {other}")
    tmux_server.run(hinder[0], "-t", pin.pane, *hinder[1:])
    outcome, said = await type_text(connection, attempt(pin, 1, text), tmux_server.home)
    assert outcome is Outcome.REFUSED
    assert reason in said
    assert tmux_server.run("list-buffers") == ""
    await tmux_server.until(other.exists)
    assert (out.read_bytes(), other.read_bytes()) == (b"", b"")


async def test_a_dead_pane_is_refused(tmux_server: TmuxServer, connection: Connection) -> None:
    """A pane whose program ended, kept by remain-on-exit, would swallow keys: it is refused."""
    pane = tmux_server.new_session("dying")
    tmux_server.run("set-option", "-w", "-t", pane, "remain-on-exit", "on")
    pin = tmux_server.pin(pane)
    tmux_server.run("send-keys", "-t", pane, "exit", "Enter")
    tmux_server.wait_until(lambda: tmux_server.ask(pane, "#{pane_dead}") == "1")
    outcome, said = await type_text(connection, attempt(pin, 1, "x"), tmux_server.home)
    assert (outcome, "ended" in said) == (Outcome.REFUSED, True)


async def test_another_life_of_a_pane_is_gone(tmux_server: TmuxServer, connection: Connection) -> None:
    """A respawned pane keeps its id but is another one: nothing is typed into it."""
    pin, out = reader(tmux_server, "raw")
    tmux_server.run("respawn-pane", "-k", "-t", pin.pane, f"stty raw; printf go; cat > {out}")
    tmux_server.wait_until(lambda: "go" in tmux_server.capture(pin.pane))
    assert (await type_text(connection, attempt(pin, 1, "x"), tmux_server.home))[0] is Outcome.GONE
    assert out.read_bytes() == b""


@pytest.mark.parametrize("text", ["short", "long " * 200])
async def test_a_pane_that_does_not_exist_is_gone(
    tmux_server: TmuxServer, connection: Connection, text: str
) -> None:
    """A closed pane's keys go nowhere: neither to the current pane nor to our own session's."""
    pin = tmux_server.pin("%0")
    gone = PanePin(pin.server, "%99", pin.pid)
    before = tmux_server.capture("%0")
    assert (await type_text(connection, attempt(gone, 1, text), tmux_server.home))[0] is Outcome.GONE
    assert tmux_server.capture("%0") == before


async def test_a_copy_mode_entered_before_enter_leaves_it_unknown(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """Text that is in, with Enter held back, is not reported as refused: it would be typed again."""
    pin, out = reader(tmux_server, "raw")
    typing = asyncio.create_task(type_text(connection, attempt(pin, 1, "text", pause=True), tmux_server.home))
    await tmux_server.until(lambda: out.exists() and out.read_bytes() == b"text")
    tmux_server.run("copy-mode", "-t", pin.pane)
    outcome, reason = await typing
    assert (outcome, "copy mode" in reason) == (Outcome.UNKNOWN, True)


def test_no_end_of_paste_survives() -> None:
    """Taking one out does not make another of the rest."""
    assert pasteable("a\x1b[20\x1b[201~1~b\x9b201~c") == "abc"


def test_short_text_is_plain() -> None:
    """Only text that no program reads as a command key goes as keys."""
    assert is_short("echo 세션; ls")
    assert not any(map(is_short, ["a\tb", "a\nb", "\x1b[A", "x" * 65, "세" * 22]))
