"""Ending a step's command: its groups in the foreground get SIGINT or another, then SIGTERM, then SIGKILL.

Each of them once: programs that clean up on the first Ctrl-C drop everything on the second. A command of
several programs gets them for each that comes to the foreground. The shell is never ended: what it runs by
itself, a loop or `read`, gets SIGINT as for a key, and nothing harder. In its own group, where fish runs the
programs of a sourced file, only the others get the harder ones.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final

from tsipcd.tmux import tty

TERMINATED_S: Final = 5.0
"""The same after SIGTERM."""
KILLED_S: Final = 5.0
"""How long it may outlive SIGKILL (in the kernel, or as another user's) until it is left alone."""


class Stopping:
    """One step that is to end."""

    def __init__(
        self, now: float, asked_s: float, first: signal.Signals = signal.SIGINT, grace_s: float = 10.0
    ) -> None:
        """`now` of some clock; it was asked for `asked_s` ago, in an earlier life if that is more than 0.

        The `first` signal gives the command `grace_s` to clean up.
        """
        self._first = first
        self._grace_s = grace_s
        # However long the daemon was away, there is a SIGKILL before it gives up.
        self._began = now - min(asked_s, grace_s + TERMINATED_S)
        self._sent: set[tuple[int, int]] = set()
        self._skips_first = asked_s > 0

    def send(self, now: float, group: int, shell: int) -> None:
        """Send what is due to the process `group`, if it did not get it before. `shell` is a process."""
        due = self._due(now)
        if self._skips_first and due is self._first:
            # An earlier life may have sent it.
            return
        if group <= 0 or (group, due) in self._sent:
            return
        self._sent.add((group, due))
        if due is signal.SIGINT or group != tty.group_of(shell):
            with suppress(OSError):
                os.killpg(group, due)
            return
        for pid in tty.below(shell):
            if tty.group_of(pid) == group:
                with suppress(OSError):
                    os.kill(pid, due)

    def is_over(self, now: float) -> bool:
        """Whether nothing helped."""
        return now - self._began >= self._grace_s + TERMINATED_S + KILLED_S

    def _due(self, now: float) -> signal.Signals:
        since = now - self._began
        if since < self._grace_s:
            return self._first
        return signal.SIGTERM if since < self._grace_s + TERMINATED_S else signal.SIGKILL
