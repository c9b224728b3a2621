"""Watching a run: a live display on a terminal, plain lines in a pipe, JSON lines for a program."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Self

from tsipc_client.asking import expect
from tsipc_client.cli import deliver, screen
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus, status_of_run
from tsipc_client.launch import open_plain
from tsipc_client.render import progress
from tsipc_client.render.columns import columns
from tsipc_client.render.style import Style
from tsipc_client.wire.address import state_directory
from tsipc_client.wire.messages import Progress, Run, RunEnded, RunStatus

TICK_S = 0.5
"""How often the elapsed time is redrawn; it shows whole seconds after the first ten."""

LEAST_GAP_S = 0.04
"""Between two pictures: a step that prints a lot is not drawn faster than eyes can follow."""

TAIL_BYTES = 64 * 1024


def watch(request: Run, options: Options) -> int:
    """Start the run and stay until it ends; the exit status is the run's. Ctrl-C only stops the watching."""
    board = progress.Board()
    display, on_progress = _display(board, options)
    try:
        with deliver.connect(options) as daemon, display:
            ended = expect(RunEnded, daemon.call(request, on_progress))
            board.end(ended)
    except KeyboardInterrupt:
        return _left(board)
    if options.json:
        screen.put([deliver.json_of(ended)])
    else:
        screen.put([progress.summary(ended, screen.style_of(sys.stdout))])
        _explain(ended)
    return status_of_run(ended.status)


def _display(
    board: progress.Board, options: Options
) -> tuple[AbstractContextManager[object], Callable[[Progress], None]]:
    if options.json:
        return nullcontext(), lambda news: _put_json(board, news)
    if screen.can_redraw(sys.stdout):
        live = LiveDisplay(board)
        return live, live.take
    style = screen.style_of(sys.stdout)
    return nullcontext(), lambda news: screen.put(progress.plain_lines(news, board.add(news), style))


def _put_json(board: progress.Board, news: Progress) -> None:
    board.add(news)
    screen.put([deliver.json_of(news)])


def _left(board: progress.Board) -> ExitStatus:
    if board.run:
        screen.tell(
            [
                "",
                f"ts-ipc: no longer watching; {board.run} goes on",
                f"  see it: ts-ipc queue    stop it: ts-ipc cancel {board.run}",
            ]
        )
    return ExitStatus.CTRL_C


def _explain(ended: RunEnded) -> None:
    step = progress.failed_step(ended.steps)
    if ended.status is RunStatus.SUCCESS or step is None:
        return
    if step.log:
        # The daemon names it from its state folder, which it shares with us.
        step = replace(step, log=str(state_directory() / step.log))
    screen.tell(progress.autopsy(step, len(ended.steps), _tail(step.log), screen.style_of(sys.stderr)))


def _tail(path: str) -> str:
    """The end of a step's log; empty if it cannot be read, since its path is shown anyway."""
    if not path:
        return ""
    try:
        with open(open_plain(path, os.O_RDONLY), "rb") as log:  # noqa: PTH123 (`pathlib` costs a run 5 ms)
            size = log.seek(0, 2)
            log.seek(max(size - TAIL_BYTES, 0))
            return log.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""


class LiveDisplay:
    """Draws the board in place on stdout until the block ends; then the last picture stays.

    A thread draws, since the caller waits in a read. It owns stdout from `__enter__` to `__exit__`.
    """

    def __init__(self, board: progress.Board) -> None:
        self._board = board
        self._changed = threading.Condition()
        self._fresh = True
        self._over = False
        self._drawn: list[int] = []
        """The columns of each line of the last picture."""
        self._painter = threading.Thread(target=self._paint, name="live-display", daemon=True)

    def take(self, news: Progress) -> None:
        """Called with each piece of news, from the reading thread."""
        with self._changed:
            self._board.add(news)
            self._fresh = True
            self._changed.notify()

    def __enter__(self) -> Self:
        self._painter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._painter.join()
        if self._board.run:
            self._draw()

    def _paint(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._fresh or self._over, timeout=TICK_S)
                if self._over:
                    return
                self._fresh = False
                if self._board.run:
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
        self._drawn = [columns(text) for text in progress.frame(self._board, now, bare, rows)]
        lines = progress.frame(self._board, now, shaped, rows)
        up = f"\x1b[{above}A\r" if above else "\r"
        sys.stdout.write(up + "".join(f"{text}\x1b[K\n" for text in lines) + "\x1b[J")
        sys.stdout.flush()
