"""Command lines in their usual forms as questions to the daemon: one small table of arguments and options.

Reads what people and scripts write, in a fraction of the time that typer takes to load, to the same request.
What it is not sure of, it leaves to typer: `--`, `-`, any other word that starts with a dash, every error.
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

_MOST_DIGITS = 6

TYPES = ("command", "notification", "data")
ACTIONS = ("notify", "command", "data")
DECISIONS = ("redeliver", "drop", "delivered")

COMPLETION = "_TS_IPC_COMPLETE"
"""Set by a shell that wants to complete a command line, not to run it."""


class Question:
    """A request in the form it has on the wire; parameters at their defaults are left out."""

    __slots__ = ("json", "method", "params", "timeout_s")

    def __init__(self, method: str) -> None:
        self.method = method
        self.params: Params = {}
        self.json = False
        """Whether the answer is to be JSON."""
        self.timeout_s: float | None = None
        """How long to wait for the answer; None: as long as the command does by itself."""

    @property
    def needs_key(self) -> bool:
        """Whether it takes an idempotency key and has none."""
        return self.method in {"send", "publish", "run", "rerun"} and "key" not in self.params

    @property
    def is_streamed(self) -> bool:
        """Whether there is something to watch until the answer comes."""
        return self.method in {"run", "rerun"} and "follow" not in self.params


SHORT = {
    "sub": "subscribe",
    "unsub": "unsubscribe",
    "pub": "publish",
    "wf": "workflow",
    "q": "queue",
    "subs": "subscriptions",
    "log": "events",
}

ARGUMENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "send": (3, ("source", "target", "message", "type")),
    "subscribe": (2, ("session", "event", "action")),
    "unsubscribe": (2, ("session", "event")),
    "publish": (2, ("source", "event", "data")),
    "run": (1, ("name",)),
    "pipeline": (2, ("source", "target")),
    "runs": (0, ()),
    "queue": (0, ()),
    "show": (1, ("id",)),
    "cancel": (1, ("id",)),
    "reply": (2, ("id", "answer")),
    "inbox": (0, ("session",)),
    "retry": (1, ("id",)),
    "purge": (0, ("id",)),
    "resolve": (1, ("id",)),
    "subscriptions": (0, ()),
    "events": (0, ("lines",)),
    "sessions": (0, ()),
    "schedule": (0, ()),
    "status": (0, ()),
    "workflow": (2, ()),
    "pause": (1, ("id",)),
    "resume": (1, ("id",)),
    "approve": (1, ("id", "step")),
    "reject": (1, ("id", "step")),
    "rerun": (1, ("id",)),
    "explain": (2, ("id", "step")),
}
"""How many must be given, and their names on the wire."""

_FLAGS: dict[str, dict[str, tuple[str, object]]] = {
    "send": {"--now": ("now", True), "--raw": ("raw", True), "--secret": ("secret", True)},
    "run": {"--detach": ("follow", False)},
    "rerun": {"--detach": ("follow", False), "--failed": ("failed", True)},
    "queue": {"--pending": ("pending", True), "--dead": ("dead", True)},
    "resolve": {f"--{decision}": ("decision", decision) for decision in DECISIONS},
}
"""Options that are a word of their own, each with what it says on the wire."""

_VALUES = {
    "send": {"--ttl": "ttl_s", "--key": "key"},
    "publish": {"--key": "key"},
    "run": {"--key": "key", "--from": "begin_with"},
    "rerun": {"--key": "key", "--from": "begin_with"},
    "runs": {"--limit": "limit"},
    "queue": {"--limit": "limit"},
}
"""Options that are followed by a value."""

_ORDER = (
    "decision", "failed", "ttl_s", "now", "raw", "follow", "key", "secret", "limit", "pending", "dead",
    "begin_with",
)  # fmt: skip
"""Options in the order of their fields on the wire; they follow all arguments there."""

WORDS = {"type": TYPES, "action": ACTIONS}
"""Arguments that are one of a few words; the first is the default."""

_DEFAULTS = {"data": "", "id": "", "session": ".", "step": ""}
"""What arguments are if they are left out, where they may be."""

_COUNTS = {"lines": 20, "limit": 20}
"""Numbers of lines and rows, each with its default."""

_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read(words: Sequence[str]) -> Question | None:
    """The question that the words ask; None: it is not sure."""
    given = None if COMPLETION in os.environ else typed(words)
    if not given or given[0] == "status":
        return None
    if given[:2] == ["daemon", "status"]:
        method, given = "status", given[2:]
    else:
        method, given = SHORT.get(given[0], given[0]), given[1:]
    if method not in ARGUMENTS:
        return None
    question = Question(method)
    arguments = _take_options(question, given)
    if arguments is None:
        return None
    options = question.params
    params = _steps(arguments) if method == "workflow" else _params(*ARGUMENTS[method], arguments)
    if params is None or (method == "resolve" and not options):
        return None
    params.update([(name, options[name]) for name in _ORDER if name in options])
    question.params = params
    return question


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether the words may ask for a page of help: a command's, or without a word that of all commands."""
    return COMPLETION not in os.environ and (not words or words[-1] in {"--help", "-h"})


