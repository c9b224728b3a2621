"""One look at a place: one round trip to tmux, then the kernel. Says what is there, judges nothing.

tmux is given `$N` and `%N` only; the session's name is compared here, byte for byte.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass

from tsipcd.core.topology import PanePin, Place, ServerId
from tsipcd.tmux import tty
from tsipcd.tmux.commands import word
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.screen import Screen

_FIELDS = (
    "#{pid} #{start_time} #{window_active}#{pane_active} #{pane_id} #{pane_pid} #{pane_dead} "
    "#{pane_input_off} m#{pane_mode} #{alternate_on} #{cursor_x} #{cursor_y} #{pane_width} #{pane_height} "
    "t#{pane_tty} #{pane_synchronized} #{history_size} a#{session_last_attached} #{session_activity} "
    # The one that may hold anything comes last.
    "#{session_name}"
)

_CLIENT = "#{client_activity} #{client_control_mode}"
_RUNNING = "#{pane_current_command}"

_SECRET = f"tsipc-{secrets.token_hex(8)}-"
_COUNT = itertools.count()
"""Both together begin a line of ours: a look may be seen in `show-messages`, but not before it is over."""


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
    mark = f"{_SECRET}{next(_COUNT)}"
    target = place.pane.pane if place.pane is not None else f"{place.session_id}:"
    blocks = await connection.run(_question(mark, place.session_id, target))
    if not all(block.ok for block in blocks):
        return None
    told: dict[str, list[list[str]]] = {"s": [], "c": [], "p": []}
    pictures: list[tuple[str, ...]] = [()]
    for block in blocks:
        if block.lines and block.lines[0].startswith(mark):
            for line in block.lines:
                if line.startswith(mark):
                    kind, *words = line.removeprefix(mark).split(" ", 19)
                    told[kind].append(words)
        elif told["s"]:
            pictures.append(block.lines)
    fields = _choose(place, told["s"])
    if fields is None:
        return None
    # Hooks of the user print too, and less.
    rows = max(pictures, key=len)
    running = " ".join(told["p"][0]) if told["p"] else ""
    return _sight(fields, place, _activity(told["c"]), running, rows)


def _question(mark: str, session_id: str, target: str) -> str:
    """What prints a line for each pane and client of the session, then the picture of `target`."""
    session, pane = word(f"{session_id}:"), word(target)
    # Without /proc that is all there is; with it, it would only cost time.
    running = "" if tty.tells_processes() else f"display-message -p -t {pane} '{mark}p {_RUNNING}' ; "
    return (
        f"list-panes -s -t {session} -F '{mark}s {_FIELDS}' ; "
        f"list-clients -t {session} -F '{mark}c {_CLIENT}' ; "
        f"{running}capture-pane -p -e -N -t {pane}"
    )


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


def _activity(clients: list[list[str]]) -> float:
    """The latest key press of the clients that are people's."""
    return max((float(pressed) for pressed, is_control in clients if is_control == "0"), default=0.0)


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
