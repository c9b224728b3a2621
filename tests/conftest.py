"""What every test has: a home of its own, and on request a real daemon and a real tmux server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.faults import tally
from tests.support.daemon import Daemon
from tests.support.tmux import Tmux

INHERITED = ("TMUX", "TMUX_PANE", "TS_IPC_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
"""What would lead a test to the tmux, the state folder or the service manager of the person who runs it."""


def pytest_configure() -> None:
    """A property is never judged by the clock: these machines are shared and slow at times."""
    hypothesis.settings.register_profile(
        "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the fault suite tried, if it ran."""
    path = Path(os.environ.get("TS_IPC_TALLY", ""))
    if path.is_file() and (text := path.read_text()):
        terminalreporter.write_line(tally.report(tally.totals(text.splitlines())))


@pytest.fixture(autouse=True, scope="session")
def home() -> Iterator[Path]:
    """The home of this test process; neither the user's tmux nor their ~/.config can be reached from it."""
    # Short, since a Unix socket's path may have 107 bytes and tests put sockets below it.
    folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        # These find their files through HOME; pip and uv need not download everything again.
        patch.setenv("PYENV_ROOT", os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
        patch.setenv("PIP_CACHE_DIR", os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip")))
        patch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv")))
        for name in INHERITED:
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(folder))
        patch.setenv("TMUX_TMPDIR", str(folder))
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A fresh folder whose path is short enough for sockets below it."""
    folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tmux(short_path: Path) -> Iterator[Tmux]:
    """A tmux server on the default socket of a private TMUX_TMPDIR; its first session starts it."""
    server = Tmux(short_path / "t")
    yield server
    server.close()


@pytest.fixture
def daemon(short_path: Path, tmux: Tmux) -> Iterator[Daemon]:
    """A real daemon process that serves, and finds the server of `tmux`."""
    process = Daemon(short_path / "ipc", {"TMUX_TMPDIR": str(tmux.folder)})
    process.start()
    yield process
    process.close()
