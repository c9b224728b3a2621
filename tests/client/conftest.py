"""A stub daemon in a process of its own, and a Python that starts it in place of the real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import until

STUB = Path(__file__).with_name("stub_daemon.py")


class Stubs:
    """The stub daemons of one state folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def started(self) -> list[int]:
        """The process ids of all that ever began to serve."""
        starts = self.directory / "starts"
        return [int(line) for line in starts.read_text().split()] if starts.exists() else []

    def start(self) -> subprocess.Popen[bytes]:
        """One that serves when this returns."""
        process = subprocess.Popen(
            [sys.executable, STUB], env={**os.environ, "TS_IPC_DIR": str(self.directory)}
        )
        until((self.directory / f"ready-{process.pid}").exists, what="it serves")
        return process

    def end(self) -> None:
        """End all, however they were started."""
        for pid in self.started:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue


@pytest.fixture
def stubs(short_path: Path) -> Iterator[Stubs]:
    """A folder for stub daemons; none runs yet."""
    stubs = Stubs(short_path)
    yield stubs
    stubs.end()


@pytest.fixture
def python_of_stub(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, whoever starts a daemon on demand starts the stub."""
    fake = short_path / "python"
    fake.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STUB}"\n')
    fake.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(fake))


@pytest.fixture
def stub(stubs: Stubs) -> Iterator[Stubs]:
    """A stub daemon that serves."""
    process = stubs.start()
    yield stubs
    process.kill()
    process.wait(10)
