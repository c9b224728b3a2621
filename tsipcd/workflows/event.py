"""What expressions see of an event: `event.type`, `event.source`, `event.data`, `event.json`, `event.id`.

`data` is the text as it was published; `json` is the value that it spells, null if it spells none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from tsipcd.workflows.contexts import EVENT
from tsipcd.workflows.expressions.values import Value


class EventContext(Mapping[str, Value]):
    """One event. Its text is read as JSON only if somebody asks for that."""

    def __init__(self, kind: str, source: str, data: str, number: str) -> None:
        self._values: dict[str, Value] = {"type": kind, "source": source, "data": data, "id": number}

    def __getitem__(self, name: str) -> Value:
        if name == "json" and name not in self._values:
            self._values[name] = _parsed(self._values["data"])
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(EVENT)

    def __len__(self) -> int:
        return len(EVENT)


def _parsed(text: Value) -> Value:
    try:
        found: Value = msgspec.json.decode(str(text))
    except (msgspec.DecodeError, RecursionError):
        return None
    return found
