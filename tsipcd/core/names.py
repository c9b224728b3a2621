"""From a target's text to one place, byte-exact. tmux never sees a name; it only ever gets an id found here.

In this order, the first that fits wins:

    NAME                a session of exactly this name
    .                   the caller's own session
    %N                  one pane; it stays that pane, whatever happens to ids later
    ALIAS               the full name an alias stands for
    NAME                `claude-NAME`
    NAME@SERVER         NAME (or %N) on one server, by its socket's path or file name
    NAME:WINDOW.PANE    one pane of a session; the window by index or name, `.PANE` may be left out
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Final

import msgspec

from tsipc_client.wire.errors import ErrorCode, UnknownSession
from tsipcd.core.topology import Pane, PanePin, Place, Session

PREFIX: Final = "claude-"
"""Sessions of coding agents are named so; the prefix may be left out."""

NEAREST: Final = 5
"""How many similar names an error lists."""


MAX_PLACES: Final = 10_000
"""Names whose place is remembered until something changes."""


class Found(msgspec.Struct, frozen=True):
    """The target exists."""

    place: Place
    name: str
    """What the message's target is called from now on."""
    pane: PanePin | None
    """The pane now meant; for a session, its active one."""
    pinned: bool = False
    """The target is this life of this pane (`%N`)."""


class Absent(msgspec.Struct, frozen=True):
    """A known session that does not exist now."""

    name: str


