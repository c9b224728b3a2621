"""A state folder, and what reads it from outside."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsipcd.views.folder import Folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the state folder is, or will be."""
    return tmp_path / "ts" / "ipc"


@pytest.fixture
def folder(state: Path) -> Iterator[Folder]:
    """The open state folder."""
    opened = Folder.open(str(state))
    yield opened
    opened.close()


class Jq:
    """The real jq, as people use it on the files."""

    def __init__(self, binary: str) -> None:
        self._binary = binary

    def __call__(self, program: str, path: Path) -> str:
        done = subprocess.run(
            [self._binary, "-r", program, str(path)], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout


@pytest.fixture(scope="session")
def jq() -> Jq:
    """jq; the test is skipped where it is not installed."""
    binary = shutil.which("jq")
    if binary is None:
        pytest.skip("jq is not installed")
    return Jq(binary)
