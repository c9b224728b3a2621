"""The commands that stay and show what happens, from words to orders: listen, tail, wait-for."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, options
from tsipc_client.cli.orders import Do, Options
from tsipc_client.listening import Asks

From = Annotated[
    int | None,
    typer.Option(
        "--from", metavar="SEQ", min=0, help="Begin with event number SEQ; 0: the oldest.", show_default=False
    ),
]

Since = Annotated[
    str,
    typer.Option(
        "--since", metavar="TIME", help="Begin with those of TIME: 10m ago, or 2025-10-01T05:15.",
        show_default=False,
    ),
]  # fmt: skip

Where = Annotated[
    str,
    typer.Option(
        "--where",
        metavar="EXPR",
        help="Only events of which this is true: of event.source, .data, .type, .id.",
        show_default=False,
    ),
]


def listen(
    events: Annotated[
        list[str] | None,
        typer.Argument(metavar="EVENT", help="Names, or patterns: deploy.* or build.**", show_default="all"),
    ] = None,
    *,
    start: From = None,
    since: Since = "",
    where: Where = "",
    command: Annotated[
        str,
        typer.Option("--exec", metavar="CMD", help="Run this for each event.", show_default=False),
    ] = "",
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", metavar="N", min=1, help="End after N events.", show_default=False),
    ] = None,
    cursor_file: Annotated[
        str,
        typer.Option(
            "--cursor-file", metavar="FILE", help="Go on where FILE says, and keep it up to date.",
            show_default=False,
        ),
    ] = "",
    json: AsJson = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="SECONDS", help="End after this time (2m and 1h work too), with status 124.",
            show_default=False,
        ),
    ] = "",
) -> Do:  # fmt: skip
    """Show published events as they come.

    A line is: SEQ TIME SOURCE [EVENT] DATA. Numbers grow; to go on later without a gap or a repeat, begin
    --from the number behind the last one, or let --cursor-file see to it. It waits for a daemon that ends.

    CMD is run by sh, one after the other, with the data on stdin and in TS_DATA (up to 64 KiB), beside
    TS_EVENT, TS_SOURCE, TS_SEQ and TS_AT.

    Examples:
      ts-ipc listen
      ts-ipc listen deployment 'build.**' --since 1h --json
      ts-ipc listen error --cursor-file ~/.errors --exec 'mail -s "$TS_SOURCE" me'
    """
    if cursor_file:
        from tsipc_client.cli import listen_loop  # noqa: PLC0415 (a client, for what stays only)

        start = listen_loop.cursor(cursor_file, start)
        since = since if start is None else ""
    asks = Asks(events or [], start=start, since=_begin(start, since), where=where)
    return Do(
        partial(_listen, asks, command=command, count=count, cursor_file=cursor_file),
        options(json=json, timeout=timeout, patient=True),
    )


def wait_for(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="A name, or a pattern: deploy.* or build.**")],
    *,
    start: From = None,
    since: Since = "",
    where: Where = "",
    json: AsJson = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="SECONDS",
            help="How long to wait (default: as long as it takes); then the status is 124.",
            show_default=False,
        ),
    ] = "",
) -> Do:  # fmt: skip
    """Wait for one event, and print its data.

    One that is published from now on, or, with --from or --since, the first from then on.

    EXPR is written as GitHub's expressions are: == != < > && || !, contains, startsWith, endsWith, fromJSON.

    Examples:
      ts-ipc wait-for deployment --timeout 10m && ./smoke-test
      ts-ipc wait-for 'build.**' --where "fromJSON(event.data).ok"
    """
    asks = Asks([event], start=start, since=_begin(start, since), where=where, limit=1)
    return Do(partial(_wait_for, asks), options(json=json, timeout=timeout, patient=True))


def tail(
    lines: Annotated[
        int, typer.Argument(metavar="LINES", min=0, max=10_000, help="Begin with so many.")
    ] = 10,
) -> Do:
    """Show the event log, and what is added to it.

    As events does, in colour on a terminal, until Ctrl-C. Message texts are not in it.

    Examples:
      ts-ipc tail
      ts-ipc tail 0 | grep --line-buffered FAIL
    """
    return Do(partial(_tail, lines), options(json=False, timeout=""))


def _begin(start: int | None, since: str) -> float | None:
    """The time to begin at, if that is how it was said."""
    if start is not None and since:
        raise arguments.bad_input("--from and --since both say where to begin", hint="give one of them")
    return arguments.past(since, "--since", time.time()) if since else None


def _listen(asks: Asks, options: Options, *, command: str, count: int | None, cursor_file: str) -> int:
    from tsipc_client.cli import listen_loop  # noqa: PLC0415 (as above)

    return listen_loop.listen(asks, options, command=command, count=count, cursor_file=cursor_file)


def _wait_for(asks: Asks, options: Options) -> int:
    from tsipc_client.cli import listen_loop  # noqa: PLC0415 (as above)

    return listen_loop.wait_for(asks, options)


def _tail(lines: int, options: Options) -> int:
    from tsipc_client.cli import log_tail  # noqa: PLC0415 (for this command only)

    return log_tail.tail(lines, options)
