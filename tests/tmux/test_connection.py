"""The control client: what it must not do to a server, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsipcd.tmux.commands import command
from tsipcd.tmux.connection import (
    Connection,
    Deadline,
    Lost,
    TmuxError,
    Unsent,
    connect,
    parse_version,
)
from tsipcd.tmux.control import Notification
from tsipcd.tmux.inquiry import child_environment

if TYPE_CHECKING:
    from tests.tmux.conftest import TmuxServer

pytestmark = pytest.mark.tmux


def ours(server: TmuxServer) -> int:
    return server.run("list-sessions").count("~ts-ipc-")


async def test_requests_in_flight_get_their_own_answers(connection: Connection) -> None:
    """Many at once, each with several blocks, are answered each with its own."""
    answers = await asyncio.gather(
        *(connection.run(f"display-message -p a{n}", f"display-message -p b{n}") for n in range(200))
    )
    assert [[block.text for block in blocks] for blocks in answers] == [
        [f"a{n}", f"b{n}"] for n in range(200)
    ]


async def test_a_failing_command_skips_the_rest_of_its_list_only(connection: Connection) -> None:
    """The failed block is told as such, and the next request is answered."""
    blocks = await connection.run("display-message -p one", "kill-pane -t %99", "display-message -p two")
    assert [block.ok for block in blocks] == [True, False]
    assert "%99" in blocks[1].text
    assert (await connection.run("display-message -p on"))[0].text == "on"


@pytest.mark.parametrize("line", ["no-such-command", "{", "display-message -x"])
async def test_a_line_that_does_not_parse_is_an_error(connection: Connection, line: str) -> None:
    """Bad syntax gives a failed block, and nothing hangs."""
    assert not (await connection.run(line))[-1].ok


async def test_who_joins_a_list_may_give_up_alone(connection: Connection) -> None:
    """Commands of one turn are one list in the order they came; one that is not waited for harms no other."""
    first = asyncio.create_task(connection.run("display-message -p first"))
    joined = [asyncio.create_task(connection.join(f"display-message -p {name}")) for name in "abc"]
    await asyncio.sleep(0)
    joined[1].cancel()
    assert [block.text for block in await first] == ["first"]
    for task in (joined[0], joined[2]):
        assert [block.text for block in await task] == ["a", "b", "c"]
    assert [block.text for block in await connection.join("display-message -p alone")] == ["alone"]


async def test_a_users_hooks_do_not_mix_up_answers(tmux_server: TmuxServer, connection: Connection) -> None:
    """A hook prints blocks of its own; the request still gets all of its blocks and ends."""
    tmux_server.run("set-hook", "-g", "after-list-panes", "display-message -p hooked")
    blocks = await connection.run("list-panes -t %0 -F 'pane-#{pane_id}'")
    assert "pane-%0" in [block.text for block in blocks]
    assert (await connection.run("display-message -p next"))[0].text == "next"


async def test_giving_up_leaves_no_fifo(tmux_server: TmuxServer) -> None:
    """A connection that is cut has removed its FIFO by then, whatever the loop does afterwards."""
    folder = tmux_server.home / "fifos"
    folder.mkdir()
    connection = await connect(tmux_server.socket, binary=tmux_server.binary, folder=folder)
    connection.abort()
    assert not list(folder.iterdir())
    await connection.ended.wait()


async def test_no_server_is_ever_started(new_server: Callable[[str], TmuxServer]) -> None:
    """Where none listens, connecting fails and leaves nothing behind."""
    server = new_server("none")
    server.socket.parent.mkdir(mode=0o700)
    with pytest.raises(TmuxError):
        await connect(server.socket, binary=server.binary)
    assert not server.socket.exists()


async def test_a_missing_tmux_is_told(tmux_server: TmuxServer) -> None:
    """A binary that is not there is named."""
    with pytest.raises(Unsent, match="/no/such/tmux"):
        await connect(tmux_server.socket, binary="/no/such/tmux")


async def test_users_sessions_are_not_attached(tmux_server: TmuxServer, connection: Connection) -> None:
    """Our client counts in no session but its own, which sorts last and runs one cheap process."""
    lines = tmux_server.run("list-sessions", "-F", "#{session_name} #{session_attached}").splitlines()
    assert lines[0] == "work 0"
    assert lines[1].startswith("~ts-ipc-")
    assert len(lines) == 2
    panes = await connection.run("list-panes -F '#{pane_id}'")
    pane = panes[0].lines[0]
    await tmux_server.until(lambda: tmux_server.ask(pane, "#{pane_current_command}") == "sh")
    assert len(panes[0].lines) == 1


async def test_closing_leaves_nothing(tmux_server: TmuxServer) -> None:
    """After `close` neither client, session nor FIFO is left, and the users' sessions are all there."""
    folder = tmux_server.home / "fifos"
    folder.mkdir()
    connection = await connect(tmux_server.socket, binary=tmux_server.binary, folder=folder)
    await connection.close()
    await tmux_server.until(lambda: ours(tmux_server) == 0)
    assert tmux_server.run("list-sessions", "-F", "#{session_name}") == "work"
    assert not list(folder.iterdir())
    with pytest.raises(Unsent):
        await connection.run("list-sessions")


