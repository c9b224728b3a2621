"""What a server holds: its sessions, panes and attached clients, asked for in one go and made into values.

Names may hold anything, tabs and newlines too (3.1 lets them), so fields are not told apart by any character
but by a word that nobody can have guessed. Our own private sessions are left out.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tsipcd.core.outrun import attempt_of
from tsipcd.core.topology import Pane, PanePin, ServerId, Session
from tsipcd.tmux.commands import command
from tsipcd.tmux.connection import OUR_SESSION, Connection
from tsipcd.tmux.control import Block
from tsipcd.tmux.failures import Lost

OURS: Final = re.compile(re.escape(OUR_SESSION) + r"\d+")

_SESSION = ("session_id", "session_name")
_PANE = (
    "session_id",
    "pane_id",
    "pane_pid",
    "window_index",
    "pane_index",
    "pane_active",
    "window_active",
    "window_name",
    "pane_current_command",
)
_CLIENT = ("session_id", "client_control_mode", "client_name")
_SERVER = ("exit-empty", "exit-unattached")


@dataclass(frozen=True, slots=True)
class Listing:
    """One server at one moment."""

    sessions: tuple[Session, ...]
    farthest: int
    """The highest attempt among the markers of all panes."""
    must_leave: bool
    """Without our client this server would exit now, as its user has told it to."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client attached to a session of the users'."""

    name: str
    session_id: str


async def list_server(connection: Connection, marker: str = "") -> Listing:
    """All sessions of the server, and the farthest of its panes' options `marker`. Raises `TmuxError`."""
    words = _Words()
    blocks = await connection.run(
        command("list-sessions", "-F", words.form("s", _SESSION)),
        command("list-panes", "-a", "-F", words.form("p", (*_PANE, marker))),
        command("list-clients", "-F", words.form("c", _CLIENT)),
        command("display-message", "-p", words.form("o", _SERVER)),
    )
    records = words.records(blocks)
    if not records["o"]:
        raise Lost(f"tmux at {connection.socket} gave no list of its sessions")
    clients = _users_clients(records)
    sessions = _sessions(connection.server, records, Counter(client.session_id for client in clients))
    exit_empty, exit_unattached = (_is_on(value) for value in records["o"][0])
    farthest = max((attempt_of(record[-1]) for record in records["p"]), default=0)
    return Listing(sessions, farthest, (exit_empty and not sessions) or (exit_unattached and not clients))


async def list_clients(connection: Connection, session_id: str) -> list[Client]:
    """The clients attached to one session, control clients not counted. Raises `TmuxError`."""
    words = _Words()
    blocks = await connection.run(command("list-clients", "-F", words.form("c", _CLIENT)))
    return [client for client in _users_clients(words.records(blocks)) if client.session_id == session_id]


def _word() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class _Words:
    """The two words of one question: one that begins a record, one that ends each field."""

    # Two: with one, a session that is named as a kind of record would look like the beginning of one.
    begin: str = field(default_factory=_word)
    end: str = field(default_factory=_word)

    def form(self, kind: str, names: tuple[str, ...]) -> str:
        """The format of a record of this kind."""
        return f"{self.begin}{kind}" + "".join(f"#{{{name}}}{self.end}" for name in names)

    def records(self, blocks: list[Block]) -> defaultdict[str, list[list[str]]]:
        """By kind, the fields of each record. Lines of others (a user's hooks) are passed over."""
        records: defaultdict[str, list[list[str]]] = defaultdict(list)
        for block in blocks:
            if block.ok:
                _, *parts = re.split(f"{self.begin}([spco])", block.text)
                for kind, body in zip(parts[::2], parts[1::2], strict=True):
                    *fields, _ = body.split(self.end)
                    records[kind].append([_readable(text) for text in fields])
        return records


def _readable(text: str) -> str:
    """`text` as it can go on the wire: bytes that are no UTF-8 become visible."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_on(value: str) -> bool:
    return value in {"1", "on"}


def _users_clients(records: dict[str, list[list[str]]]) -> list[Client]:
    return [
        Client(name, session) for session, control, name in records["c"] if not _is_on(control) and session
    ]


def _sessions(
    server: ServerId, records: dict[str, list[list[str]]], attached: Counter[str]
) -> tuple[Session, ...]:
    panes: defaultdict[str, list[Pane]] = defaultdict(list)
    for session, pane in _panes(server, records["p"]):
        panes[session].append(pane)
    found = []
    for session_id, name in records["s"]:
        if not OURS.fullmatch(name):
            own = sorted(panes[session_id], key=lambda pane: (pane.window, pane.index))
            windows = len({pane.window for pane in own})
            found.append(Session(server, session_id, name, attached[session_id], windows, tuple(own)))
    return tuple(found)


def _panes(server: ServerId, records: list[list[str]]) -> Iterator[tuple[str, Pane]]:
    for session, pane, pid, window, index, active, window_active, window_name, program, _ in records:
        yield (
            session,
            Pane(
                PanePin(server, pane, int(pid or 0)),
                int(window),
                int(index),
                window_name,
                _is_on(active),
                _is_on(window_active),
                program,
            ),
        )
