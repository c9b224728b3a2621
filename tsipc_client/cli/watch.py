"""Watching a run: a live display on a terminal, plain lines in a pipe, JSON lines for a program.

Loaded by short commands: it knows a run by its fields, and loads no classes.
"""

from __future__ import annotations

import os
import sys
import time

from tsipc_client.cli import brief, screen
from tsipc_client.render import progress
from tsipc_client.render.columns import columns
from tsipc_client.render.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tsipc_client.wire.messages import Progress, RunEnded

    JsonOf = Callable[[Progress | RunEnded], str]

TICK_S = 0.5
"""How often the elapsed time is redrawn; it shows whole seconds after the first ten."""

LEAST_GAP_S = 0.04
"""Between two pictures: a step that prints a lot is not drawn faster than eyes can follow."""

TAIL_BYTES = 64 * 1024

_CTRL_C = 130


def watch(display: Display, follow: Callable[[Callable[[Progress], None]], RunEnded]) -> int:
    """Show what `follow` tells until it returns the end; the exit status is the run's.

    Ctrl-C only stops the watching. An error of `follow` goes on, and the display may be used again.
    """
    board = display.board
    try:
        with display:
            ended = follow(display.take)
            board.end(ended)
    except KeyboardInterrupt:
        if board.run:
            screen.tell(
                [
                    "",
                    f"ts-ipc: no longer watching; {board.run} goes on",
                    f"  see it: ts-ipc watch {board.run}    stop it: ts-ipc cancel {board.run}",
                ]
            )
        return _CTRL_C
    display.finish(ended)
    return brief.STATUS_OF_RUN[ended.status]


def display_of(json_of: JsonOf | None) -> Display:
    """What shows a run on this stdout; with `json_of` as JSON."""
    if json_of is not None:
        return JsonDisplay(json_of)
    return LiveDisplay() if screen.can_redraw(sys.stdout) else Display()


class Display:
    """A line on stdout when something begins or ends; what went wrong on stderr."""

    def __init__(self) -> None:
        self.board = progress.Board()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is shown any more but the end."""

    def take(self, news: Progress) -> None:
        """Called with each piece of news."""
        style = screen.style_of(sys.stdout)
        screen.put(progress.plain_lines(news, self.board.add(news), style))

    def finish(self, ended: RunEnded) -> None:
        """Show the end."""
        screen.put([progress.summary(ended, screen.style_of(sys.stdout))])
        if ended.status not in ("success", "partial"):
            _explain(ended)


class JsonDisplay(Display):
    """A document on stdout for each piece of news, and for the end."""

    def __init__(self, json_of: JsonOf) -> None:
        super().__init__()
        self._json_of = json_of

    def take(self, news: Progress) -> None:
        """Called with each piece of news."""
        self.board.add(news)
        screen.put([self._json_of(news)])

    def finish(self, ended: RunEnded) -> None:
        """Show the end."""
        screen.put([self._json_of(ended)])


class LiveDisplay(Display):
    """Draws the board in place on stdout while it is entered; then the last picture stays.

    A thread draws, since the caller waits in a read. It owns stdout from `__enter__` to `__exit__`.
    """

    def __init__(self) -> None:
        import threading  # noqa: PLC0415 (for this only)

        super().__init__()
        self._thread = threading.Thread
        self._changed = threading.Condition()
        self._fresh = True
        self._over = False
        self._drawn: list[int] = []
        """The columns of each line of the last picture."""

    def take(self, news: Progress) -> None:
        """Called with each piece of news, from the reading thread."""
        with self._changed:
            self.board.add(news)
            self._fresh = True
            self._changed.notify()

    def __enter__(self) -> Self:
        self._over = False
        self._painter = self._thread(target=self._paint, name="live-display", daemon=True)
        self._painter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._painter.join()
        if self.board.run:
            self._draw()

    def _paint(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._fresh or self._over, timeout=TICK_S)
                if self._over:
                    return
                self._fresh = False
                if self.board.run:
                    self._draw()
                # Lets go of the lock: news is taken while this waits, and drawn together after it.
                self._changed.wait_for(lambda: self._over, timeout=LEAST_GAP_S)

    def _draw(self) -> None:
        """One write per picture: move up over the last one, overwrite each line, clear what is left."""
        width, now = screen.width_of(sys.stdout), time.time()
        rows = screen.height_of(sys.stdout) - 1
        # The last column stays free: after writing into it, terminals disagree on where the cursor is.
        bare = Style(width=width - 1, terminal=True)
        shaped = Style(width=width - 1, terminal=True, colour=screen.style_of(sys.stdout).colour)
        # A window made narrower since has wrapped the old lines.
        above = sum(max(-(-taken // width), 1) for taken in self._drawn)
        self._drawn = [columns(text) for text in progress.frame(self.board, now, bare, rows)]
        lines = progress.frame(self.board, now, shaped, rows)
        up = f"\x1b[{above}A\r" if above else "\r"
        sys.stdout.write(up + "".join(f"{text}\x1b[K\n" for text in lines) + "\x1b[J")
        sys.stdout.flush()


def _explain(ended: RunEnded) -> None:
    from tsipc_client.render import autopsy  # noqa: PLC0415 (most runs end well)

    step = autopsy.failed_step(ended.steps)
    if step is None:
        return
    log = _path_of(step.log)
    screen.tell(autopsy.autopsy(step, len(ended.steps), log, _tail(log), screen.style_of(sys.stderr)))


def _path_of(log: str) -> str:
    from tsipc_client.wire.address import state_path  # noqa: PLC0415 (as above)

    # The daemon names it from its state folder, which it shares with us.
    return os.path.join(state_path(), log) if log else ""  # noqa: PTH118 (`pathlib` costs a run 5 ms)


def _tail(path: str) -> str:
    """The end of a step's log; empty if it cannot be read, since its path is shown anyway."""
    if not path:
        return ""
    from tsipc_client.launch import open_plain  # noqa: PLC0415 (as above)

    try:
        with open(open_plain(path, os.O_RDONLY), "rb") as log:  # noqa: PTH123 (as above)
            size = log.seek(0, 2)
            log.seek(max(size - TAIL_BYTES, 0))
            return log.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
