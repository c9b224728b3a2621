"""The long forms: one message's whole story, and how the daemon is.

Loaded by short commands: it knows the messages by their fields, and does not load them.
"""

from __future__ import annotations

from tsipc_client.render.amounts import clock, duration, moment, plural, size
from tsipc_client.render.style import STATUS_TONES, Tone, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsipc_client.render.style import Span, Style
    from tsipc_client.wire.messages import Change, Shown, StatusReport

SHOWN_LINES = 30
"""Of a message's text, on a terminal; all of it in a pipe."""

SHOWN_CHARACTERS = 4000
"""The same, for a message of few long lines."""

_LABEL_COLUMNS = 11


def _field(style: Style, label: str, *values: str) -> str:
    return line(style, (f"  {label + ':':<{_LABEL_COLUMNS}}", Tone.DIM), *values)


def shown(result: Shown, style: Style) -> Iterator[str]:
    """Who, whom, what, when, every change of state, and the text."""
    message = result.message
    status = (f"[{message.status}]", STATUS_TONES[message.status])
    yield line(style, (message.id, Tone.BOLD), f"  {message.source} → {message.target}  ", status)
    yield _field(style, "Type", message.type)
    if message.event:
        yield _field(style, "Event", message.event)
    if message.run:
        yield _field(style, "Run", message.run)
    if message.observed and message.observed != message.source:
        yield _field(style, "Sent from", message.observed, " (the session it really came from)")
    yield _field(style, "Sent", moment(message.timestamp))
    if result.expires_at is not None:
        yield _field(style, "Expires", moment(result.expires_at))
    if result.pane:
        yield _field(style, "Pane", result.pane)
    if message.exit_code is not None:
        yield _field(style, "Exit", str(message.exit_code))
    if message.reason:
        yield _field(style, "Reason", message.reason)
    if message.status == "in-doubt":
        yield from _decide(message.id, style.uncut)
    yield line(style, ("  Story:", Tone.DIM))
    yield from _story(result.story, style)
    yield line(style, (f"  Message ({size(message.size_bytes)}):", Tone.DIM))
    yield from _body(message.message, style)


def _decide(id_: str, style: Style) -> Iterator[str]:
    label = f"  {'Decide:':<{_LABEL_COLUMNS}}"
    yield line(style, (label, Tone.RED), "look whether it ran, then type one of these")
    for option, meaning in (
        ("--redeliver", "it did not run: type it again"),
        ("--delivered", "it ran"),
        ("--drop", "leave it"),
    ):
        yield line(style, f"    ts-ipc resolve {id_} {option:<11}", (f"  {meaning}", Tone.DIM))


def _story(changes: tuple[Change, ...], style: Style) -> Iterator[str]:
    previous = changes[0].at if changes else 0.0
    for change in changes:
        since = f"+{duration(change.at - previous)}" if change.at > previous else ""
        previous = change.at
        status, tone = change.status, STATUS_TONES[change.status]
        spans: list[Span] = [
            f"    {clock(change.at)}  ",
            (f"{status:<9}" if since or change.detail else status, tone),
        ]
        if since or change.detail:
            spans.append((f"  {since:<8}" if change.detail else f"  {since}", Tone.DIM))
        if change.detail:
            spans.append(f"  {change.detail}")
        yield line(style, *spans)


def _body(text: str, style: Style) -> Iterator[str]:
    shown_text = text[:SHOWN_CHARACTERS] if style.terminal else text
    lines = shown_text.split("\n")
    if style.terminal:
        lines = lines[:SHOWN_LINES]
    uncut = style.uncut
    for one in lines:
        yield line(uncut, "    ", one.expandtabs())
    left_out = len(text) - len("\n".join(lines))
    if left_out > 0:
        yield line(style, (f"    … {plural(left_out, 'more character')}: pipe it to see all", Tone.DIM))


def status(result: StatusReport, style: Style, *, now: float) -> Iterator[str]:
    """What a person asks first when something hangs; `now` is the time it was answered."""
    yield line(
        style,
        ("●", Tone.GREEN),
        (f" tsipcd {result.version}", Tone.BOLD),
        f" (protocol {result.wire_version}), pid {result.pid}, up {duration(now - result.started_at)}",
    )
    yield _status_field(style, "Folder", result.directory)
    started_by = "systemd" if result.activation == "systemd" else "a client or by hand"
    yield _status_field(style, "Started by", started_by)
    yield _status_field(style, "Waiting", plural(result.waiting, "message") + _caps(result))
    for reason, count in result.held.items():
        yield line(style, " " * 16, (f"{count} of them: ", Tone.YELLOW), reason)
    if result.in_doubt:
        asks = (
            "it may or may not have been typed" if result.in_doubt == 1 else "nobody knows if they were typed"
        )
        yield _status_field(style, "In doubt", f"{plural(result.in_doubt, 'message')}: {asks}", Tone.RED)
        yield line(style, " " * 16, "list: ts-ipc queue --pending   decide: ts-ipc resolve ID")
    yield _status_field(style, "Runs", str(result.runs))
    yield _status_field(style, "Clients", str(result.clients))
    sync = "" if result.last_sync_s is None else f", last sync took {duration(result.last_sync_s)}"
    yield _status_field(style, "Journal", f"{size(result.journal_bytes)}{sync}")
    if result.free_bytes is not None:
        yield _status_field(style, "Disk", f"{size(result.free_bytes)} free")
    yield _status_field(style, "tmux servers", str(len(result.servers)))
    for server in result.servers:
        yield line(style, " " * 16, server)
    for problem in result.unreachable:
        yield _status_field(style.uncut, "No answer", problem, Tone.RED)
    for paused in result.paused:
        publisher = f" from {paused.publisher}" if paused.publisher else ""
        yield _status_field(
            style,
            "Paused",
            f"event {paused.event}{publisher}, for {duration(max(paused.until - now, 0.0))} more",
        )
        yield line(style, " " * 16, (paused.reason, Tone.YELLOW))
    if result.memory_low:
        yield line(style, ("  Little memory is free: new work is refused until there is more.", Tone.RED))
    if result.storage_low:
        yield line(style, ("  The disk is nearly full: new work is refused until there is room.", Tone.RED))


def _caps(result: StatusReport) -> str:
    caps = [f"at most {result.max_waiting:,}"] if result.max_waiting else []
    if result.max_waiting_per_target:
        caps.append(f"at most {result.max_waiting_per_target:,} for each target")
    return f" ({', '.join(caps)})" if caps else ""


def _status_field(style: Style, label: str, value: str, tone: Tone = Tone.DIM) -> str:
    return line(style, (f"  {label + ':':<14}", tone), value)
