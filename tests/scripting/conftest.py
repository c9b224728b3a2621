"""A state folder whose daemon is started by whoever comes first, and somebody who waits for events there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import call
from tests.support.wait import until
from tsipc_client import Client
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import WireError


class State:
    """One state folder. `ghost`, a session that is not there, hears of `news`: what is published waits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TS_IPC_DIR": str(folder),
            "TMUX_TMPDIR": str(folder.parent),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    @property
    def daemon(self) -> int:
        """The process id of the daemon that serves."""
        return int(call(self.folder / "ipc.sock", "status")["result"]["pid"])

    def subscribe(self) -> None:
        with Client(self.folder) as client:
            client.subscribe("ghost", "news")

    def published(self) -> list[str]:
        """The texts of all that was ever published to `ghost`, in order."""
        with Client(self.folder) as client:
            last = client.queue(1).messages
            count = int(last[0].id.removeprefix("msg-")) if last else 0
            stories = client.call_many([m.Show(id=f"msg-{number + 1}") for number in range(count)])
        return [
            story.message.message.removeprefix("Event: news - ")
            for story in stories
            if isinstance(story, m.Shown)
        ]

    def end(self) -> None:
        """Whatever daemon runs there is stopped."""
        with Client(self.folder, start=False) as client:
            try:
                pid = client.stop().pid
            except WireError:
                return
        until(lambda: not is_alive(pid), what="the daemon ended")


@pytest.fixture
def state(short_path: Path) -> Iterator[State]:
    """Whatever daemon runs there in the end is stopped."""
    state = State(short_path / "ipc")
    state.environment["HOME"] = str(short_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMUX_TMPDIR", str(short_path))
        state.subscribe()
        yield state
    state.end()


def is_alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
