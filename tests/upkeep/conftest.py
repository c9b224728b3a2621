"""`ts-ipc` as a process of its own, and state folders of a daemon that has stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its standard output, read as JSON."""
        return json.loads(self.out)


def ts_ipc(directory: Path, *words: str, **environment: str) -> Said:
    """`ts-ipc WORDS...` on the state folder, its output in pipes."""
    done = subprocess.run(
        [sys.executable, "-m", "tsipc_client", *words],
        cwd=ROOT,
        env={**os.environ, "TS_IPC_DIR": str(directory), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """The mode and the bytes of every file below the folder, the folder itself included."""
    found = {str(folder): (folder.stat().st_mode, b"")}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (path.lstat().st_mode, content)
    return found


@pytest.fixture
def stopped(daemon: Daemon) -> Path:
    """The state folder of a daemon that took in ten messages, one after the other, and ended well."""
    daemon.call("subscribe", session="absent", event="e")
    for number in range(10):
        daemon.call("send", source="me", target="absent", message=f"echo {number}")
    daemon.close()
    return daemon.directory
