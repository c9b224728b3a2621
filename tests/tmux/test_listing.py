"""What a server holds, as values: names byte for byte, clients counted, our own left out."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tsipcd.tmux.connection import Connection, connect
from tsipcd.tmux.listing import OURS, list_clients, list_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tmux.conftest import Terminal, TmuxServer

pytestmark = pytest.mark.tmux

NAMES = [
    "a b",
    "quo\"te's",
    "세션 🚀",
    "p|pe",
    "%0",
    "=x",
    "@2",
    "*",
    "-flag",
    "a/b",
    "{last}",
    "~ts-ipc-x",
    "_ts-ipc-1",
    "s",
    "p",
    "c",
    "o",
    "claude-man",
    "claude-manager",
]


async def test_any_name_is_listed_as_tmux_has_it(tmux_server: TmuxServer, connection: Connection) -> None:
    """Spaces, quotes, bars and target syntax in names come through, and panes belong to their sessions."""
    for name in NAMES:
        tmux_server.run("new-session", "-d", "-s", name, "-n", f"w {name}", "cat", "-")
    listing = await list_server(connection)
    real = tmux_server.run("list-sessions", "-F", "#{session_name}").splitlines()
    assert [s.name for s in listing.sessions] == [name for name in real if not OURS.fullmatch(name)]
    assert len(listing.sessions) == len(NAMES) + 1
    for session in listing.sessions:
        (pane,) = session.panes
        assert pane == session.active_pane
        assert pane.pin == tmux_server.pin(pane.pin.pane)
        assert session.name == "work" or pane.window_name == f"w {session.name}"


@pytest.mark.parametrize("name", ["s", "p", "c", "o"])
async def test_a_name_like_our_own_marks_is_a_name(
    tmux_server: TmuxServer, connection: Connection, name: str
) -> None:
    """One letter, which also tells what kind of record comes, as the name of a session and of a window."""
    tmux_server.run("new-session", "-d", "-s", name, "-n", name, "cat", "-")
    listing = await list_server(connection)
    assert {session.name for session in listing.sessions} == {"work", name}
    assert [session.panes[0].window_name for session in listing.sessions if session.name == name] == [name]


@pytest.mark.parametrize(
    "name", ["tab\there", "new\nline", "esc\x1b[31m", "\udcff\udcfe", "back\\slash", "50%d#S"]
)
async def test_names_with_controls_do_not_break_the_list(
    tmux_server: TmuxServer, connection: Connection, name: str
) -> None:
    """3.1 keeps tabs and newlines in names, later versions escape or refuse them: all is listed."""
    tmux_server.run("new-session", "-d", "-s", name, "-n", name, "cat", "-", check=False)
    made = tmux_server.run("list-sessions", "-F", "#{session_id}").count("$") == 3
    listing = await list_server(connection)
    assert len(listing.sessions) == (2 if made else 1)
    assert all(len(session.panes) == 1 for session in listing.sessions)
    for session in listing.sessions:
        session.name.encode()


async def test_windows_and_panes_are_in_order(tmux_server: TmuxServer, connection: Connection) -> None:
    """By window and pane index, with what is active in each, and what runs there."""
    tmux_server.run("split-window", "-d", "-t", "%0", "cat", "-")
    new = ("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "work", "-n", "second")
    sleeping = tmux_server.run(*new, "sleep", "1000")
    (session,) = (await list_server(connection)).sessions
    assert session.windows == 2
    assert [(p.window, p.index, p.active, p.window_active) for p in session.panes] == [
        (0, 0, True, True),
        (0, 1, False, True),
        (1, 0, True, False),
    ]
    assert session.active_pane is not None
    assert session.active_pane.pin.pane == "%0"
    await tmux_server.until(lambda: tmux_server.ask(sleeping, "#{pane_current_command}") == "sleep")
    (session,) = (await list_server(connection)).sessions
    assert [p.command for p in session.panes] == ["bash", "cat", "sleep"]
    assert session.panes[2].window_name == "second"


async def test_grouped_sessions_share_their_panes(tmux_server: TmuxServer, connection: Connection) -> None:
    """Sessions of a group are listed each, with the same panes."""
    tmux_server.run("new-session", "-d", "-t", "work", "-s", "twin")
    first, second = (await list_server(connection)).sessions
    assert {first.name, second.name} == {"work", "twin"}
    assert [p.pin for p in first.panes] == [p.pin for p in second.panes]


async def test_only_peoples_clients_count(
    tmux_server: TmuxServer, connection: Connection, attach: Callable[[TmuxServer, str], Terminal]
) -> None:
    """A terminal counts for its session; control clients, ours and others', count nowhere."""
    tmux_server.run("new-session", "-d", "-s", "other", "cat", "-")
    terminal = attach(tmux_server, "work")
    arguments = [tmux_server.binary, "-S", str(tmux_server.socket), "-C", "attach-session", "-t", "other"]
    control = subprocess.Popen(  # noqa: ASYNC220 - a test may block
        arguments, env=tmux_server.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    clients = "list-clients", "-F", "#{client_control_mode}#{session_name}"
    await tmux_server.until(lambda: "1other" in tmux_server.run(*clients))
    sessions = {s.name: s for s in (await list_server(connection)).sessions}
    assert {name: s.attached for name, s in sessions.items()} == {"work": 1, "other": 0}
    assert [c.name for c in await list_clients(connection, sessions["work"].id)] == [terminal.client]
    assert await list_clients(connection, sessions["other"].id) == []
    control.kill()
    control.communicate()


async def test_our_sessions_of_other_daemons_are_left_out(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """Two daemons with two state folders do not show each other's private sessions."""
    second = await connect(tmux_server.socket, binary=tmux_server.binary)
    assert [s.name for s in (await list_server(connection)).sessions] == ["work"]
    await second.close()


async def test_a_server_that_only_we_keep_is_to_be_left(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """Without sessions of the users' it would exit; unless it is told to stay."""
    assert not (await list_server(connection)).must_leave
    tmux_server.run("kill-session", "-t", "work")
    assert (await list_server(connection)).must_leave
    tmux_server.run("set-option", "-s", "exit-empty", "off")
    assert not (await list_server(connection)).must_leave


async def test_a_server_that_exits_without_clients_is_to_be_left(
    tmux_server: TmuxServer, connection: Connection, attach: Callable[[TmuxServer, str], Terminal]
) -> None:
    """With `exit-unattached` on, ours must not be the client that keeps it."""
    attach(tmux_server, "work")
    tmux_server.run("set-option", "-s", "exit-unattached", "on")
    assert not (await list_server(connection)).must_leave
    tmux_server.run("detach-client", "-s", "work")
    await tmux_server.until(lambda: not tmux_server.run("list-clients", "-t", "work"))
    assert (await list_server(connection)).must_leave


async def test_a_users_hook_does_not_spoil_the_list(tmux_server: TmuxServer, connection: Connection) -> None:
    """Blocks that a hook prints in between are passed over."""
    tmux_server.run("set-hook", "-g", "after-list-panes", "display-message -p 'hooked $0 %0'")
    assert [s.name for s in (await list_server(connection)).sessions] == ["work"]


async def test_a_crowd_is_listed_whole(tmux_server: TmuxServer, connection: Connection) -> None:
    """60 sessions, one by one their own."""
    for number in range(60):
        tmux_server.run("new-session", "-d", "-s", f"s{number}", "cat", "-")
    sessions = (await list_server(connection)).sessions
    assert {s.name for s in sessions} == {"work", *(f"s{n}" for n in range(60))}
    assert len({p.pin for s in sessions for p in s.panes}) == 61
    assert os.getpid() not in {p.pin.pid for s in sessions for p in s.panes}
