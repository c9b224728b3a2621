"""The facade on real servers: what it finds, what it does, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from tsipcd.core.effects import ShowText, TypeKeys
from tsipcd.core.inputs import Input, Outcome, ServerGone, ServerSeen, TextShown, Typed
from tsipcd.core.topology import PanePin, Place, ServerId, Session
from tsipcd.tmux import keys
from tsipcd.tmux.driver import Tmux
from tsipcd.tmux.sockets import answers

if TYPE_CHECKING:
    from tests.tmux.conftest import Terminal, TmuxServer

pytestmark = pytest.mark.tmux

T = TypeVar("T")


class World:
    """A facade and what it told."""

    def __init__(self, home: Path, binary: str, *, linger_s: float = 120.0) -> None:
        self.told: list[Input] = []
        self.configured: list[Path] = []
        state = home / "state"
        state.mkdir()
        self.tmux = Tmux(
            directory=state,
            identity="abcdef01",
            sockets=lambda: self.configured,
            emit=self.told.append,
            binary=binary,
            linger_s=linger_s,
        )

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.told if isinstance(event, kind)]

    def sessions(self) -> dict[str, Session]:
        """By name, as the last word on each socket has it."""
        known: dict[str, tuple[Session, ...]] = {}
        for event in self.told:
            if isinstance(event, ServerSeen):
                known[event.server.socket] = event.sessions
            elif isinstance(event, ServerGone):
                known.pop(event.socket, None)
        return {session.name: session for sessions in known.values() for session in sessions}

    def place(self, name: str) -> Place:
        session = self.sessions()[name]
        return Place(session.server, session.id, session.name)


@pytest.fixture
async def world(home: Path, tmux_binary: str) -> AsyncIterator[World]:
    made = World(home, tmux_binary)
    yield made
    await made.tmux.close()


def ours(server: TmuxServer) -> int:
    return server.run("list-sessions", check=False).count("~ts-ipc-")


# ── what is there ─────────────────────────────────────────────────────────────────────────────────────────


async def test_all_servers_are_found(
    tmux_server: TmuxServer, new_server: Callable[[str], TmuxServer], world: World
) -> None:
    """Every server of the folder is listed, once, and asked again only when something changed."""
    new_server("second").new_session("other")
    assert await world.tmux.refresh() == ()
    assert set(world.sessions()) == {"work", "other"}
    assert world.tmux.is_current()
    assert world.sessions()["work"].server == tmux_server.server_id()
    world.told.clear()
    assert await world.tmux.refresh() == ()
    assert world.told == []
    assert await world.tmux.refresh(force=True) == ()
    assert len(world.all(ServerSeen)) == 2


async def test_a_change_in_a_server_makes_it_not_current(tmux_server: TmuxServer, world: World) -> None:
    """A session made, renamed or killed by anybody is known after the next refresh, without a scan of all."""
    await world.tmux.refresh()
    for command, expected in [
        (("new-session", "-d", "-s", "new", "cat", "-"), {"work", "new"}),
        (("rename-session", "-t", "new", "newer"), {"work", "newer"}),
        (("kill-session", "-t", "newer"), {"work"}),
    ]:
        tmux_server.run(*command)

        def is_noticed(names: set[str] = expected) -> bool:
            return not world.tmux.is_current() or set(world.sessions()) == names

        await tmux_server.until(is_noticed)
        await world.tmux.refresh()
        assert set(world.sessions()) == expected


async def test_a_server_whose_last_session_ends_exits(tmux_server: TmuxServer, world: World) -> None:
    """Our own session never keeps a server alive, even when nothing is held and nobody asks."""
    await world.tmux.refresh()
    tmux_server.run("kill-session", "-t", "work")
    await tmux_server.until(lambda: world.all(ServerGone) == [ServerGone(str(tmux_server.socket))])


async def test_while_held_changes_are_told_unasked(
    tmux_server: TmuxServer, new_server: Callable[[str], TmuxServer], world: World
) -> None:
    """Sessions, servers, windows and exits: `ServerSeen` and `ServerGone` come by themselves."""
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "work" in world.sessions())
    tmux_server.run("new-session", "-d", "-s", "new", "cat", "-")
    await tmux_server.until(lambda: "new" in world.sessions())
    second = new_server("second")
    second.new_session("other")
    await tmux_server.until(lambda: "other" in world.sessions())
    tmux_server.run("new-window", "-t", "work", "cat", "-")
    await tmux_server.until(lambda: world.sessions()["work"].windows == 2)
    second.kill()
    await tmux_server.until(lambda: world.all(ServerGone) == [ServerGone(str(second.socket))])
    second.new_session("again")
    await tmux_server.until(lambda: "again" in world.sessions())


async def test_clients_that_come_and_go_are_told(
    tmux_server: TmuxServer, world: World, attach: Callable[[TmuxServer, str], Terminal]
) -> None:
    """While held: attach and switch on every version; detach from 3.2 on."""
    tmux_server.run("new-session", "-d", "-s", "other", "cat", "-")
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "other" in world.sessions())

    def attached() -> tuple[int, int]:
        return world.sessions()["work"].attached, world.sessions()["other"].attached

    terminal = attach(tmux_server, "work")
    await tmux_server.until(lambda: attached() == (1, 0))
    tmux_server.run("switch-client", "-c", terminal.client, "-t", "other")
    await tmux_server.until(lambda: attached() == (0, 1))
    tmux_server.run("detach-client", "-t", terminal.client)
    if "3.1" in tmux_server.run("-V"):
        await world.tmux.refresh(force=True)
    await tmux_server.until(lambda: attached() == (0, 0))


async def test_a_server_that_nobody_needs_exits(tmux_server: TmuxServer, world: World) -> None:
    """When the users' last session ends, the server exits as it would have without us, and that is told."""
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "work" in world.sessions())
    tmux_server.run("kill-session", "-t", "work")
    await tmux_server.until(lambda: world.all(ServerGone))
    assert not answers(tmux_server.socket)


