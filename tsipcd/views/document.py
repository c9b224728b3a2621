"""A JSON document that people edit: strict to read, with the place of every value; safe to look at.

The standard parser tells no places, takes `NaN`, and lets the last of two equal keys win, so that half of a
hand-edited table would vanish unseen. What is written never moves a terminal that shows it.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import MAX_NAME_BYTES
from tsipc_client.wire.text import json_visible
from tsipcd.views.faults import bad_file

MAX_DEPTH = 64

_LARGEST = float(2**53)
"""Beyond this, programs that take numbers for floating-point ones (jq) lose digits."""

Scalar: TypeAlias = str | int | float | bool | None
Content: TypeAlias = "dict[str, Node] | list[Node] | Scalar"

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_KINDS: dict[type, str] = {dict: "an object {...}", list: "a list [...]", str: "text in double quotes"}


@dataclass(frozen=True, slots=True)
class Source:
    """The text that a document was read from, and where it stands."""

    text: str
    path: str

    def error(self, at: int, reason: str, hint: str = "") -> WireError:
        """The error for the character at offset `at`."""
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text.count("\n", 0, at) + 1
        return bad_file(self.path, reason, line=line, column=at - start + 1, hint=hint)


@dataclass(frozen=True, slots=True)
class Node:
    """One value and its place. The accessors raise `WireError` (BAD_FILE) for another kind of value."""

    content: Content
    source: Source
    at: int

    def error(self, reason: str, hint: str = "") -> WireError:
        """The error that `reason` is wrong here."""
        return self.source.error(self.at, reason, hint)

    def fields(self, what: str) -> dict[str, Node]:
        """An object's values by key, in the file's order."""
        if isinstance(self.content, dict):
            return self.content
        raise self._expected(what, dict)

    def items(self, what: str) -> list[Node]:
        """A list's values."""
        if isinstance(self.content, list):
            return self.content
        raise self._expected(what, list)

    def text(self, what: str) -> str:
        """A string that is not empty."""
        if not isinstance(self.content, str):
            raise self._expected(what, str)
        if not self.content:
            raise self.error(f"{what} is empty")
        return self.content

    def name(self, what: str) -> str:
        """A string that can be a name."""
        return self.check_name(what, self.text(what))

    def check_name(self, what: str, name: str) -> str:
        """`name`, which stands here or is a key here, if it can be a name."""
        if not name:
            raise self.error(f"{what} is empty")
        if len(name.encode()) > MAX_NAME_BYTES:
            raise self.error(f"{what} is longer than {MAX_NAME_BYTES} bytes")
        return name

    def plain(self) -> object:
        """The value as the standard parser gives it."""
        if isinstance(self.content, dict):
            return {key: node.plain() for key, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content

    def _expected(self, what: str, kind: type) -> WireError:
        return self.error(f"{what} must be {_KINDS[kind]}")


def parse(text: str, path: str) -> Node:
    """The document in `text`. Raises `WireError` (BAD_FILE) with line, column and reason."""
    reader = _Reader(Source(text, path))
    if reader.at_end():
        raise bad_file(path, "it is empty", hint="delete the file to start anew")
    node = reader.value(0)
    if not reader.at_end():
        raise reader.error("expected nothing after the end of the document")
    return node


def dump(value: object) -> bytes:
    r"""`value` as indented JSON; characters that do not show as themselves are `\u` escapes."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    return json_visible(data.decode()).encode()


class _Reader:
    """Recursive descent over one text."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._at = 0

    def error(self, reason: str, hint: str = "") -> WireError:
        return self._source.error(self._at, reason, hint)

    def at_end(self) -> bool:
        self._skip_space()
        return self._at == len(self._text)

    def value(self, depth: int) -> Node:
        self._skip_space()
        at = self._at
        if depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH}")
        content: Content
        match self._text[at : at + 1]:
            case "{":
                content = self._object(depth)
            case "[":
                content = self._list(depth)
            case '"':
                content = self._string()
            case _:
                content = self._scalar()
        return Node(content, self._source, at)

    def _object(self, depth: int) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        while self._another("}", first=not fields):
            at = self._at
            if not self._text.startswith('"', at):
                raise self.error("expected a key in double quotes")
            key = self._string()
            if key in fields:
                raise self._source.error(at, f'the key "{key}" stands here a second time')
            self._skip_space()
            if not self._text.startswith(":", self._at):
                raise self.error("expected : after the key")
            self._at += 1
            fields[key] = self.value(depth + 1)
        return fields

    def _list(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while self._another("]", first=not items):
            items.append(self.value(depth + 1))
        return items

    def _another(self, end: str, *, first: bool) -> bool:
        """Whether one more element comes; steps over the bracket or comma before it, or over the end."""
        if first:
            self._at += 1
        self._skip_space()
        if self._text.startswith(end, self._at):
            self._at += 1
            return False
        if first:
            return True
        if not self._text.startswith(",", self._at):
            raise self.error(f"expected , or {end}")
        comma = self._at
        self._at += 1
        self._skip_space()
        if self._text.startswith(end, self._at):
            raise self._source.error(comma, f"there is a comma too many before {end}")
        return True

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            raise self.error("this text has no closing quote on its line")
        text: str = found[0][1:-1]
        try:
            if "\\" in text:
                text = json.loads(found[0])
                text.encode()
        except json.JSONDecodeError as exc:
            raise self._source.error(self._at + exc.pos, "there is a wrong \\ escape in this text") from exc
        except UnicodeEncodeError as exc:
            raise self.error("there is half of a surrogate pair in this text") from exc
        self._at = found.end()
        return text

    def _scalar(self) -> Scalar:
        found = _SCALAR.match(self._text, self._at)
        if found is None:
            raise self.error("expected a value")
        try:
            value: Scalar = json.loads(found[0])
        except ValueError:  # Python reads integers of at most 4,300 digits
            value = math.inf
        if isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:
            raise self.error("this number is too large")
        self._at = found.end()
        return value

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
