"""The listings: queue, subscriptions, event log, runs, sessions. Three have version 1's shapes.

Loaded by short commands: it knows the messages by their fields, and does not load them.
"""

from __future__ import annotations

import time

from tsipc_client.render.columns import columns, cut, share
from tsipc_client.render.style import STATUS_TONES, Tone, line
from tsipc_client.wire.text import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tsipc_client.render.style import Span, Style
    from tsipc_client.wire.messages import (
        Heard,
        InboxList,
        LogLines,
        MessageView,
        Queued,
        RunList,
        RunView,
        SessionList,
        Subscription,
        SubscriptionTable,
        WorkflowList,
    )

RULE = "═" * 51
TITLE_INDENT = " " * 11
PREVIEW_CHARACTERS = 50
NAME_COLUMNS = 24

# Words of `Status`.
_WAITING = frozenset({"accepted", "held", "intent"})
_ENDED_BADLY = frozenset({"failed", "expired", "cancelled", "in-doubt"})


def _heading(title: str, style: Style) -> Iterator[str]:
    yield line(style, (RULE, Tone.CYAN))
    yield line(style, TITLE_INDENT, (title, Tone.BOLD))
    yield line(style, (RULE, Tone.CYAN))


def queue(result: Queued, style: Style) -> Iterator[str]:
    """Three lines a message, and more if it waits, failed, is in doubt or has an exit code."""
    yield from _heading("Message Queue", style)
    if not result.messages:
        yield line(style, ("  (no messages)", Tone.DIM))
    for message in result.messages:
        yield from _message(message, style)


def _message(message: MessageView, style: Style) -> Iterator[str]:
    state = f"[{message.status}]"
    # Scripts read the row of version 1; only a person gets the id behind it.
    id_shown = f"  {message.id}" if style.terminal else ""
    source, target = visible(message.source), visible(message.target)
    if style.width is not None:
        taken = columns(f"  ●  →  {state}{id_shown}")
        source, target = share(max(style.width - taken, 2), source, target)
    yield line(
        style,
        "  ",
        ("●", STATUS_TONES[message.status]),
        " ",
        (source, Tone.BOLD),
        " → ",
        (target, Tone.BOLD),
        " ",
        (state, STATUS_TONES[message.status]),
        (id_shown, Tone.DIM),
    )
    yield line(style, f"    Type: {message.type}")
    yield _preview(message.message, style)
    if message.reason and message.status in _WAITING:
        yield line(style, ("    Waiting: ", Tone.YELLOW), message.reason)
    if message.reason and message.status in _ENDED_BADLY:
        yield line(style, ("    Reason: ", Tone.RED), message.reason)
    if message.status == "in-doubt":
        decide = f"ts-ipc resolve {message.id} --redeliver, --delivered or --drop"
        yield line(style, ("    Decide: ", Tone.RED), decide)
    if message.exit_code is not None:
        yield line(style, f"    Exit: {message.exit_code}")


def _preview(body: str, style: Style) -> str:
    label, mark = "    Message: ", "..."
    first = visible(body.split("\n", 1)[0].removesuffix("\r")[:PREVIEW_CHARACTERS])
    if style.width is not None:
        first = cut(first, max(style.width - len(label) - len(mark), 1))
    return line(style, label, first, mark)


def inbox(result: InboxList, style: Style) -> Iterator[str]:
    """A line a question: its id, who asks, and its first line."""
    for row in result.questions:
        first, _, more = row.question.partition("\n")
        yield line(style, row.id, "  ", (row.source, Tone.BOLD), "  ", first + (" …" if more else ""))


def subscriptions(result: SubscriptionTable, style: Style) -> Iterator[str]:
    """A session a paragraph, one line per event, in the order of the file."""
    yield from _heading("Event Subscriptions", style)
    if not result.subscriptions:
        yield line(style, ("  (no subscriptions)", Tone.DIM))
    by_session: dict[str, list[Subscription]] = {}
    for subscription in result.subscriptions:
        by_session.setdefault(subscription.session, []).append(subscription)
    for session, entries in by_session.items():
        yield line(style, "  ", ("●", Tone.GREEN), " ", (session, Tone.BOLD))
        for entry in entries:
            yield line(style, "    → ", entry.event, (f" ({entry.action})", Tone.DIM))


