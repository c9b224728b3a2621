"""The unit files as they stand in the repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.systemd.conftest import ROOT, SERVICE, SOCKET

UNITS = (ROOT / "systemd" / SOCKET, ROOT / "systemd" / SERVICE)

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def verify(*units: Path, runtime: Path) -> str:
    """What `systemd-analyze --user verify` complains about; it says most of it with exit status 0."""
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units],
        env={"XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr + ("" if done.returncode == 0 else f"exit status {done.returncode}")


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    """Every key is known and stands in the right section, and what is to be started exists."""
    assert verify(*UNITS, runtime=tmp_path) == ""


def test_verify_would_see_a_wrong_key(tmp_path: Path) -> None:
    """The check above is able to fail: a key in the wrong section is named."""
    wrong = tmp_path / SERVICE
    wrong.write_text(
        UNITS[1].read_text().replace("[Service]", "[Service]\nStartLimitIntervalSec=0\nNoSuch=1")
    )
    assert "NoSuch" in verify(wrong, runtime=tmp_path)


def test_nothing_that_hides_the_callers_is_used() -> None:
    """A mount namespace would cost the daemon its sight of other processes' environments."""
    keys = {line.partition("=")[0] for line in UNITS[1].read_text().splitlines() if "=" in line}
    assert not [
        key
        for key in keys
        if key.startswith(("Protect", "Private", "ReadWrite", "Inaccessible", "ProcSubset"))
    ]
