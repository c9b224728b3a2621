"""Command lines in their plain form (a command and its arguments, no option) as questions to the daemon.

Reads what scripts write, in a fraction of the time that typer takes to load, and to the same request. What it
is not sure of, it leaves to typer: every option, every word that starts with a dash, every error.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Params = dict[str, object]

MOST_BYTES = 100_000
"""Of all words together."""

MOST_LINES = 100_000

TYPES = ("command", "notification", "data")
ACTIONS = ("notify", "command", "data")

COMPLETION = "_TS_IPC_COMPLETE"
"""Set by a shell that wants to complete a command line, not to run it."""


class Question:
    """A request in the form it has on the wire; parameters at their defaults are left out."""

    __slots__ = ("method", "params")

    def __init__(self, method: str, params: Params) -> None:
        self.method = method
        self.params = params

    @property
    def is_keyed(self) -> bool:
        """Whether it takes an idempotency key."""
        return self.method in {"send", "publish", "run"}

    @property
    def is_streamed(self) -> bool:
        """Whether there is something to watch until the answer comes."""
        return self.method == "run"


_SHORT = {
    "sub": "subscribe",
    "unsub": "unsubscribe",
    "pub": "publish",
    "wf": "workflow",
    "q": "queue",
    "subs": "subscriptions",
    "log": "events",
}

_ARGUMENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "send": (3, ("source", "target", "message", "type")),
    "subscribe": (2, ("session", "event", "action")),
    "unsubscribe": (2, ("session", "event")),
    "publish": (2, ("source", "event", "data")),
    "run": (1, ("name",)),
    "pipeline": (2, ("source", "target")),
    "queue": (0, ()),
    "show": (1, ("id",)),
    "cancel": (1, ("id",)),
    "subscriptions": (0, ()),
    "events": (0, ("lines",)),
    "sessions": (0, ()),
}
"""How many must be given, and their names on the wire."""

_WORDS = {"type": TYPES, "action": ACTIONS}
"""Arguments that are one of a few words; the first is the default."""

_DEFAULT_LINES = 20


def read(words: Sequence[str]) -> Question | None:
    """The question that the words ask; None: not plain."""
    if not words or COMPLETION in os.environ:
        return None
    typed = _typed(words)
    if typed is None:
        return None
    if typed == ["daemon", "status"]:
        return Question("status", {})
    method = _SHORT.get(typed[0], typed[0])
    if method == "workflow":
        params = _workflow(typed[1:])
    elif method in _ARGUMENTS:
        params = _params(*_ARGUMENTS[method], typed[1:])
    else:
        return None
    return None if params is None else Question(method, params)


def _typed(words: Sequence[str]) -> list[str] | None:
    """The words as the UTF-8 they were typed in, whatever the locale made of them."""
    typed, room = [], MOST_BYTES
    for word in words:
        if word.startswith("-"):
            return None
        try:
            raw = os.fsencode(word)
            typed.append(raw.decode())
        except UnicodeError:
            return None
        room -= len(raw)
    return typed if room >= 0 else None


def _params(required: int, names: tuple[str, ...], given: list[str]) -> Params | None:
    if not required <= len(given) <= len(names):
        return None
    params: Params = {}
    for name, word in zip(names, given, strict=False):
        if name in _WORDS:
            if word not in _WORDS[name]:
                return None
            if word != _WORDS[name][0]:
                params[name] = word
        elif name == "lines":
            if not (word.isascii() and word.isdecimal() and len(word) <= len(str(MOST_LINES))):
                return None
            if not 1 <= int(word) <= MOST_LINES:
                return None
            if int(word) != _DEFAULT_LINES:
                params[name] = int(word)
        elif word or name != "data":
            params[name] = word
    return params


def _workflow(given: list[str]) -> Params | None:
    steps = []
    for word in given[1:]:
        session, _, command = word.partition(":")
        if not (session.strip() and command.strip()):
            return None
        steps.append({"session": session, "command": command})
    return {"name": given[0], "steps": steps} if steps else None
