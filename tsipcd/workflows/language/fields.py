"""The values of keys, each as what it has to be. What is not is told to `Findings`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from tsipc_client.wire.messages import MAX_BODY_BYTES, MAX_NAME_BYTES
from tsipcd.workflows.language.document import Fields, Items, Node, Word
from tsipcd.workflows.language.faults import Findings, nearest

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Of steps, inputs, outputs and what else an expression can name."""

VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

OURS: Final = "TS_"
"""Variables that begin so are the engine's."""

MAX_NAME: Final = 100
MAX_SECONDS: Final = 366 * 86400.0

_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EXTENSION: Final = "x-"

Choice = TypeVar("Choice", bound=StrEnum)


class Reading:
    """Reads the fields of one document."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def fields(
        self,
        node: Node,
        what: str,
        keys: tuple[str, ...],
        *,
        aliases: Mapping[str, str] | None = None,
        hints: Mapping[str, str] | None = None,
    ) -> dict[str, Node]:
        """The mapping's values by their keys, an alias' by the key it stands for; `x-` keys are left out.

        `hints` say what to do about a key that another tool has.
        """
        if not isinstance(node, Fields):
            self.findings.shape(node.at, f"{what} must be a mapping, `key: value`")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.fields.items():
            at = node.places[key]
            name = (aliases or {}).get(key, key)
            if name in keys:
                if name in found:
                    self.findings.shape(at, f"{key} is another word for {name}, which stands here too")
                elif name != key:
                    self.findings.warning(at, f"{key} is read as {name}", f"write {name}")
                found[name] = value
            elif not key.startswith(_EXTENSION):
                listed = f"the keys of {what} are {', '.join(keys)}"
                hint = (hints or {}).get(key) or nearest(key, keys, listed)
                self.findings.shape(at, f"{what} has no key {key}", hint)
        return found

    def pairs(self, node: Node, what: str) -> Iterator[tuple[str, int, Node]]:
        """Key, its offset, and value of a mapping whose keys are the author's."""
        if isinstance(node, Fields):
            for key, value in node.fields.items():
                yield key, node.places[key], value
        else:
            self.findings.shape(node.at, f"{what} must be a mapping, `NAME: value`")

    def items(self, node: Node, what: str) -> list[Node]:
        """A list's items."""
        if isinstance(node, Items):
            return node.items
        self.findings.shape(node.at, f"{what} must be a list")
        return []

    def text(self, node: Node, what: str, *, may_be_empty: bool = False) -> str:
        """A word as it was written, whatever it looks like: `1.10` and `true` are text here."""
        if not isinstance(node, Word):
            self.findings.shape(node.at, f"{what} must be text")
            return ""
        if not may_be_empty and (node.value is None or not node.text.strip()):
            self.findings.shape(node.at, f"{what} is empty")
        elif len(node.text) * 4 > MAX_BODY_BYTES and len(node.text.encode()) > MAX_BODY_BYTES:
            self.findings.error(node.at, f"{what} is longer than {MAX_BODY_BYTES:,} bytes")
        elif "\0" in node.text:
            self.findings.error(node.at, f"{what} holds a NUL character")
        return "" if node.value is None else node.text

    def name(self, node: Node, what: str) -> str:
        """The name of a session, an event or a workflow."""
        found = self.text(node, what)
        if len(found.encode()) > MAX_NAME_BYTES:
            self.findings.error(node.at, f"{what} is longer than {MAX_NAME_BYTES} bytes")
        return found

    def key(self, at: int, key: str, what: str) -> str:
        """A name that expressions can use."""
        if not NAME.fullmatch(key):
            self.findings.shape(
                at, f"{what} cannot be called {key!r}", "use letters, digits, _ and -, a letter first"
            )
        elif len(key) > MAX_NAME:
            self.findings.shape(at, f"{what} is longer than {MAX_NAME} characters")
        return key

    def flag(self, node: Node, what: str) -> bool:
        """True or false."""
        if isinstance(node, Word) and isinstance(node.value, bool):
            return node.value
        hint = "no expression is evaluated here" if _has_expression(node) else ""
        self.findings.shape(node.at, f"{what} must be true or false", hint)
        return False

    def number(self, node: Node, what: str, least: float, most: float = math.inf) -> float:
        """A number between these two."""
        value = node.value if isinstance(node, Word) else None
        if isinstance(value, float) and least <= value <= most and math.isfinite(value):
            return value
        bounds = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        self.findings.shape(node.at, f"{what} must be a number {bounds}")
        return least

    def whole(self, node: Node, what: str, least: int, most: int) -> int:
        """A whole number between these two."""
        value = node.value if isinstance(node, Word) else None
        if isinstance(value, float) and least <= value <= most and value.is_integer():
            return int(value)
        self.findings.shape(node.at, f"{what} must be a whole number from {least} to {most}")
        return least

    def duration(self, node: Node, what: str, *, least_s: float = 0.0) -> float:
        """Seconds of a text such as `90s` or `1h30m`."""
        text = node.text if isinstance(node, Word) else ""
        if not _DURATION.fullmatch(text):
            hint = "write it with its unit: 500ms, 90s, 10m, 1h30m, 2d"
            if isinstance(node, Word) and isinstance(node.value, float):
                hint = f"a number needs its unit: {text}s or {text}m?"
            elif _has_expression(node):
                hint = "no expression is evaluated here; " + hint
            self.findings.shape(node.at, f"{what} is no duration", hint)
            return least_s
        found = sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))
        if not least_s <= found <= MAX_SECONDS:
            self.findings.error(node.at, f"{what} must be between {max(least_s, 0.001):g} s and a year")
        return found

    def choice(self, node: Node, what: str, kind: type[Choice]) -> Choice:
        """One of an enum's words."""
        words = [item.value for item in kind]
        text = node.text if isinstance(node, Word) else ""
        if text in words:
            return kind(text)
        listed = f"it is one of {', '.join(words)}"
        self.findings.shape(node.at, f"{what} cannot be {text or 'so'}", nearest(text, words, listed))
        return next(iter(kind))

    def names(self, node: Node, what: str) -> list[tuple[str, int]]:
        """One name or a list of names, each with its offset."""
        if isinstance(node, Word):
            return [(self.text(node, what), node.at)] if node.text else self._empty(node, what)
        return [(self.text(item, what), item.at) for item in self.items(node, what)]

    def env(self, node: Node, what: str) -> tuple[tuple[str, str], ...]:
        """Variables and their values, in the order written."""
        found = []
        for key, at, value in self.pairs(node, what):
            if not VARIABLE.fullmatch(key):
                self.findings.shape(at, f"{key!r} cannot be a variable", "use letters, digits and _")
            elif key.startswith(OURS):
                self.findings.shape(at, f"variables that begin with {OURS} are the engine's", "rename it")
            found.append((key, self.text(value, key, may_be_empty=True)))
        return tuple(found)

    def _empty(self, node: Word, what: str) -> list[tuple[str, int]]:
        self.findings.shape(node.at, f"{what} is empty", "write [] for none")
        return []


def _has_expression(node: Node) -> bool:
    return isinstance(node, Word) and "${{" in node.text
