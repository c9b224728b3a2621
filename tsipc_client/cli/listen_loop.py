"""Staying with a stream of events: rows or JSON lines out, a command for each, a cursor that outlives us."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tsipc_client.cli import screen
from tsipc_client.cli.arguments import bad_input
from tsipc_client.cli.orders import DEFAULT_TIMEOUT_S, Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.client import Client
from tsipc_client.listening import Asks, batches
from tsipc_client.render import listing
from tsipc_client.render.json_text import encode
from tsipc_client.wire.messages import EventView, Heard

MAX_VARIABLE_BYTES: Final = 64 << 10
"""The largest data that is put into TS_DATA: a kernel takes 128 KiB."""


def listen(asks: Asks, options: Options, *, command: str, count: int | None, cursor_file: str) -> int:
    """Until `count` events were shown, or the time is over."""
    left = count
    begins_at = asks.start
    with Client(timeout_s=DEFAULT_TIMEOUT_S) as client:
        for heard in batches(client, asks, options.timeout_s):
            if begins_at and begins_at <= heard.forgotten:
                screen.tell([f"ts-ipc: events up to {heard.forgotten} are not kept any more"])
            begins_at = None
            events = heard.events if left is None else heard.events[:left]
            if command:
                for event in events:
                    _run(command, event)
                    _keep(cursor_file, event.seq + 1)
            else:
                _show(events, options)
            is_last = left is not None and len(events) == left
            _keep(cursor_file, events[-1].seq + 1 if is_last else heard.next)
            if is_last:
                return ExitStatus.OK
            left = None if left is None else left - len(events)
    return ExitStatus.WAIT_OVER


def wait_for(asks: Asks, options: Options) -> int:
    """Until one came, whose data is printed, or the time is over."""
    with Client(timeout_s=DEFAULT_TIMEOUT_S) as client:
        for heard in batches(client, asks, options.timeout_s):
            if heard.events:
                event = heard.events[0]
                if options.json:
                    _show(heard.events, options)
                elif event.data:
                    # As `show` does: for a program the bytes that they are, for a terminal what can be shown.
                    screen.put([event.data if not screen.is_terminal(sys.stdout) else _plain(event.data)])
                return ExitStatus.OK
    return ExitStatus.WAIT_OVER


def cursor(path: str, start: int | None) -> int | None:
    """The number that the file says to go on with; `start` if there is none yet. Raises `BadInput`."""
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return start
    except OSError as error:
        raise bad_input(f"{path}: {error.strerror}") from error
    if not (text.isascii() and text.isdecimal()):
        raise bad_input(f"{path} holds no event number", hint="is it the file of something else? remove it")
    return int(text)


def _keep(path: str, next_: int) -> None:
    """Let the file say it, durably and never half."""
    if not path:
        return
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        with open(temporary, "w", encoding="ascii") as file:  # noqa: PTH123 (a path as the shell gave it)
            file.write(f"{next_}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 (the same)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 (the same)
        raise bad_input(
            f"{path}: {error.strerror}", hint="it is where --cursor-file keeps its place"
        ) from error


def _show(events: tuple[EventView, ...], options: Options) -> None:
    if not events:
        return
    if options.json:
        screen.put(encode(asdict(event)) for event in events)
    else:
        screen.put(listing.heard(Heard(events=events, next=0), screen.style_of(sys.stdout)))


def _run(command: str, event: EventView) -> None:
    """One after the other. Nothing of the event is part of a command line."""
    environment = {
        **os.environ,
        "TS_EVENT": event.event,
        "TS_SOURCE": event.source,
        "TS_SEQ": str(event.seq),
        "TS_AT": f"{event.at:.6f}",
    }
    environment.pop("TS_DATA", None)
    data = event.data.encode()
    if len(data) <= MAX_VARIABLE_BYTES and b"\0" not in data:
        environment["TS_DATA"] = event.data
    ended = subprocess.run(["/bin/sh", "-c", command], input=data, env=environment, check=False)
    if ended.returncode:
        screen.tell([f"ts-ipc: event {event.seq}: the command ended with status {ended.returncode}"])


def _plain(text: str) -> str:
    from tsipc_client.wire.text import visible  # noqa: PLC0415 (for a terminal only)

    return visible(text, keep_newlines=True)
