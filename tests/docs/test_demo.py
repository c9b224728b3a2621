"""`scripts/demo`, as a newcomer runs it first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")]


@pytest.mark.skipif(not (ROOT / ".venv/ts-ipc.stamp").exists(), reason="needs scripts/setup to have run")
def test_the_demo_shows_what_it_says_and_leaves_nothing() -> None:
    """Without a terminal it runs to its end, every claim checked by itself, and cleans up."""
    done = subprocess.run(
        [ROOT / "scripts/demo"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "That was the demo." in done.stdout
    assert "\x1b" not in done.stdout
    (home,) = set(re.findall(r"/\w+/ts-ipc-demo\.\w+", done.stdout))
    assert not Path(home).exists()
