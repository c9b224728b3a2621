"""The tmux world as the core sees it: servers, sessions and panes as values. Asks tmux nothing."""

from __future__ import annotations

import msgspec


class ServerId(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """One life of one tmux server. A restarted server at the same socket is another one."""

    socket: str
    """Path of its socket."""
    pid: int
    started: int
    """`#{start_time}`, seconds since the epoch."""


class PanePin(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """One life of one pane: what a message may be typed into, and nothing else ever.

    Pane ids restart at `%0` with a new server and a respawned pane keeps its id, so both pids are in it.
    """

    server: ServerId
    pane: str
    """`%N`."""
    pid: int
    """`#{pane_pid}`: the pane's first process."""


class Pane(msgspec.Struct, frozen=True, gc=False):
    """One pane, as `list-panes -a` tells it."""

    pin: PanePin
    window: int
    """`#{window_index}`."""
    index: int
    """`#{pane_index}`."""
    window_name: str
    active: bool
    """The active pane of its window."""
    window_active: bool
    """Its window is its session's current one."""
    command: str
    """`#{pane_current_command}`."""


class Session(msgspec.Struct, frozen=True, gc=False):
    """One session and its panes, in window and pane order."""

    server: ServerId
    id: str
    """`$N`."""
    name: str
    attached: int
    """Clients attached to it; control clients and ours do not count."""
    windows: int
    panes: tuple[Pane, ...]

    @property
    def active_pane(self) -> Pane | None:
        """The pane that keys typed by an attached client would reach."""
        return next((p for p in self.panes if p.active and p.window_active), None)


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a target name leads: a session, or one pane of it."""

    server: ServerId
    session_id: str
    session: str
    """The session's full name, byte for byte."""
    pane: PanePin | None = None
    """Set if the target named one pane; None: the session's active pane when the time comes."""