async def test_configured_and_learned_servers_are_found(
    tmux_server: TmuxServer, world: World, home: Path
) -> None:
    """A folder of the settings, and a socket of a caller's, count as soon as they are named."""
    await world.tmux.refresh()
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    for name in ("a", "b"):
        tmux_server.run(
            "-S", str(elsewhere / name), "-f", "/dev/null", "new-session", "-d", "-s", name, "cat", "-"
        )
    world.configured.append(elsewhere / "a")
    assert not world.tmux.is_current()
    await world.tmux.refresh()
    world.tmux.learn(elsewhere / "b")
    await world.tmux.refresh()
    assert set(world.sessions()) == {"work", "a", "b"}
    for name in ("a", "b"):
        tmux_server.run("-S", str(elsewhere / name), "kill-server", check=False)


async def test_a_server_with_two_sockets_is_one(tmux_server: TmuxServer, world: World, home: Path) -> None:
    """A hard link leads to the same server: it is listed once, and only one client of ours is there."""
    (home / "again").hardlink_to(tmux_server.socket)
    world.configured.append(home / "again")
    await world.tmux.refresh()
    await tmux_server.until(lambda: ours(tmux_server) == 1)
    await world.tmux.refresh()
    assert len({event.server.socket for event in world.all(ServerSeen)}) == 1
    assert ours(tmux_server) == 1


async def test_a_dead_socket_costs_nothing(tmux_server: TmuxServer, world: World) -> None:
    """What a server that crashed left behind is no problem and no server."""
    pid = tmux_server.server_id().pid
    await world.tmux.refresh()
    os.kill(pid, signal.SIGKILL)
    await tmux_server.until(lambda: not world.tmux.is_current())
    await asyncio.sleep(0.15)
    assert await world.tmux.refresh() == ()
    assert world.sessions() == {}
    assert world.tmux.is_current()


