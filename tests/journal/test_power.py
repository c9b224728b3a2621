"""What a journal is after the power went: on real file systems that lose all they had not written."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import replay
from tests.journal.test_crashes import ENVIRONMENT, command, expect_groups

GOING_DOWN = 0x8004587D
"""ext4 and xfs: stop at once, flush nothing."""
WITHOUT_LOG = struct.pack("I", 2)
CUTS = 4
SIZES = {"ext4": "64M", "xfs": "320M"}


@contextlib.contextmanager
def image(kind: str) -> Iterator[Path]:
    """A file with a file system in it."""
    maker = shutil.which(f"mkfs.{kind}", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if os.geteuid() != 0 or maker is None:
        pytest.skip(f"needs root and mkfs.{kind}")
    with tempfile.TemporaryDirectory(prefix="ti-") as folder:
        made = Path(folder) / "image"
        subprocess.run(["truncate", "-s", SIZES[kind], str(made)], check=True)
        subprocess.run([maker, "-q", str(made)], check=True)
        yield made


@contextlib.contextmanager
def mounted(made: Path) -> Iterator[Path]:
    where = made.with_name("mounted")
    where.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", str(made), str(where)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


def cut_power(where: Path) -> None:
    fd = os.open(where, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, GOING_DOWN, WITHOUT_LOG)
    finally:
        os.close(fd)


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_what_was_acknowledged_survives_a_power_cut(kind: str) -> None:
    """After each cut, while a process was writing, every acknowledged append is there, and whole."""
    chance = random.Random(3)  # noqa: S311 -- reproducible
    acknowledged = -1
    with image(kind) as made:
        for cut in range(CUTS + 1):
            with mounted(made) as where:
                folder = where / "journal"
                if cut:
                    expect_groups(replay(folder)[1], [acknowledged])
                if cut == CUTS:
                    return
                with subprocess.Popen(
                    command(folder, 0, "endless"),
                    env=ENVIRONMENT,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                ) as process:
                    assert process.stdout is not None
                    for _ in range(chance.randrange(20, 200)):
                        acknowledged = int(process.stdout.readline())
                    cut_power(where)
                    acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
