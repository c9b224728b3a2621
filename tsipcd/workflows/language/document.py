"""A text as nodes, each with its place. YAML 1.2, of which JSON is a part; no value is made to be run.

The parser is libyaml's. Only its events are used: what a word means is the core schema of YAML 1.2, which
has no `yes`, no `on`, no dates and no numbers in base sixty. Keys that stand twice, tags that are not YAML's
own, merge keys and second documents are refused, and what aliases multiply is counted as if written out.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tsipcd.workflows.language.faults import Unreadable

Event: TypeAlias = Any
"""Of the parser's, which ships no types."""

MAX_TEXT_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 64
MAX_NODES: Final = 200_000

Value: TypeAlias = str | bool | float | None


@dataclass(slots=True)
class Word:
    """A scalar: `text` is what was written, `value` what that means. It ends before the offset `end`."""

    at: int
    end: int
    text: str
    value: Value


@dataclass(slots=True)
class Items:
    """A list."""

    at: int
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Fields:
    """A mapping, and the offsets of its keys."""

    at: int
    fields: dict[str, Node] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    size: int = 1


Node: TypeAlias = Word | Items | Fields

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_RADIX: Final = re.compile(r"0o([0-7]{1,100})|0x([0-9a-fA-F]{1,100})")
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN: Final = frozenset({".nan", ".NaN", ".NAN"})
_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null"))
_TAG_OF_TEXT: Final = "tag:yaml.org,2002:str"
_TAGS_AROUND: Final = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_PAIR: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.", re.DOTALL)
_HIDDEN: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LONE: Final = re.compile("[\ud800-\udfff]")
_MERGE: Final = "<<"


def read(text: str) -> Node:
    """The document in `text`. Raises `Unreadable`."""
    if len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        raise Unreadable(0, f"it is larger than {MAX_TEXT_BYTES:,} bytes")
    if lone := _LONE.search(text):
        raise Unreadable(lone.start(), "there is half of a surrogate pair")
    return _Reader(_as_yaml(text)).whole()


def _as_yaml(text: str) -> str:
    """JSON with the few things in it that libyaml takes otherwise put into escapes; other text as it is."""
    if not text.lstrip().startswith(("{", "[")) or not (_PAIR.search(text) or _HIDDEN.search(text)):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    hidden = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _PAIR.sub(_one_escape, hidden)


