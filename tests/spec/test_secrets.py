"""A secret goes in on standard input and comes out in its session; nothing on the way shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.spec.conftest import Shell
from tests.support.wait import until

TOKEN = "tkn-5f3a9c-secret"
SHOWN = "(secret, 17 bytes)"


def files_with(shell: Shell, text: str) -> set[str]:
    """Files of the state folder that hold `text`, but the journal, which has to."""
    return {
        path.relative_to(shell.ipc).as_posix()
        for path in _files(shell.ipc)
        if path.relative_to(shell.ipc).parts[0] != "journal" and text.encode() in path.read_bytes()
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def said(shell: Shell, id_: str) -> str:
    """All that the listings say, as text and as JSON."""
    ran = shell.run(f"ts-ipc queue; ts-ipc queue --json; ts-ipc show {id_}; ts-ipc show {id_} --json; "
                    "ts-ipc events; ts-ipc daemon logs")  # fmt: skip
    assert ran.status == 0, ran
    return ran.out + ran.err


def file_of(shell: Shell, id_: str) -> str:
    path = shell.ipc / f"queue/{id_}.json"
    return path.read_text() if path.exists() else ""


def test_secret_data_reaches_its_file_and_nothing_else(sessions: Shell) -> None:
    """Byte for byte from standard input."""
    ran = sessions.run("ts-ipc send ci claude-fortinet - data --secret", stdin=TOKEN)
    assert ran.status == 0, ran
    id_ = ran.out.strip()
    sessions.delivered(id_)
    assert (sessions.ipc / "claude-fortinet.data").read_text() == TOKEN
    until(lambda: "delivered" in file_of(sessions, id_), what="the view")
    assert SHOWN in file_of(sessions, id_)
    assert SHOWN in said(sessions, id_)
    assert TOKEN not in ran.err + said(sessions, id_)
    assert files_with(sessions, TOKEN) == {"claude-fortinet.data"}


def test_a_secret_command_is_typed_whole_and_shown_nowhere(sessions: Shell) -> None:
    """While it waits for a busy shell, and when it has been typed."""
    sessions.ok("ts-ipc send ci claude-manager 'read -r line && echo got-$line'")
    sessions.delivered("msg-1")
    command = f"echo {TOKEN} >~/came"
    ran = sessions.run("ts-ipc send ci claude-manager - --secret", stdin=command + "\n")
    id_ = ran.out.strip()
    until(lambda: "held" in file_of(sessions, id_), what="it waits")
    assert TOKEN not in ran.err + said(sessions, id_)
    assert files_with(sessions, TOKEN) == set()
    sessions.tmux.run("send-keys", "-t", "=claude-manager:", "x", "Enter")
    sessions.delivered(id_)
    came = sessions.home / "came"
    until(lambda: came.exists() and came.read_text() == f"{TOKEN}\n", what="it ran")
    until(lambda: "delivered" in file_of(sessions, id_), what="the view")
    assert TOKEN not in said(sessions, id_)
    assert files_with(sessions, TOKEN) == set()


def test_without_the_option_the_views_show_it(sessions: Shell) -> None:
    """The control: the same looks find what is no secret."""
    ran = sessions.run("ts-ipc send ci claude-fortinet - data", stdin=TOKEN)
    id_ = ran.out.strip()
    sessions.delivered(id_)
    until(lambda: "delivered" in file_of(sessions, id_), what="the view")
    assert TOKEN in said(sessions, id_)
    assert files_with(sessions, TOKEN) == {"claude-fortinet.data", f"queue/{id_}.json"}


def test_a_secret_notification_is_refused(sessions: Shell) -> None:
    """Status 2, and why."""
    ran = sessions.run("ts-ipc send ci claude-planka - notification --secret", stdin=TOKEN)
    assert ran.status == 2
    assert "whoever is attached sees it" in ran.err
    assert TOKEN not in ran.err