async def test_a_stopped_server_holds_no_other(
    tmux_server: TmuxServer, new_server: Callable[[str], TmuxServer], world: World
) -> None:
    """It is named as a problem, waited for once, and listed when it goes on; the others are served."""
    stuck = new_server("stuck")
    stuck.new_session("asleep")
    pid = stuck.server_id().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        problems = await world.tmux.refresh()
        assert set(world.sessions()) == {"work"}
        await world.tmux.refresh()
        start = time.monotonic()
        for _ in range(5):
            problems = await world.tmux.refresh() or problems
        assert time.monotonic() - start < 2
        await tmux_server.until(lambda: world.tmux._servers[stuck.socket].problem)
        assert any(str(stuck.socket) in problem for problem in await world.tmux.refresh())
        world.tmux.hold(wanted=True)
    finally:
        os.kill(pid, signal.SIGCONT)
    await tmux_server.until(lambda: "asleep" in world.sessions())
    assert await world.tmux.refresh() == ()


async def test_a_client_that_was_killed_is_replaced_while_held(tmux_server: TmuxServer, world: World) -> None:
    """The server is listed again by a new one; nothing says that it was gone."""
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "work" in world.sessions())
    world.told.clear()
    client = tmux_server.run("list-clients", "-F", "#{client_pid}")
    os.kill(int(client), signal.SIGKILL)
    await tmux_server.until(lambda: world.all(ServerSeen))
    assert world.all(ServerGone) == []
    await tmux_server.until(lambda: ours(tmux_server) == 1)


async def test_servers_are_left_when_idle(tmux_server: TmuxServer, home: Path) -> None:
    """Some time after the last use our client and session are gone; the next use connects again."""
    world = World(home, tmux_server.binary, linger_s=0.2)
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "work" in world.sessions())
    assert ours(tmux_server) == 1
    world.tmux.hold(wanted=False)
    await tmux_server.until(lambda: ours(tmux_server) == 0)
    assert not world.tmux.is_current()
    await world.tmux.refresh()
    assert world.tmux.is_current()
    await world.tmux.close()
    assert ours(tmux_server) == 0