def typed(words: Sequence[str]) -> list[str] | None:
    """The words as the UTF-8 they were typed in, whatever the locale made of them."""
    read, room = [], MOST_BYTES
    for word in words:
        try:
            raw = os.fsencode(word)
            read.append(raw.decode())
        except UnicodeError:
            return None
        room -= len(raw)
    return read if room >= 0 else None


def _take_options(question: Question, words: list[str]) -> list[str] | None:
    """The words that are no options; the options are the question's own then, or its parameters."""
    flags, values = _FLAGS.get(question.method, {}), _VALUES.get(question.method, {})
    arguments = []
    coming = iter(words)
    for word in coming:
        if not word.startswith("-"):
            arguments.append(word)
        elif word == "--json":
            question.json = True
        elif word == "--timeout" and question.timeout_s is None:
            question.timeout_s = _seconds(next(coming, ""))
            if question.timeout_s is None:
                return None
        else:
            name, value = flags.get(word) or (values.get(word, ""), None)
            if value is None:
                value = _value(name, next(coming, ""))
            # What is given twice is left to typer as well.
            if value is None or name in question.params:
                return None
            question.params[name] = value
    if question.params.get("limit") == _COUNTS["limit"]:
        del question.params["limit"]
    return arguments


def _value(name: str, word: str) -> object:
    """The value of an option; None: it is none, or none that is sure to be."""
    if name in {"key", "begin_with"}:
        return None if word.startswith("-") else word or None
    if name == "ttl_s":
        return _seconds(word)
    return _count(word) if name == "limit" else None


def _seconds(word: str) -> float | None:
    """As `arguments.duration_s`: `90`, `10m`; no fractions."""
    unit = word[-1:] if word[-1:] in _UNIT_S else ""
    number = word[: len(word) - len(unit)]
    if not (number.isascii() and number.isdecimal() and int(number[:_MOST_DIGITS])):
        return None
    return None if len(number) > _MOST_DIGITS else float(number) * _UNIT_S.get(unit, 1)


def _count(word: str) -> int | None:
    if not (word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS):
        return None
    return int(word) if 1 <= int(word) <= MOST_LINES else None


def _params(required: int, names: tuple[str, ...], given: list[str]) -> Params | None:
    if not required <= len(given) <= len(names):
        return None
    params: Params = {}
    for at, (name, word) in enumerate(zip(names, given, strict=False)):
        if name in WORDS:
            if word not in WORDS[name]:
                return None
            if word != WORDS[name][0]:
                params[name] = word
        elif name in _COUNTS:
            count = _count(word)
            if count is None:
                return None
            if count != _COUNTS[name]:
                params[name] = count
        elif at < required or word != _DEFAULTS.get(name):
            params[name] = word
    return params


def _steps(given: list[str]) -> Params | None:
    steps = []
    for word in given[1:]:
        session, _, command = word.partition(":")
        if not (session.strip() and command.strip()):
            return None
        steps.append({"session": session, "command": command})
    return {"name": given[0], "steps": steps} if steps else None
