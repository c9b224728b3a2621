"""Events and lines of the event log as rows: JSON objects, or CSV with a heading."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import datetime
from itertools import islice
from typing import Final

from tsipc_client.asking import expect
from tsipc_client.cli import screen
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.client import Client
from tsipc_client.listening import Asks
from tsipc_client.render.json_text import encode
from tsipc_client.wire import messages as m
from tsipc_client.wire.text import visible

LOG_LINE: Final = (
    r"^(?P<timestamp>\S+) (?P<action>[A-Z]+) (?P<source>\S+)(?: → (?P<target>\S+))?(?: \[(?P<type>\S+)\])?"
    r"(?: → (?P<subscriber>\S+))?(?: (?P<id>(?:msg|run)-[0-9]+))?(?: (?P<detail>.*))?$"
)
"""A line of events.log. What names one session only has it as `source`. Go's expressions can do this, too."""

_PARTS: Final = re.compile(LOG_LINE)
_TOGETHER: Final = 1000

Row = dict[str, object]


def export_events(start: int | None, since: float | None, options: Options, *, as_csv: bool) -> int:
    """The published events up to now."""
    names = [field.name for field in fields(m.EventView)]
    with Client(timeout_s=options.timeout_s) as client:
        _write(_events(client, start, since), names, as_csv=as_csv)
    return ExitStatus.OK


def export_log(since: float | None, options: Options, *, as_csv: bool) -> int:
    """The lines of the event log."""
    with Client(timeout_s=options.timeout_s) as client:
        path = expect(m.LogLines, client.call(m.Events(lines=1))).path
    _write(_log_rows(path, since), list(_PARTS.groupindex), as_csv=as_csv)
    return ExitStatus.OK


def _events(client: Client, start: int | None, since: float | None) -> Iterator[Row]:
    end = expect(m.Heard, client.call(m.Listen(wait=False))).next
    asks = Asks(start=0 if start is None and since is None else start, since=since, limit=_TOGETHER)
    while asks.start is None or asks.start < end:
        request = asks.request()
        heard = expect(m.Heard, client.call(m.Listen(**{**asdict(request), "events": (), "wait": False})))
        asks.take(heard)
        yield from (asdict(event) for event in heard.events if event.seq < end)


def _log_rows(path: str, since: float | None) -> Iterator[Row]:
    """Oldest first, of all the files that there are."""
    older = 0
    while _exists(f"{path}.{older + 1}"):
        older += 1
    for name in (*(f"{path}.{number}" for number in range(older, 0, -1)), path):
        with open(name, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 (as the daemon names it)
            for line in file:
                parts = _PARTS.match(line.rstrip("\n"))
                if parts is not None and (since is None or _time(parts["timestamp"]) >= since):
                    yield {name: text or "" for name, text in parts.groupdict().items()}


def _exists(path: str) -> bool:
    try:
        open(path, "rb").close()  # noqa: PTH123 (as above)
    except FileNotFoundError:
        return False
    return True


def _time(timestamp: str) -> float:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return 0.0


def _write(rows: Iterable[Row], names: list[str], *, as_csv: bool) -> None:
    if not as_csv:
        screen.put(encode(row) for row in rows)
        return
    for_people = screen.is_terminal(sys.stdout)
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    waiting = iter(rows)
    while True:
        together = list(islice(waiting, _TOGETHER))
        table.writerows(together)
        sys.stdout.write(visible(text.getvalue(), keep_newlines=True) if for_people else text.getvalue())
        text.seek(0)
        text.truncate()
        if len(together) < _TOGETHER:
            break
    sys.stdout.flush()