async def test_an_idle_facade_wakes_for_nothing(tmux_server: TmuxServer, world: World) -> None:
    """Connected and held, no timer is set and no task but those that wait for the kernel exists."""
    world.tmux.hold(wanted=True)
    await tmux_server.until(lambda: "work" in world.sessions() and world.tmux.is_current())
    await tmux_server.until(lambda: not world.tmux._tasks)
    loop = asyncio.get_running_loop()
    timers = [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
    assert timers == []


# ── what is done ──────────────────────────────────────────────────────────────────────────────────────────


async def answer(server: TmuxServer, world: World, kind: type[T]) -> T:
    await server.until(lambda: world.all(kind))
    return world.all(kind)[0]


async def pin_of(world: World, name: str = "work") -> PanePin:
    await world.tmux.refresh()
    pane = world.sessions()[name].active_pane
    assert pane is not None
    return pane.pin


async def test_keys_are_typed_and_told(tmux_server: TmuxServer, world: World) -> None:
    """The text runs in the pane, and the same attempt again is known as typed already."""
    effect = TypeKeys(3, 7, await pin_of(world), "echo so-$((40+2))", "bash")
    world.tmux.carry_out(effect)
    assert await answer(tmux_server, world, Typed) == Typed(3, 7, Outcome.TYPED)
    await tmux_server.until(lambda: "so-42" in tmux_server.capture("%0"))
    world.told.clear()
    world.tmux.carry_out(effect)
    assert await answer(tmux_server, world, Typed) == Typed(3, 7, Outcome.ALREADY, "0000000000000007!")


async def test_a_pane_that_is_gone_is_told_after_what_is_there(tmux_server: TmuxServer, world: World) -> None:
    """The core looks the name up anew on `gone`: by then it has the new listing."""
    pin = await pin_of(world)
    tmux_server.run("respawn-pane", "-k", "-t", "%0", "cat", "-")
    world.told.clear()
    world.tmux.carry_out(TypeKeys(3, 7, pin, "echo", "bash"))
    assert (await answer(tmux_server, world, Typed)).outcome is Outcome.GONE
    assert [type(event) for event in world.told] == [ServerSeen, Typed]
    assert world.sessions()["work"].panes[0].pin == tmux_server.pin("%0")


async def test_another_life_of_a_server_is_gone(tmux_server: TmuxServer, world: World) -> None:
    """A restarted server has the same socket and the same `%0`: it is not typed into."""
    pin = await pin_of(world)
    tmux_server.kill()
    tmux_server.new_session("work")
    tmux_server.wait_prompt("%0")
    world.told.clear()
    world.tmux.carry_out(TypeKeys(3, 7, pin, "echo wrong", "bash"))
    assert (await answer(tmux_server, world, Typed)).outcome in {Outcome.GONE, Outcome.UNKNOWN}
    await world.tmux.refresh(force=True)
    world.told.clear()
    world.tmux.carry_out(TypeKeys(3, 7, pin, "echo wrong", "bash"))
    assert (await answer(tmux_server, world, Typed)).outcome is Outcome.GONE
    assert "wrong" not in tmux_server.capture("%0")


async def test_a_server_that_was_never_seen_is_reached(tmux_server: TmuxServer, world: World) -> None:
    """After a restart the core knows a pane by its journal before any listing."""
    world.tmux.carry_out(TypeKeys(3, 7, tmux_server.pin("%0"), "echo early", "bash"))
    assert (await answer(tmux_server, world, Typed)).outcome is Outcome.TYPED
    lost = PanePin(ServerId(str(tmux_server.home / "none"), 1, 1), "%0", 1)
    world.told.clear()
    world.tmux.carry_out(TypeKeys(4, 8, lost, "echo", "bash"))
    assert (await answer(tmux_server, world, Typed)).outcome is Outcome.GONE


async def test_a_stopped_server_leaves_typing_unknown_then_settled(
    tmux_server: TmuxServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is `unknown`; when the server goes on, a listing follows and the same attempt types once."""
    pin = await pin_of(world)
    monkeypatch.setattr(keys, "TYPE_S", 0.3)
    world.tmux.hold(wanted=True)
    effect = TypeKeys(3, 7, pin, "echo on-$((40+2))", "bash")
    os.kill(pin.server.pid, signal.SIGSTOP)
    try:
        world.told.clear()
        world.tmux.carry_out(effect)
        assert (await answer(tmux_server, world, Typed)).outcome is Outcome.UNKNOWN
    finally:
        os.kill(pin.server.pid, signal.SIGCONT)
    await tmux_server.until(lambda: world.all(ServerSeen))
    world.told.clear()
    world.tmux.carry_out(effect)
    assert (await answer(tmux_server, world, Typed)).outcome in {Outcome.TYPED, Outcome.ALREADY}
    await tmux_server.until(lambda: "on-42" in tmux_server.capture("%0"))
    assert tmux_server.capture("%0").count("on-42") == 1


async def test_texts_are_shown_or_nobody_was_there(
    tmux_server: TmuxServer, world: World, attach: Callable[[TmuxServer, str], Terminal]
) -> None:
    """The number of clients is told; with none, the listing that follows says so too."""
    await world.tmux.refresh()
    world.tmux.carry_out(ShowText(5, world.place("work"), "hello there"))
    assert await answer(tmux_server, world, TextShown) == TextShown(5, 0)
    terminal = attach(tmux_server, "work")
    world.told[:] = world.all(ServerSeen)
    world.tmux.carry_out(ShowText(5, world.place("work"), "hello there"))
    assert await answer(tmux_server, world, TextShown) == TextShown(5, 1)
    await tmux_server.until(lambda: "hello there" in terminal.screen())


async def test_leftovers_of_a_killed_daemon_are_removed(tmux_server: TmuxServer, world: World) -> None:
    """Texts and FIFOs of an earlier life do not stay in the state folder."""
    folder = tmux_server.home / "state" / "tmux"
    folder.mkdir()
    (folder / "text-1").write_text("secret")
    os.mkfifo(folder / "leash-1")
    await world.tmux.refresh()
    names = [path.name for path in folder.iterdir()]
    assert "text-1" not in names
    assert "leash-1" not in names
