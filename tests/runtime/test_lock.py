"""One daemon for each folder: the kernel's lock decides, and systemd's daemon takes over."""

from __future__ import annotations

import fcntl
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
held = lock.take(Path(sys.argv[1]))
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
    lock.take(tmp_path).release()


def test_systemds_daemon_ends_the_one_before_it(tmp_path: Path) -> None:
    """It is told to stop as a service is, and waited for."""
    with hold(tmp_path) as holder:
        lock.take_over(tmp_path).release()
        assert holder.wait() == 7
    assert (tmp_path / lock.FILE).read_text() == f"{os.getpid()}\n"


def test_a_lock_file_that_was_deleted_does_not_let_a_second_one_in(tmp_path: Path) -> None:
    """The folder itself is locked as well."""
    with hold(tmp_path) as holder:
        (tmp_path / lock.FILE).unlink()
        with pytest.raises(lock.AlreadyRunning, match="another process"):
            lock.take(tmp_path)
        holder.terminate()


def test_a_number_that_another_process_has_by_now_is_told_nothing(tmp_path: Path) -> None:
    """Who holds the lock without being our daemon is waited for; the process of that number lives on."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / lock.FILE).write_text(f"{stranger.pid}\n")
        with (tmp_path / lock.FILE).open() as foreign:
            fcntl.flock(foreign, fcntl.LOCK_EX)
            with pytest.raises(lock.AlreadyRunning, match="another process"):
                lock.take_over(tmp_path, within_s=0.1)
        assert stranger.poll() is None
        stranger.kill()
