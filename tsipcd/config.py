"""`config.toml` in the state folder: what can be set, between which bounds. Nothing reads it but the daemon.

Every key has a default, so no file is needed. A key that is not known is an error, because a misspelt one
would be ignored otherwise, and found out about too late.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from tsipc_client.wire.errors import WireError
from tsipcd.core.loops import Limits
from tsipcd.core.state import KEEP_ENDED
from tsipcd.stream.archive import MAX_AGE_S, MAX_BYTES
from tsipcd.views.faults import bad_file
from tsipcd.views.folder import Folder
from tsipcd.views.names import absolute

FILE = "config.toml"

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_SYNTAX = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmux:
    """Which tmux, and where its servers are besides the usual places."""

    binary: str = "tmux"
    sockets: tuple[str, ...] = ()
    socket_dirs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How messages are delivered."""

    ttl_s: float = 86_400.0
    """How long a message may wait that names no time of its own."""
    human_quiet_s: float = 3.0
    """How long nobody may have typed into a pane before something is typed there."""
    redeliver_unasked: bool = False
    """What is in doubt is begun anew by itself; else a person is asked."""
    only_observed: bool = False
    """A sender is the session whose pane it speaks from, and says so; else it may say any name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What may be typed into."""

    type_into: tuple[str, ...] = ()
    """Foreground programs that take commands, besides the shells and agents that are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How much may wait, and the folder `queue`."""

    keep: int = KEEP_ENDED
    """Messages that have ended and still have a file: at most those that the state keeps."""
    max_waiting: int = 0
    """Messages that may wait in all; 0: any number."""
    max_waiting_per_target: int = 0
    """Messages that may wait for one target; 0: any number."""
    min_free_memory: int = 64 << 20
    """Bytes of memory that new work leaves free; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """`events.log`."""

    max_bytes: int = 10 << 20
    """It is rotated at this size."""
    keep: int = 5
    """Rotated logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the steps of workflows printed."""

    keep: int = 200
    """Runs whose output is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The events that are kept for those who listen."""

    max_bytes: int = MAX_BYTES
    """On disk; the oldest go first."""
    max_age_s: float = MAX_AGE_S
    """Older ones go as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings, one field for each section."""

    tmux: Tmux = field(default_factory=Tmux)
    delivery: Delivery = field(default_factory=Delivery)
    programs: Programs = field(default_factory=Programs)
    queue: Queue = field(default_factory=Queue)
    log: Log = field(default_factory=Log)
    runs: Runs = field(default_factory=Runs)
    events: Limits = field(default_factory=Limits)
    stream: Stream = field(default_factory=Stream)


Check = Callable[[Any], Any]
"""Takes a value from the file, gives the one of the field; raises `ValueError` with what it must be."""


def duration(value: object) -> float:
    """Seconds from `"90s"`, `"10m"`, `"1h30m"`, `"24h"`, `"7d"` or a number. Raises `ValueError`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(value))
    raise ValueError('must be a duration: "10m", "1h30m", or seconds')


def load(folder: Folder) -> Config:
    """The settings in the state folder. Raises `WireError` (BAD_FILE) with the place."""
    text = folder.read_text(FILE)
    return Config() if text is None else parse(text, folder.path_of(FILE))


def parse(text: str, path: str) -> Config:
    """The settings in `text`, whose path is for the error: `WireError` (BAD_FILE)."""
    try:
        document = tomllib.loads(text)
    except RecursionError as exc:
        raise bad_file(path, "it is nested too deeply") from exc
    except tomllib.TOMLDecodeError as exc:
        found = _SYNTAX.fullmatch(str(exc))
        if found is None:
            raise bad_file(path, str(exc)) from exc
        line, column = int(found[2] or 0), int(found[3] or 0)
        raise bad_file(path, found[1] if line else str(exc), line=line, column=column) from exc
    source = _Source(text, path)
    values: dict[str, Any] = {}
    for section, table in document.items():
        if section not in _CHECKS:
            raise source.unknown(section, "", section, list(_CHECKS), "section")
        if not isinstance(table, dict):
            raise source.error("", section, f"{section} is a section: write [{section}] on a line of its own")
        values[section] = _section(source, section, table)
    return Config(**values)


