"""Names lead to one place, byte for byte, or to an error that helps."""

from __future__ import annotations

import pytest

from tests.support.talk import SERVER, session
from tsipc_client.wire.errors import UnknownSession
from tsipcd.core.names import Absent, Found, World
from tsipcd.core.topology import ServerId

OTHER = ServerId("/run/sockets/web", 300, 1_700_000_001)


@pytest.fixture
def world() -> World:
    world = World()
    world.put(
        SERVER.socket,
        tuple(
            session(name, n)
            for n, name in enumerate(("claude-manager", "claude-man", "%0", "=x", "a b", "세션", "work"))
        ),
    )
    world.put(OTHER.socket, (session("web", 40, server=OTHER), session("work", 41, server=OTHER)))
    world.aliases = {"mgr": "claude-manager", "gone": "claude-gone"}
    return world


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("claude-man", "claude-man"),
        ("claude-manager", "claude-manager"),
        ("manager", "claude-manager"),
        ("mgr", "claude-manager"),
        ("=x", "=x"),
        ("a b", "a b"),
        ("세션", "세션"),
        ("web", "web"),
        ("work@web", "work"),
        ("work@/run/sockets/web", "work"),
        ("%40@web", "web"),
    ],
)
def test_a_name_is_exact_or_an_alias_or_short_for_claude(world: World, target: str, name: str) -> None:
    """The first that fits in the documented order wins."""
    found = world.resolve(target, ())
    assert isinstance(found, Found)
    assert found.place.session == name


@pytest.mark.parametrize(
    "target", ["claude-m", "claude-manage", "=web", "*", "!", "$1", "@2", "", "-rf", "../../x"]
)
def test_what_tmux_would_guess_is_unknown(world: World, target: str) -> None:
    """No prefix, no pattern, no tmux syntax."""
    with pytest.raises(UnknownSession):
        world.resolve(target, ())


def test_a_session_named_like_a_pane_goes_before_the_pane(world: World) -> None:
    """`%0` is the session of that name; `%40` is a pane."""
    found = world.resolve("%0", ())
    assert isinstance(found, Found)
    assert (found.place.session, found.pinned) == ("%0", False)
    found = world.resolve("%40", ())
    assert isinstance(found, Found)
    assert (found.place.session, found.pinned) == ("web", True)


def test_a_name_on_two_servers_lists_both(world: World) -> None:
    """Nothing is chosen for the caller."""
    with pytest.raises(UnknownSession) as caught:
        world.resolve("work", ())
    assert caught.value.data["candidates"] == [f"work@{SERVER.socket}", f"work@{OTHER.socket}"]


def test_a_pane_of_a_session(world: World) -> None:
    """SESSION:WINDOW.PANE by index and by name; a pane that is not there is an error."""
    for target in ("web:0.0", "web:main", "web:main.0", "web:.0"):
        found = world.resolve(target, ())
        assert isinstance(found, Found), target
        assert found.place.pane is not None
    with pytest.raises(UnknownSession):
        world.resolve("web:3", ())


def test_a_known_name_may_be_absent(world: World) -> None:
    """Seen, labelled, aliased and subscribed names are waited for."""
    world.known = {"claude-labelled"}
    assert world.resolve("claude-seen", ("claude-seen",)) == Absent("claude-seen")
    assert world.resolve("labelled", ()) == Absent("claude-labelled")
    assert world.resolve("gone", ()) == Absent("claude-gone")


def test_a_dot_is_the_callers_own_session(world: World) -> None:
    """Outside of tmux there is none."""
    found = world.resolve(".", (), "claude-man")
    assert isinstance(found, Found)
    assert found.place.session == "claude-man"
    with pytest.raises(UnknownSession):
        world.resolve(".", ())
