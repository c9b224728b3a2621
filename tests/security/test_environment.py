"""What the daemon passes on, and the modes of what it makes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until

SENTINEL = "TS_IPC_TEST_SECRET"
SHARED = ("SSH_AUTH_SOCK", "DISPLAY", "SSH_CONNECTION")
"""What tmux takes from a client's environment into a session's, if it is let."""


@pytest.mark.tmux
def test_its_environment_reaches_no_session(short_path: Path, tmux: Tmux) -> None:
    """Neither panes nor steps nor the server see what the daemon was started with."""
    tmux.session("work")
    secrets = {SENTINEL: "s3cret", **dict.fromkeys(SHARED, "s3cret")}
    daemon = Daemon(short_path / "ipc", {"TMUX_TMPDIR": str(tmux.folder), **secrets})
    try:
        daemon.start()
        daemon.call("workflow", name="w", steps=[{"session": "work", "command": f"env >{short_path}/step"}])
        assert call(daemon.socket_path, "run", name="w")["result"]["status"] == "success"
        daemon.call("send", source="t", target="work", message=f"env >{short_path}/command")
        until((short_path / "command").exists, what="the command ran")
        tmux.run("new-window", "-d", "-t", "=work:", f"env >{short_path}/window; exec cat")
        until((short_path / "window").exists, what="the new window's program ran")
        until((short_path / "window").read_text, what="it wrote its environment")
        seen = [(short_path / name).read_text() for name in ("step", "command", "window")]
        seen += [tmux.run("show-environment", "-t", "=work:"), tmux.run("show-environment", "-g")]
        assert all(seen)
        assert not [text for text in seen if "s3cret" in text]
    finally:
        daemon.close()


def modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): stat.filemode(path.lstat().st_mode)
        for path in sorted((folder, *folder.rglob("*")))
    }


@pytest.mark.tmux
@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_the_callers_umask_changes_nothing(
    make: Callable[..., Daemon], tmux: Tmux, short_path: Path, mask: int
) -> None:
    """Folders are 0700, files and the socket 0600, whoever starts it and however."""
    tmux.session("work")
    daemon = make(prepare=partial(os.umask, mask))
    daemon.directory.mkdir(mode=0o755)
    daemon.start()
    daemon.call("subscribe", session="b", event="e")
    daemon.call("send", source="a", target="b", message="x", type="data")
    daemon.call("workflow", name="w", steps=[{"session": "work", "command": "true"}])
    assert call(daemon.socket_path, "run", name="w")["result"]["status"] == "success"
    until(lambda: list((daemon.directory / "queue").glob("*.json")), what="the views are written")
    found = modes(daemon.directory)
    assert len(found) > 15
    kinds = {"d": "drwx------", "-": "-rw-------", "s": "srw-------", "p": "prw-------"}
    # What a step's own shell writes is its affair; the folder around it is closed.
    ours = {path: mode for path, mode in found.items() if Path(path).name not in ("claim", "status", "pipe")}
    assert {path: mode for path, mode in ours.items() if mode != kinds[mode[0]]} == {}
    assert not list(short_path.glob("*.core"))