def _one_escape(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    high, low = int(found[1], 16) - 0xD800, int(found[2], 16) - 0xDC00
    return f"\\U{0x10000 + (high << 10) + low:08x}"


class _Reader:
    def __init__(self, text: str) -> None:
        # Starting the daemon, and most of what it does, need no parser: 27 ms and 2 MB.
        import yaml  # noqa: PLC0415

        self._broken: tuple[type[yaml.error.MarkedYAMLError], type[yaml.reader.ReaderError]] = (
            yaml.error.MarkedYAMLError,
            yaml.reader.ReaderError,
        )
        self._yaml = yaml
        self._text = text
        self._anchors: dict[str, Node] = {}
        self._size = 0

    def whole(self) -> Node:
        loader = getattr(self._yaml, "CLoader", self._yaml.Loader)
        try:
            self._events = self._yaml.parse(self._text, Loader=loader)
            self._next()
            if isinstance(self._next(), self._yaml.StreamEndEvent):
                raise Unreadable(0, "it is empty", "a workflow has at least `steps:` and one step")
            node = self._node(self._next(), 1)
            self._next()
            end = self._next()
            if not isinstance(end, self._yaml.StreamEndEvent):
                raise Unreadable(_at(end), "a second document begins here", "one file is one workflow")
        except self._yaml.error.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = ", ".join(part for part in (error.context, error.problem) if part)
            raise Unreadable(mark.index if mark else 0, what, _hint_for(what)) from None
        except self._yaml.reader.ReaderError as error:
            raise Unreadable(
                max(int(error.position), 0), f"the character U+{int(error.character):04X} cannot stand here"
            ) from None
        return node

    def _next(self) -> Event:
        return next(self._events)

    def _node(self, event: Event, depth: int) -> Node:
        yaml = self._yaml
        if event.__class__ is yaml.ScalarEvent and event.anchor is None:
            return self._word(event)
        if depth > MAX_DEPTH:
            raise Unreadable(_at(event), f"nested deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, _at(event))
        if not isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent):
            raise TypeError(f"no node begins with {event}")
        anchor = event.anchor
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._word(event)
        else:
            if event.tag and event.tag not in _TAGS_AROUND:
                raise _foreign_tag(event)
            node = (
                self._items(event, depth)
                if isinstance(event, yaml.SequenceStartEvent)
                else self._fields(event, depth)
            )
        if anchor:
            self._anchors[anchor] = node
        return node

    def _alias(self, anchor: str, at: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise Unreadable(at, f"there is no anchor &{anchor} before this", "in quotes a * is a character")
        self._count(1 if isinstance(node, Word) else node.size, at)
        return node

    def _count(self, more: int, at: int) -> None:
        self._size += more
        if self._size > MAX_NODES:
            raise Unreadable(at, f"there are more than {MAX_NODES:,} values, aliases written out")

    def _word(self, event: Event) -> Word:
        tag, text = event.tag, event.value
        start, end = event.start_mark.index, event.end_mark.index
        self._count(1, start)
        if tag and tag not in _TAGS and tag != "!":
            raise _foreign_tag(event)
        plain = not event.style and tag not in (_TAG_OF_TEXT, "!")
        return Word(start, end, text, _meaning(text) if plain else text)

    def _items(self, event: Event, depth: int) -> Items:
        before, node = self._size, Items(_at(event))
        self._count(1, node.at)
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            node.items.append(self._node(event, depth + 1))
        node.size = self._size - before
        return node

    def _fields(self, event: Event, depth: int) -> Fields:
        before, node = self._size, Fields(_at(event))
        self._count(1, node.at)
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            key, at = self._node(event, depth + 1), event.start_mark.index
            if not isinstance(key, Word):
                raise Unreadable(at, "a key must be one word", "text with braces or brackets needs quotes")
            if key.text == _MERGE:
                raise Unreadable(
                    at, "merge keys (<<) are no part of YAML 1.2", "what steps share stands in `defaults:`"
                )
            if key.text in node.fields:
                first = self._text.count("\n", 0, node.places[key.text]) + 1
                raise Unreadable(
                    at, f"the key {key.text} stands here a second time", f"the first is in line {first}"
                )
            node.fields[key.text] = self._node(self._next(), depth + 1)
            node.places[key.text] = at
        node.size = self._size - before
        return node


def _meaning(text: str) -> Value:
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if not (text[0].isdigit() or text[0] in "+-."):
        return text
    if _DECIMAL.fullmatch(text):
        return float(text)
    if found := _RADIX.fullmatch(text):
        return float(int(found[1], 8) if found[1] else int(found[2], 16))
    if found := _INFINITE.fullmatch(text):
        return -math.inf if found[1] == "-" else math.inf
    return math.nan if text in _NAN else text


def _at(event: Event) -> int:
    return int(event.start_mark.index)


def _foreign_tag(event: Event) -> Unreadable:
    tag = str(getattr(event, "tag", ""))
    hint = "a text that begins with ! needs quotes: '!cancelled()'" if tag.startswith("!") else ""
    return Unreadable(_at(event), f"the tag {tag} means nothing here", hint)


def _hint_for(what: str) -> str:
    """What to do about the commonest of libyaml's sentences."""
    if "mapping values are not allowed" in what:
        return "a text that holds `: ` needs quotes, or `|` and a line of its own"
    if "cannot start any token" in what:
        return "indent with spaces, and quote a text that begins with % @ ` or a tab"
    if "found undefined tag handle" in what or "tag" in what:
        return "a text that begins with ! needs quotes: '!cancelled()'"
    if "anchor" in what or "alias" in what:
        return "a text that begins with * or & needs quotes"
    if "did not find expected key" in what or "block" in what:
        return "the lines of one list or mapping begin in the same column"
    return "a text with special characters needs quotes"