async def test_a_killed_client_takes_its_session_along(tmux_server: TmuxServer) -> None:
    """When the client dies, whoever asks learns it, and our session goes."""
    connection = await connect(tmux_server.socket, binary=tmux_server.binary)
    lost: list[Connection] = []
    connection.on_lost = lost.append
    asked = asyncio.create_task(connection.run("wait-for never"))
    await asyncio.sleep(0)
    os.kill(connection._process.pid, signal.SIGKILL)
    with pytest.raises(Lost):
        await asked
    assert lost == [connection]
    await tmux_server.until(lambda: ours(tmux_server) == 0)


def is_gone(process: Path) -> bool:
    return not os.path.lexists(process)


HOLDER = """
import asyncio, sys
from pathlib import Path
from tsipcd.tmux.connection import connect
async def main():
    connection = await connect(Path(sys.argv[1]), binary=sys.argv[2])
    print(connection._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_killed_daemon_leaves_no_session_and_no_crash(tmux_server: TmuxServer) -> None:
    """SIGKILL of our process, amid other work of the server, ends client and session and harms nobody."""
    for _ in range(5):
        arguments = [sys.executable, "-c", HOLDER, str(tmux_server.socket), tmux_server.binary]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as holder:  # noqa: ASYNC220 - a test may block
            assert holder.stdout is not None
            client = Path("/proc", holder.stdout.readline().decode().strip(), "exe")
            assert ours(tmux_server) == 1
            tmux_server.run("rename-session", "-t", "work", "other")
            tmux_server.run("rename-session", "-t", "other", "work")
            holder.kill()
            for _ in range(3):
                tmux_server.run("list-sessions")
        await tmux_server.until(partial(is_gone, client))
        await tmux_server.until(lambda: ours(tmux_server) == 0)
    assert tmux_server.run("list-sessions", "-F", "#{session_name}") == "work"


async def test_leaving_a_busy_server_does_not_crash_it(tmux_server: TmuxServer) -> None:
    """`destroy-unattached` with a control client crashes some versions when it leaves: we do without."""
    tmux_server.run("set-option", "-g", "destroy-unattached", "off")
    for _ in range(10):
        connection = await connect(tmux_server.socket, binary=tmux_server.binary)
        shown = await connection.run("show-options -v destroy-unattached")
        assert shown[0].text == "off"
        tmux_server.run("rename-session", "-t", "work", "other")
        tmux_server.run("rename-session", "-t", "other", "work")
        await connection.close()
        for _ in range(3):
            assert "work" in tmux_server.run("list-sessions")
        await tmux_server.until(lambda: ours(tmux_server) == 0)


async def test_a_server_that_exits_ends_the_connection(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """`kill-server` is noticed at once."""
    tmux_server.kill()
    await asyncio.wait_for(connection.ended.wait(), 5)
    with pytest.raises(Unsent):
        await connection.run("list-sessions")


async def test_hostile_configuration_is_survived(new_server: Callable[[str], TmuxServer]) -> None:
    """Odd shells, hooks and options of the user neither stop us nor let anything be left behind."""
    server = new_server("hostile")
    config = server.home / "hostile.conf"
    config.write_text(
        "set -g default-shell /bin/false\nset -g default-command 'exit 3'\nset -g remain-on-exit on\n"
        "set -g detach-on-destroy off\nset -g status 3\nset -g base-index 7\nset -g mouse on\n"
        "set -g update-environment TMUX\nset -g lock-after-time 1\nset -g automatic-rename off\n"
        "set-hook -g session-created 'display-message -p created'\n"
        "set-hook -g after-new-session 'rename-window hooked'\n"
        "set-hook -g client-attached 'display-message -p attached'\n"
    )
    server.run("-f", str(config), "new-session", "-d", "-s", "work", "cat", "-")
    connection = await connect(server.socket, binary=server.binary)
    assert (await connection.run("display-message -p fine"))[0].text == "fine"
    await connection.close()
    await server.until(lambda: ours(server) == 0)
    assert server.run("list-sessions", "-F", "#{session_name} #{session_attached}") == "work 0"


async def test_our_session_killed_by_a_person_harms_nobody(
    tmux_server: TmuxServer, connection: Connection
) -> None:
    """Our client ends; it does not move on to a user's session, even if the user's clients would."""
    tmux_server.run("set-option", "-g", "detach-on-destroy", "off")
    tmux_server.run("kill-session", "-t", connection._session)
    await asyncio.wait_for(connection.ended.wait(), 5)
    assert tmux_server.run("list-sessions", "-F", "#{session_name} #{session_attached}") == "work 0"


async def test_a_stopped_server_holds_nobody_longer_than_told(tmux_server: TmuxServer) -> None:
    """Requests to a stopped server, and connecting to it, end at their deadlines; it goes on unharmed."""
    connection = await connect(tmux_server.socket, binary=tmux_server.binary)
    pid = connection.server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(Deadline):
            await connection.run("list-sessions", deadline_s=0.2)
        with pytest.raises(Deadline):
            await connect(tmux_server.socket, binary=tmux_server.binary, deadline_s=0.2)
        await connection.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    await tmux_server.until(lambda: ours(tmux_server) == 0)
    assert tmux_server.run("list-sessions", "-F", "#{session_name}") == "work"


async def test_notifications_are_told(tmux_server: TmuxServer, connection: Connection) -> None:
    """What happens on the server arrives unasked, until one stops listening."""
    heard: list[Notification] = []
    stop = connection.listen(heard.append)
    tmux_server.run("new-session", "-d", "-s", "second", "cat", "-")
    await tmux_server.until(lambda: any(one.name == "sessions-changed" for one in heard))
    stop()
    heard.clear()
    tmux_server.run("kill-session", "-t", "second")
    await connection.run("list-sessions")
    assert heard == []


async def test_names_arrive_as_they_are_in_any_locale(
    tmux_server: TmuxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that systemd started without a locale still reads UTF-8."""
    monkeypatch.setenv("LC_ALL", "C")
    tmux_server.run("rename-session", "-t", "work", "세션")
    connection = await connect(tmux_server.socket, binary=tmux_server.binary)
    blocks = await connection.run(command("list-sessions", "-F", "#{session_name}"))
    assert "세션" in blocks[0].lines
    await connection.close()


def test_the_child_is_in_no_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our client does not inherit that the daemon was started inside of tmux."""
    monkeypatch.setenv("TMUX", "/tmp/x,1,0")  # noqa: S108 - never opened
    monkeypatch.setenv("TMUX_PANE", "%1")
    assert not {"TMUX", "TMUX_PANE"} & set(child_environment())


def test_versions_compare() -> None:
    """Releases, fixes and development versions are in order."""
    texts = ["3.1c", "3.2", "3.3a", "next-3.4", "3.10", "master"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(versions)
    assert versions[2] == (3, 3, "a")
