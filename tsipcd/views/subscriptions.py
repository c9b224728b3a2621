"""`subscriptions.json`: who is subscribed to what. The file is the truth, and people edit it.

    {"subscriptions": {SESSION: [{"event": EVENT, "action": ACTION}, ...], ...}}

Keys that are not ours are kept when the file is replaced. A file that cannot be read is never replaced.
One caller at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tsipc_client.wire.messages import Action, Subscription
from tsipcd.views import document
from tsipcd.views.document import Node
from tsipcd.views.faults import Changed
from tsipcd.views.folder import Folder, Signature

FILE = "subscriptions.json"

_ROOT = "subscriptions"
_MAX_FILE_BYTES = 64 << 20
_RACY_NS = 50_000_000
"""A file younger than this when it is read can change again within the same tick of its clock."""


class SubscriptionFile:
    """The subscription file in the state folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._signature: Signature | None = None
        self._racy = False
        self._text: str | None = None
        self._table: tuple[Subscription, ...] = ()
        self._rest: dict[str, Any] = {}
        """What the file holds besides the table."""
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        """Each row of the file, with keys that are not ours, by session and event."""

    @property
    def path(self) -> str:
        """The file's path, for people."""
        return self._folder.path_of(FILE)

    def changed(self) -> bool:
        """Whether the file may differ from what was last read or written: a matter of one `stat`."""
        return self._racy or self._folder.signature(FILE) != self._signature

    def read(self) -> tuple[Subscription, ...]:
        """The table in the file's order; no file is an empty table.

        Raises `WireError` (BAD_FILE) for a file that is not of the form; `changed()` stays true then.
        """
        signature = self._folder.signature(FILE)
        text = self._folder.read_text(FILE, _MAX_FILE_BYTES)
        if text != self._text:
            self._table, self._rest, self._rows = ((), {}, {}) if text is None else _parse(text, self.path)
            self._text = text
        self._remember(signature)
        return self._table

    def write(self, table: Sequence[Subscription]) -> None:
        """Replace the file; on disk on return. For a thread. Raises `OSError`.

        Raises `Changed`, and writes nothing, if the file is not what was last read or written here.
        """
        sessions: dict[str, list[dict[str, Any]]] = {}
        rows = {}
        for entry in table:
            key = (entry.session, entry.event)
            row = self._rows.get(key, {}) | {"event": entry.event, "action": entry.action.value}
            rows[key] = row
            sessions.setdefault(entry.session, []).append(row)
        data = document.dump(self._rest | {_ROOT: sessions})
        self._folder.replace(FILE, data, check=self._check_unchanged)
        self._text, self._table, self._rows = data.decode(), tuple(table), rows
        self._remember(self._folder.signature(FILE))

    def _check_unchanged(self) -> None:
        # By content: a signature can miss an edit within one tick, and an edit must never be lost.
        if self._folder.read_text(FILE, _MAX_FILE_BYTES) != self._text:
            raise Changed(self.path)

    def _remember(self, signature: Signature | None) -> None:
        self._signature = signature
        self._racy = signature is not None and time.time_ns() - signature[0] < _RACY_NS


def _parse(
    text: str, path: str
) -> tuple[tuple[Subscription, ...], dict[str, Any], dict[tuple[str, str], dict[str, Any]]]:
    root = document.parse(text, path)
    fields = root.fields("the file")
    if _ROOT not in fields:
        raise root.error(f'the key "{_ROOT}" is missing', f'the form is {{"{_ROOT}": {{}}}}')
    table: list[Subscription] = []
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for session, nodes in fields[_ROOT].fields(f'"{_ROOT}"').items():
        nodes.check_name("the session's name", session)
        for node in nodes.items(f'the subscriptions of "{session}"'):
            entry = _entry(session, node)
            if (session, entry.event) in rows:
                raise node.error(f'"{session}" is subscribed to "{entry.event}" a second time here')
            table.append(entry)
            rows[session, entry.event] = {key: value.plain() for key, value in node.fields("it").items()}
    rest = {key: None if key == _ROOT else node.plain() for key, node in fields.items()}
    return tuple(table), rest, rows


def _entry(session: str, node: Node) -> Subscription:
    fields = node.fields("a subscription")
    if "event" not in fields:
        raise node.error('"event" is missing', 'the form is {"event": "deployment", "action": "notify"}')
    return Subscription(
        session=session,
        event=fields["event"].name('"event"'),
        action=_action(fields["action"]) if "action" in fields else Action.NOTIFY,
    )


def _action(node: Node) -> Action:
    text = node.text('"action"')
    try:
        return Action(text)
    except ValueError:
        known = ", ".join(action.value for action in Action)
        raise node.error(f'"{text}" is no action', f"the actions are {known}") from None
