"""`ts-ipc export`: what was published, or what the event log says, for other programs."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import Timeout, options
from tsipc_client.cli.listening import From, Since
from tsipc_client.cli.orders import Do


class Format(StrEnum):
    """How it is written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    *,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", metavar="jsonl|csv", help="One JSON object a line, or CSV.")
    ] = Format.JSONL,
    log: Annotated[bool, typer.Option("--log", help="The lines of the event log, taken apart.")] = False,
    start: From = None,
    since: Since = "",
    timeout: Timeout = "",
) -> Do:
    """Write out the published events that are kept.

    All of them up to now, oldest first, or from SEQ or TIME on: as listen shows them, with their data. With
    --log what events.log and the logs rotated away from it hold: deliveries and runs as well, and no texts.

    Examples:
      ts-ipc export > events.jsonl
      ts-ipc export --log --since 1d --format csv > log.csv
    """
    if start is not None and (since or log):
        raise arguments.bad_input("--from is for events, and says by itself where to begin")
    at = arguments.past(since, "--since", time.time()) if since else None
    from tsipc_client.cli import export_rows  # noqa: PLC0415 (a client, for this command only)

    as_csv = format is Format.CSV
    action = (
        partial(export_rows.export_log, at, as_csv=as_csv)
        if log
        else partial(export_rows.export_events, start, at, as_csv=as_csv)
    )
    return Do(action, options(json=False, timeout=timeout))
