"""Notifications: on the right screens, as they are, and never run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tsipcd.tmux.connection import Connection
from tsipcd.tmux.notify import OPTION, as_shown, show_text

if TYPE_CHECKING:
    from tests.tmux.conftest import Terminal, TmuxServer

pytestmark = pytest.mark.tmux

HOSTILE = [
    "plain 세션 🚀",
    "#(touch pwned)",
    "###(touch pwned)",
    "#{pid} ##{pid} #{E:@evil} #{T:@evil}",
    "#[fg=red]red ##[fg=blue] ###[x]",
    "50%d of %H %% %",
    "a#b ##c # end#",
    "#,} #S #I",
    '-p it\'s "q" ; $HOME `id` \\',
    "-",
]


@pytest.fixture
def screens(
    tmux_server: TmuxServer, attach: Callable[[TmuxServer, str], Terminal]
) -> tuple[Terminal, Terminal]:
    """Two terminals, one attached to `work`, one to `other`."""
    tmux_server.run("new-session", "-d", "-s", "other", "cat", "-")
    tmux_server.run("set-option", "-g", "display-time", "20000")
    tmux_server.run("set-option", "-g", "@evil", "#(touch pwned)")
    return attach(tmux_server, "work"), attach(tmux_server, "other")


@pytest.mark.parametrize("text", HOSTILE)
async def test_text_is_shown_as_it_is_and_only_there(
    tmux_server: TmuxServer, connection: Connection, screens: tuple[Terminal, Terminal], text: str
) -> None:
    """Formats, styles, dates and commands in a text are neither expanded nor run, on any version."""
    there, elsewhere = screens
    before = elsewhere.screen()
    assert await show_text(connection, "$0", text) == 1
    await tmux_server.until(lambda: text in there.screen().splitlines()[-1])
    assert there.screen().splitlines()[-1].rstrip() == text
    assert elsewhere.screen().splitlines()[:-1] == before.splitlines()[:-1]
    assert not elsewhere.screen().splitlines()[-1].startswith(text)
    assert not list(tmux_server.home.rglob("pwned"))
    assert tmux_server.run("show-options", "-gqv", OPTION) == ""


async def test_controls_and_direction_marks_are_made_visible(
    tmux_server: TmuxServer, connection: Connection, screens: tuple[Terminal, Terminal]
) -> None:
    """One line, without escape sequences or text that runs backwards."""
    there, _ = screens
    await show_text(connection, "$0", "a\nb\x1b]0;t\x07\u202eevil")
    await tmux_server.until(lambda: "evil" in there.screen())
    assert r"a\nb\x1b]0;t\x07\u202eevil" in there.screen()


async def test_every_client_of_the_session_is_served(
    tmux_server: TmuxServer,
    connection: Connection,
    attach: Callable[[TmuxServer, str], Terminal],
    screens: tuple[Terminal, Terminal],
) -> None:
    """Two people on one session both see it."""
    both = (screens[0], attach(tmux_server, "work"))
    assert await show_text(connection, "$0", "for both") == 2
    await tmux_server.until(lambda: all("for both" in terminal.screen() for terminal in both))


async def test_nobody_attached_is_none(tmux_server: TmuxServer, connection: Connection) -> None:
    """Control clients do not count, and a session that is gone has no clients."""
    assert tmux_server.run("list-clients") != ""
    assert await show_text(connection, "$0", "unseen") == 0
    assert await show_text(connection, "$99", "unseen") == 0


def test_old_versions_draw_what_they_get() -> None:
    """Before 3.2 there are no styles in messages, and a doubled `#` would show twice."""
    assert as_shown("#1 #[x]", (3, 1, "c")) == "#1 #[x]"
    assert as_shown("#1 #[x]", (3, 2, "")) == "##1 ##[x]"
    assert len(as_shown("x" * 5000, (3, 3, "a"))) < 2000