def events(result: LogLines, style: Style) -> Iterator[str]:
    """The log's lines as they are, never cut: the id stands at their end."""
    # A line that wraps can still be read and copied; one that lost its id cannot be followed up.
    uncut = style.uncut
    for text in result.lines:
        timestamp, _, rest = text.partition(" ")
        action, separator, detail = rest.partition(" ")
        yield line(uncut, (timestamp, Tone.DIM), " " if rest else "", (action, Tone.CYAN), separator, detail)


def heard(result: Heard, style: Style) -> Iterator[str]:
    """One row an event, never cut: what it says may be long, and stands at its end."""
    uncut = style.uncut
    for event in result.events:
        yield line(
            uncut,
            (f"{event.seq} {_utc(event.at)}", Tone.DIM),
            f" {_word(event.source)} ",
            (f"[{_word(event.event)}]", Tone.CYAN),
            f" {event.data}" if event.data else "",
        )


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))


def _word(name: str) -> str:
    """Without blanks, so that the words of a row can be told apart."""
    return name.replace("%", "%25").replace(" ", "%20")


def runs(result: RunList, style: Style) -> Iterator[str]:
    """One row a run, under a heading: at which step it is, and why it waits there or went wrong."""
    if not result.runs:
        yield line(style, ("(no runs)", Tone.DIM))
        return
    from tsipc_client.render.amounts import duration, moment  # noqa: PLC0415 (no other listing needs it)

    header = ["RUN", "STATUS", "DONE", "STARTED", "TOOK", "WORKFLOW", "STEP"]
    rows = [
        [
            view.run,
            view.status,
            f"{view.done}/{view.steps}",
            moment(view.started_at),
            "-" if view.ended_at is None else duration(view.ended_at - view.started_at),
            visible(view.workflow),
            _at_step(view),
        ]
        for view in result.runs
    ]
    yield from table(header, rows, style)


def _at_step(view: RunView) -> str:
    if view.status == "success" or not view.step:
        return "-"
    # The reason before the place: what is behind the edge of a terminal is cut.
    reason = f": {visible(view.reason)}," if view.reason else ""
    return f"{view.step}{reason} in {visible(view.session)}"


def sessions(result: SessionList, style: Style) -> Iterator[str]:
    """One row a session, under a heading."""
    if not result.sessions:
        yield line(style, ("(no sessions)", Tone.DIM))
        return
    header = ["SESSION", "WINDOWS", "ATTACHED", "PENDING", "COMMAND", "ALIASES", "SERVER"]
    servers = _server_names({view.server for view in result.sessions}, style)
    rows = [
        [
            visible(view.name),
            str(view.windows),
            str(view.attached),
            str(view.pending),
            visible(view.command) or "-",
            visible(", ".join(view.aliases)) or "-",
            visible(servers[view.server]),
        ]
        for view in result.sessions
    ]
    yield from table(header, rows, style)


def workflows(result: WorkflowList, style: Style) -> Iterator[str]:
    """One row a workflow, under a heading; of one that cannot be run, why."""
    if not result.workflows:
        yield line(style, ("(no workflows)", Tone.DIM))
        return
    header = ["WORKFLOW", "STEPS", "STARTS", "SESSIONS"]
    rows = [
        [
            visible(view.name),
            "-" if view.problem else str(view.steps),
            visible(", ".join(view.starts)) or "-",
            visible(view.problem or ", ".join(view.sessions)),
        ]
        for view in result.workflows
    ]
    yield from table(header, rows, style)


def _server_names(sockets: set[str], style: Style) -> dict[str, str]:
    """How each socket is shown: by its path, or for a person by its file name if that tells them apart."""
    names = {socket: socket.rpartition("/")[2] for socket in sockets}
    if style.terminal and len(set(names.values())) == len(names):
        return names
    return {socket: socket for socket in sockets}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    """Cells in aligned columns, two blanks between them; cells are safe text already."""
    widths = [max(columns(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    if style.width is not None:
        widths = _squeezed(widths, style.width)
    yield line(style, (_row(header, widths), Tone.BOLD))
    for row in rows:
        first: Span = (_cell(row[0], widths[0]), Tone.CYAN)
        yield line(style, first, "  ", _row(row[1:], widths[1:]))


def _squeezed(widths: list[int], limit: int) -> list[int]:
    """The widths, with the first column narrowed if the row is too long, but not to less than names need."""
    excess = sum(widths) + 2 * (len(widths) - 1) - limit
    least = min(widths[0], NAME_COLUMNS)
    return [max(widths[0] - max(excess, 0), least), *widths[1:]]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(_cell(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(text: str, width: int) -> str:
    shown = cut(text, width)
    return shown + " " * (width - columns(shown))
