"""A real tmux server in a folder of its own; nothing it does can reach another server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.wait import until

EMPTY_CONFIG = "/dev/null"


class Tmux:
    """One server on the default socket below `folder` (its TMUX_TMPDIR), with plain `sh` in its panes."""

    def __init__(self, folder: Path, binary: str = "tmux") -> None:
        found = shutil.which(binary)
        if found is None:
            pytest.skip(f"{binary} is not installed")
        self.binary = found
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TMUX")},
            "TMUX_TMPDIR": str(folder),
            "SHELL": "/bin/sh",
            "PS1": "$ ",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, *arguments: str, check: bool = True) -> str:
        """What `tmux ARGUMENTS` prints."""
        done = subprocess.run(
            [self.binary, "-f", EMPTY_CONFIG, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def session(self, name: str, command: str = "exec /bin/bash --norc --noprofile") -> None:
        """Start session `name`, and wait until its shell shows a prompt."""
        self.run("new-session", "-d", "-s", name, "-x", "100", "-y", "30", command)
        until(lambda: self.screen(name), what=f"a prompt in {name}")

    def screen(self, session: str) -> str:
        """The text of its active pane, without blank lines at the end."""
        return self.run("capture-pane", "-p", "-J", "-t", f"={session}:").rstrip()

    def close(self) -> None:
        self.run("kill-server", check=False)
