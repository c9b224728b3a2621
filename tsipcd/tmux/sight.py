"""One look at a place: one round trip to tmux, then the kernel. Says what is there, judges nothing.

tmux is given `$N` and `%N` only; the session's name is compared here, byte for byte.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tsipcd.core.topology import PanePin, Place, ServerId
from tsipcd.tmux import tty
from tsipcd.tmux.commands import command
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.control import Block
from tsipcd.tmux.screen import Screen

_FIELDS = (
    "#{pid} #{start_time} #{window_active}#{pane_active} #{pane_id} #{pane_pid} #{pane_dead} "
    "#{pane_input_off} m#{pane_mode} #{alternate_on} #{cursor_x} #{cursor_y} #{pane_width} #{pane_height} "
    "t#{pane_tty} #{pane_synchronized} #{history_size} a#{session_last_attached} #{session_activity} "
    # The one that may hold anything comes last.
    "#{session_name}"
)

_CLIENT = "#{client_activity} #{client_control_mode}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of one pane."""

    pin: PanePin
    dead: bool
    input_off: bool
    synchronized: bool
    """Keys sent to it reach the other panes of its window too."""
    mode: str
    """`copy-mode` and the like; empty: none."""
    alternate: bool
    """It shows the alternate screen, as full-screen programs do."""
    screen: Screen
    process: tty.Process | None
    """In the foreground of its terminal; None: the kernel does not tell."""
    line_mode: tty.LineMode | None
    activity: float
    """When a client attached to the session last pressed a key, in seconds since the epoch; 0: never."""
    history: int = 0
    """How many lines have left the screen at its top."""
    touched: float = 0.0
    """When anybody last pressed a key in the session, gone since or not; 0: nobody ever attached to it."""


async def look(connection: Connection, place: Place) -> Sight | None:
    """What is at `place` now; None: the session or the pane is gone, or the name is another's.

    Raises `TmuxError`.
    """
    mark = f"tsipc-{secrets.token_hex(4)}"
    target = place.pane.pane if place.pane is not None else f"{place.session_id}:"
    # Without /proc that is all there is; with it, it would only cost time.
    running = "" if tty.tells_processes() else "#{pane_current_command}"
    blocks = await connection.run(
        command("list-panes", "-s", "-t", f"{place.session_id}:", "-F", f"{mark} {_FIELDS}"),
        command("list-clients", "-t", place.session_id, "-F", f"{mark}-c {_CLIENT}"),
        command("display-message", "-p", "-t", target, f"{mark}-p {running}"),
        command("capture-pane", "-p", "-e", "-N", "-t", target),
    )
    lines = [line for block in blocks if block.ok for line in block.lines]
    fields = _choose(place, [line.split(" ", 19)[1:] for line in lines if line.startswith(f"{mark} ")])
    if fields is None or not all(block.ok for block in blocks):
        return None
    name = next((line.partition(" ")[2] for line in lines if line.startswith(f"{mark}-p")), "")
    return _sight(fields, place, _activity(lines, mark), name, _picture(blocks, mark))


def _choose(place: Place, panes: list[list[str]]) -> list[str] | None:
    """The fields of the pane that `place` means, if it is still the same place."""
    for fields in panes:
        if fields[-1] != place.session or fields[:2] != [str(place.server.pid), str(place.server.started)]:
            return None
        if place.pane is None:
            if fields[2] == "11":
                return fields
        elif fields[3:5] == [place.pane.pane, str(place.pane.pid)]:
            return fields
    return None


def _activity(lines: list[str], mark: str) -> float:
    """The latest key press of the clients that are people's."""
    clients = [line.split() for line in lines if line.startswith(f"{mark}-c ")]
    return max((float(words[1]) for words in clients if words[2:] == ["0"]), default=0.0)


def _picture(blocks: list[Block], mark: str) -> tuple[str, ...]:
    """What `capture-pane` printed: the longest answer behind ours; hooks of the user print short ones."""
    behind = 0
    for index, block in enumerate(blocks):
        if any(line.startswith(f"{mark}-p") for line in block.lines):
            behind = index + 1
    return max((block.lines for block in blocks[behind:]), key=len, default=())


def _sight(fields: list[str], place: Place, activity: float, running: str, rows: tuple[str, ...]) -> Sight:
    server = ServerId(place.server.socket, int(fields[0]), int(fields[1]))
    pin = PanePin(server, fields[3], int(fields[4]))
    x, y, width = (int(field) for field in fields[9:12])
    dead = fields[5] == "1"
    terminal = fields[13].removeprefix("t")
    if dead:
        process = None
    elif tty.tells_processes():
        process = tty.foreground_of(pin.pid)
    else:
        process = tty.Process(0, running)
    return Sight(
        pin=pin,
        dead=dead,
        input_off=fields[6] == "1",
        synchronized=fields[14] == "1",
        mode=fields[7].removeprefix("m"),
        alternate=fields[8] == "1",
        screen=Screen(rows, x, y, width),
        process=process,
        line_mode=None if dead else tty.line_mode(terminal),
        activity=activity,
        history=int(fields[15]),
        touched=float(fields[17]) if fields[16] != "a" else 0.0,
    )
