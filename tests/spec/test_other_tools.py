"""What other tools see of tmux while the daemon is connected: the user's sessions, as they were."""

from __future__ import annotations

import os

import libtmux

from tests.spec.conftest import Shell


def test_libtmux_sees_the_users_sessions_as_they_were(sessions: Shell) -> None:
    """No user's session is attached, renamed or given a window; ours is one, and sorts last."""
    server = libtmux.Server(socket_path=sessions.tmux.folder / f"tmux-{os.getuid()}" / "default")

    def seen() -> list[tuple[str | None, str | None, int]]:
        return [(s.session_name, s.session_attached, len(s.windows)) for s in server.sessions]

    before = seen()
    sessions.ok("ts-ipc send a claude-manager true; ts-ipc send a claude-planka hello notification")
    sessions.delivered("msg-1")
    assert seen()[: len(before)] == before
    (ours,) = seen()[len(before) :]
    assert str(ours[0]).startswith("~ts-ipc-")
