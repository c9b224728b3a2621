"""A shell as somebody has who reads the pages: `ts-ipc` on the PATH, tmux, and a home of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUBS = ("npm", "docker", "docker-compose", "curl")
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, first: str, last: str) -> str:
    """The bash blocks of `page` from the heading `first` up to the heading `last`, one below the other."""
    text = page.read_text()
    begin, end = text.index(first), text.index(last) if last else len(text)
    return "\n".join(BLOCK.findall(text[begin:end]))


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who pastes what a page says."""

    home: Path
    environment: dict[str, str]

    def paste(self, script: str) -> str:
        """Run `script` in bash, stopping at the first line that fails; what it printed, errors included."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def reader(short_path: Path) -> Iterator[Reader]:
    """A fresh home; `npm`, `docker` and the like only say that they were called."""
    programs = short_path / "bin"
    programs.mkdir()
    _program(programs / "ts-ipc", f'exec {sys.executable} -m tsipc_client "$@"')
    for name in STUBS:
        _program(programs / name, f'echo "{name} $*"')
    # Nobody types as fast as this: a message's file comes a moment behind its acknowledgement.
    _program(programs / "cat", 'until [ $# = 0 ] || [ -e "$1" ]; do sleep 0.05; done; exec /bin/cat "$@"')
    # tmux starts login shells, and /etc/profile begins the PATH anew.
    (short_path / ".bash_profile").write_text(f"PATH={programs}:$PATH\n")
    environment = {
        "HOME": str(short_path),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SHELL": "/bin/bash",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "TMUX_TMPDIR": str(short_path),
    }
    person = Reader(short_path, environment)
    yield person
    person.paste("ts-ipc daemon stop; tmux kill-server || true")


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
