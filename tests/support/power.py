"""Power cuts: file systems in files, mounted, that lose at a stroke all that they had not written.

Nothing stays behind: what was mounted is unmounted, and its loop device given back, whatever happens.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import until

SIZES = {"ext4": "64M", "xfs": "320M"}
"""The least that each takes, and some room."""

_GOING_DOWN = 0x8004587D
"""ext4 and xfs: stop at once."""
_FLUSH_NOTHING = struct.pack("I", 2)


@contextlib.contextmanager
def image(kind: str) -> Iterator[Path]:
    """A file with a file system in it. Skips the test where none can be made."""
    maker = shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if os.geteuid() != 0 or maker is None:
        pytest.skip(f"needs root and mkfs.{kind}")
    with tempfile.TemporaryDirectory(prefix="ti-") as folder:
        made = Path(folder) / f"image.{kind}"
        subprocess.run(["truncate", "-s", SIZES[kind], str(made)], check=True)
        subprocess.run([maker, "-q", str(made)], check=True)
        yield made


@contextlib.contextmanager
def mounted(made: Path) -> Iterator[Path]:
    """Where the image is mounted. Skips the test where it cannot be."""
    where = made.with_name("mounted")
    where.mkdir(exist_ok=True)
    _mount(made, where)
    try:
        if not _is_alive(where):
            # Somebody's mount namespace keeps what was cut, and its loop device. A copy gets another one.
            _unmount(where)
            copy = made.with_name("copy")
            subprocess.run(["cp", "--sparse=always", str(made), str(copy)], check=True)
            copy.rename(made)
            _mount(made, where)
        yield where
    finally:
        _unmount(where)


def _mount(made: Path, where: Path) -> None:
    # xfs does not mount a copy beside what it is a copy of, unless told to.
    options = "loop,nouuid" if made.suffix == ".xfs" else "loop"
    done = subprocess.run(["mount", "-o", options, str(made), str(where)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode()}")


def _is_alive(where: Path) -> bool:
    probe = where / "probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def cut_power(where: Path) -> None:
    """What is mounted there loses all that was not synced, and does nothing any more."""
    fd = os.open(where, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _GOING_DOWN, _FLUSH_NOTHING)
    finally:
        os.close(fd)


def _unmount(where: Path) -> None:
    """Unmounted, once a process that was just killed has let go of it."""
    try:
        until(lambda: _try_to_unmount(where), what=f"{where} is unmounted")
    except AssertionError:
        subprocess.run(["umount", "--lazy", str(where)], check=True)
        raise


def _try_to_unmount(where: Path) -> bool:
    done = subprocess.run(["umount", str(where)], check=False, capture_output=True, text=True)
    return done.returncode == 0 or "not mounted" in done.stderr