class World:
    """Everything names are resolved against: live sessions, aliases and names known from elsewhere."""

    def __init__(self) -> None:
        self.servers: dict[str, tuple[Session, ...]] = {}
        """Sessions by their server's socket; changed by `put` only."""
        self._by_name: dict[str, list[Session]] = {}
        self._places: dict[str, Found | None] = {}
        """What names led to since sessions or aliases changed last: a burst is for few targets."""
        self._aliases: dict[str, str] = {}
        self.silent: tuple[str, ...] = ()
        """Servers that did not answer when tmux was last looked at, and why."""
        self.known: set[str] = set()
        """Labelled and subscribed names; names seen are in the state."""

    @property
    def aliases(self) -> dict[str, str]:
        """Short names, each with the full one it stands for."""
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: dict[str, str]) -> None:
        self._aliases = aliases
        self._places.clear()

    def put(self, socket: str, sessions: tuple[Session, ...]) -> None:
        """These are the sessions of the server at `socket` now; none: it is gone."""
        if sessions:
            self.servers[socket] = sessions
        else:
            self.servers.pop(socket, None)
        self._by_name = {}
        self._places.clear()
        for session in self.sessions:
            self._by_name.setdefault(session.name, []).append(session)

    @property
    def sessions(self) -> list[Session]:
        """All live sessions."""
        return [session for sessions in self.servers.values() for session in sessions]

    def aliases_of(self, name: str) -> tuple[str, ...]:
        """The aliases that stand for this full name."""
        return tuple(short for short, full in self.aliases.items() if full == name)

    def resolve(self, target: str, seen: Collection[str], caller: str = "") -> Found | Absent:
        """Where `target` leads now. `seen` are names that exist or existed; `caller` is what `.` stands for.

        Raises `UnknownSession` for a name nobody knows (with the nearest ones) and for one that fits several
        places (with the candidates).
        """
        found = self._live(target, caller)
        if found is not None:
            return found
        known = self.known
        full = self.aliases.get(target)
        if full is not None:
            return Absent(full)
        for name in (target, PREFIX + target):
            if name in known or name in seen:
                return Absent(name)
        base, _, server = target.rpartition("@")
        if server and (base in known or base in seen):
            return Absent(target)
        base, _, pane = target.partition(":")
        if pane and (base in known or base in seen):
            return Absent(target)
        raise self._unknown(target, known.union(seen))

    def place_of(self, name: str) -> Found | None:
        """Where a stored target leads now; None if it is absent or fits several places."""
        try:
            found = self._live(name, "")
        except UnknownSession:
            return None
        return found

    def panes_of(self, name: str) -> list[int]:
        """The first process of each pane of the sessions of exactly this name."""
        return [pane.pin.pid for session in self._by_name.get(name, ()) for pane in session.panes]

    def why_absent(self, name: str) -> str:
        """Why a stored target leads nowhere now, for people."""
        try:
            self._live(name, "")
        except UnknownSession as error:
            return error.message
        return absent_reason(name)

    def is_attached(self, place: Place) -> bool:
        """Whether a client is attached to this session, as far as is known."""
        sessions = self.servers.get(place.server.socket, ())
        return any(s.attached for s in sessions if s.id == place.session_id and s.server == place.server)

    def place_of_pane(self, pin: PanePin) -> Found | None:
        """Where this life of a pane is now; None: it ended."""
        for session in self.servers.get(pin.server.socket, ()):
            if any(pane.pin == pin for pane in session.panes):
                return Found(Place(session.server, session.id, session.name, pin), pin.pane, pin, pinned=True)
        return None

    def _live(self, target: str, caller: str) -> Found | None:
        if target == ".":
            if not caller:
                raise UnknownSession(
                    ErrorCode.UNKNOWN_SESSION,
                    "'.' means the session you are in, and this is none",
                    hint="call from inside a tmux session, or name the target",
                )
            target = caller
        if target in self._places:
            return self._places[target]
        found = self._look_up(target)
        if len(self._places) >= MAX_PLACES:
            self._places.clear()
        self._places[target] = found
        return found

    def _look_up(self, target: str) -> Found | None:
        for name in self._spellings(target):
            found = self._session(name)
            if found is not None:
                return found
            if name == target and _is_pane(target):
                return self._pane(target)
        return self._on_server(target) or self._window(target)

    def _spellings(self, target: str) -> list[str]:
        """The full names `target` may be short for, best first."""
        full = self.aliases.get(target)
        return [target, *([full] if full else []), PREFIX + target]

    def _session(self, name: str, server: str = "") -> Found | None:
        fits = self._by_name.get(name, [])
        if server:
            fits = [s for s in fits if server in _names(s.server.socket)]
        if len(fits) > 1:
            raise _ambiguous(name, [f"{s.name}@{s.server.socket}" for s in fits])
        if not fits:
            return None
        (session,) = fits
        pane = session.active_pane
        text = f"{name}@{server}" if server else name
        return Found(Place(session.server, session.id, session.name), text, pane.pin if pane else None)

    def _on_server(self, target: str) -> Found | None:
        base, _, server = target.rpartition("@")
        if not base or not server:
            return None
        for name in self._spellings(base):
            found = self._session(name, server)
            if found is not None:
                return found
        return self._pane(base, server) if _is_pane(base) else None

    def _pane(self, target: str, server: str = "") -> Found | None:
        # Grouped sessions share panes: one pane may be listed under several of them.
        fits = {
            p.pin: s
            for s in reversed(self.sessions)
            if not server or server in _names(s.server.socket)
            for p in s.panes
            if p.pin.pane == target
        }
        if len(fits) > 1:
            raise _ambiguous(target, [f"{pin.pane}@{pin.server.socket}" for pin in fits])
        for pin, session in fits.items():
            return Found(Place(session.server, session.id, session.name, pin), target, pin, pinned=True)
        return None

    def _window(self, target: str) -> Found | None:
        base, colon, rest = target.partition(":")
        if not base or not colon:
            return None
        found = next((f for f in map(self._session, self._spellings(base)) if f is not None), None)
        if found is None:
            return None
        session = next(s for s in self.servers[found.place.server.socket] if s.id == found.place.session_id)
        pane = _pane_at(session, rest)
        if pane is None:
            raise UnknownSession(
                ErrorCode.UNKNOWN_SESSION,
                f"session {session.name!r} has no window or pane {rest!r}",
                hint="panes are named SESSION:WINDOW.PANE, with the window's index or name",
                data={"nearest": [f"{session.name}:{p.window}.{p.index}" for p in session.panes][:NEAREST]},
            )
        return Found(
            Place(session.server, session.id, session.name, pane.pin), f"{session.name}:{rest}", pane.pin
        )

    def _unknown(self, target: str, known: set[str]) -> UnknownSession:
        names = sorted({s.name for s in self.sessions} | known | set(self.aliases))
        close = difflib.get_close_matches(target, names, NEAREST, 0.5)
        close += [n for n in names if target in n and n not in close][: NEAREST - len(close)]
        return UnknownSession(
            ErrorCode.UNKNOWN_SESSION,
            f"no session is named {target!r}",
            hint=f"nearest: {', '.join(close)}" if close else "`ts-ipc sessions` lists them",
            data={"nearest": close},
        )


def absent_reason(target: str) -> str:
    """Why a message to a known name that does not exist now waits."""
    return f"no session {target} yet"


def _is_pane(target: str) -> bool:
    return re.fullmatch(r"%[0-9]+", target) is not None


def _names(socket: str) -> tuple[str, str]:
    return socket, socket.rpartition("/")[2]


def _ambiguous(target: str, candidates: list[str]) -> UnknownSession:
    return UnknownSession(
        ErrorCode.AMBIGUOUS_SESSION,
        f"{target!r} is on {len(candidates)} servers",
        hint=f"name one: {', '.join(candidates)}",
        data={"candidates": candidates},
    )


def _pane_at(session: Session, text: str) -> Pane | None:
    """The pane at `WINDOW`, `WINDOW.PANE` or `.PANE`; a window's index goes before its name."""
    for window, index in ((text, ""), text.rpartition(".")[::2]):
        if index and not index.isdecimal():
            continue
        panes = [p for p in session.panes if str(p.window) == window] or [
            p for p in session.panes if (p.window_name == window if window else p.window_active)
        ]
        fits = [p for p in panes if (p.index == int(index) if index else p.active)]
        if fits and (window or index):
            return fits[0]
    return None
