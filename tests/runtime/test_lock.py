"""One daemon for each folder: the kernel's lock decides, and systemd's daemon takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tsipcd import lock

HOLD = """
import signal, sys
from pathlib import Path
from tsipcd import lock
lock.take(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("held", flush=True)
signal.pause()
"""


def hold(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, directory],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(lock.__file__).parents[1])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_daemon_is_turned_away(tmp_path: Path) -> None:
    """The error names the process that serves the folder."""
    with hold(tmp_path) as holder:
        with pytest.raises(lock.AlreadyRunning, match=f"process {holder.pid} "):
            lock.take(tmp_path)
        holder.terminate()


def test_the_lock_is_free_however_its_holder_ended(tmp_path: Path) -> None:
    """After SIGKILL the next one takes it; a file left behind means nothing."""
    with hold(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    os.close(lock.take(tmp_path))


def test_systemds_daemon_ends_the_one_before_it(tmp_path: Path) -> None:
    """It is told to stop as a service is, and waited for."""
    with hold(tmp_path) as holder:
        os.close(lock.take_over(tmp_path))
        assert holder.wait() == 7
    assert (tmp_path / lock.FILE).read_text() == f"{os.getpid()}\n"