def _section(source: _Source, section: str, table: dict[str, Any]) -> object:
    values: dict[str, Any] = {}
    checks = _CHECKS[section]
    for key, value in table.items():
        if key not in checks:
            raise source.unknown(key, section, f"{section}.{key}", list(checks), "key")
        name, check = checks[key]
        try:
            values[name] = check(value)
        except ValueError as exc:
            raise source.error(section, key, f"{section}.{key} {exc}") from exc
    return _TYPES[section](**values)


@dataclass(frozen=True, slots=True)
class _Source:
    """The text, to find the line of a key in: the parser does not tell it."""

    text: str
    path: str

    def error(self, section: str, key: str, reason: str, hint: str = "") -> WireError:
        return bad_file(self.path, reason, line=self._line(section, key), hint=hint)

    def unknown(self, key: str, section: str, shown: str, known: list[str], what: str) -> WireError:
        near = difflib.get_close_matches(key, known, n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}; a newer ts-ipc may know it"
        )
        return self.error(section, key, f"there is no {what} {shown}", hint)

    def _line(self, section: str, key: str) -> int:
        """The line of `key` in `section`, or of the section `key`; 0 if it is written some other way."""
        word = re.escape(key)
        wanted = re.compile(rf"\s*(?:\[\s*{word}\b|[\"']?{word}[\"']?\s*[.=])")
        inside = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[\s*([^\]]*?)\s*\]", line)
            if header is not None:
                inside = header[1]
            if wanted.match(line) and (inside == section or (header is not None and not section)):
                return number
        return 0


def _seconds(low: str, high: str) -> Check:
    def check(value: object) -> float:
        seconds = duration(value)
        if not duration(low) <= seconds <= duration(high):
            raise ValueError(f"must be between {low} and {high}")
        return seconds

    return check


def _number(low: int, high: int) -> Check:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number between {low} and {high}")
        return value

    return check


def _rate(low: float, high: float) -> Check:
    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a number between {low:g} and {high:g}")
        return float(value)

    return check


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError('must be text in quotes: "..."')
    return value


def _only_observed(value: object) -> bool:
    if value not in ("any", "observed"):
        raise ValueError('must be "any" or "observed"')
    return value == "observed"


def _redeliver_unasked(value: object) -> bool:
    if value not in ("ask", "redeliver"):
        raise ValueError('must be "ask" or "redeliver"')
    return value == "redeliver"


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError('must be a list of texts: ["...", "..."]')
    return tuple(value)


def _paths(value: object) -> tuple[str, ...]:
    return tuple(absolute(path) for path in _texts(value))


_TYPES: dict[str, Callable[..., Any]] = {
    section.name: section.default_factory for section in fields(Config) if callable(section.default_factory)
}

_CHECKS: dict[str, dict[str, tuple[str, Check]]] = {
    "tmux": {
        "binary": ("binary", _text),
        "sockets": ("sockets", _paths),
        "socket_dirs": ("socket_dirs", _paths),
    },
    "delivery": {
        "ttl": ("ttl_s", _seconds("1s", "366d")),
        "human_quiet_s": ("human_quiet_s", _seconds("0s", "1h")),
        "on_doubt": ("redeliver_unasked", _redeliver_unasked),
        "sender": ("only_observed", _only_observed),
    },
    "programs": {"type_into": ("type_into", _texts)},
    "queue": {
        "keep": ("keep", _number(0, KEEP_ENDED)),
        "max_waiting": ("max_waiting", _number(0, 1_000_000_000)),
        "max_waiting_per_target": ("max_waiting_per_target", _number(0, 1_000_000_000)),
        "min_free_memory": ("min_free_memory", _number(0, 1 << 50)),
    },
    "log": {"max_bytes": ("max_bytes", _number(64 << 10, 1 << 30)), "keep": ("keep", _number(0, 100))},
    "runs": {"keep": ("keep", _number(1, 10_000))},
    "events": {
        "max_depth": ("max_depth", _number(1, 100)),
        "window": ("window_s", _seconds("1s", "1d")),
        "burst": ("burst", _number(1, 1_000_000)),
        "rate": ("rate", _rate(0.01, 100_000)),
        "pause": ("pause_s", _seconds("1s", "1d")),
    },
    "stream": {
        "max_bytes": ("max_bytes", _number(1 << 20, 1 << 40)),
        "max_age": ("max_age_s", _seconds("1m", "3660d")),
    },
}
"""For each section and key of the file: the field, and what makes its value."""
