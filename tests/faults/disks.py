"""Ways to make a disk fail under a daemon: system calls that say no, and file systems that are full."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.wait import until


def strace(*injections: str, trace: Path | None = None) -> tuple[str, ...]:
    """A wrapper that injects these faults into the daemon's system calls; it stays our child.

    Calls are counted in each thread by itself. `trace` gets a line for each call that has returned.
    """
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    calls = ",".join(injection.partition(":")[0] for injection in injections)
    options = [option for injection in injections for option in ("-e", f"inject={injection}")]
    output = str(trace or "/dev/null")
    return (program, "-D", "-f", "-qq", "--seccomp-bpf", "-o", output, "-e", f"trace={calls}", *options)


@contextlib.contextmanager
def slowed(pid: int, call: str, seconds: float) -> Iterator[None]:
    """From now on each such system call of the process takes that long before it begins."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    words = (
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:delay_enter={seconds}s",
    )
    with subprocess.Popen([program, *words, "-p", str(pid)], stderr=subprocess.DEVNULL) as tracer:
        until(lambda: tracer.poll() is not None or _is_traced(pid), what="strace is there")
        if tracer.returncode is not None:
            pytest.skip("strace may not trace here")
        try:
            yield
        finally:
            tracer.terminate()


def _is_traced(pid: int) -> bool:
    """Whether all its threads are."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in status for status in statuses)


class Disk:
    """A file system of its own at `where`, as long as `mounted` says. Full after `fill`, until `free`."""

    wrapper: Sequence[str] = ()
    """What a daemon has to be started with to find it full."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def mount(self) -> None:
        raise NotImplementedError

    def fill(self) -> None:
        """Take all room that the daemon could have."""
        with (self.where / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass
                    os.fsync(file.fileno())

    def free(self) -> None:
        """Give it back."""
        (self.where / "ballast").unlink()


class Tmpfs(Disk):
    """Without room."""

    options = "size=32m"

    def mount(self) -> None:
        run("mount", "-t", "tmpfs", "-o", self.options, "ts-ipc-test", str(self.where))


class TmpfsWithoutInodes(Tmpfs):
    """With room, but for no file more."""

    options = "size=64m,nr_inodes=120"

    def fill(self) -> None:
        (self.where / "ballast").mkdir()
        with contextlib.suppress(OSError):
            for number in itertools.count():
                (self.where / "ballast" / str(number)).touch()

    def free(self) -> None:
        shutil.rmtree(self.where / "ballast")


class Ext4(Disk):
    """A file with a file system in it."""

    make: Sequence[str] = ("-m", "0")
    options = "loop"

    def mount(self) -> None:
        image = self.where.with_name("image")
        if not image.exists():
            run("truncate", "-s", "64M", str(image))
            run("mkfs.ext4", "-q", *self.make, str(image))
        run("mount", "-o", self.options, str(image), str(self.where))


class Ext4Reserved(Ext4):
    """What is left is root's, and the daemon may not have it."""

    make = ("-m", "20")
    wrapper = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource")

    def fill(self) -> None:
        with (self.where / "ballast").open("wb") as file:
            for share in (1.0, 0.5, 0.5, 0.5, 1.0, 1.0):
                found = os.statvfs(self.where)
                size = os.fstat(file.fileno()).st_size
                more = int(found.f_bavail * share) * found.f_frsize
                if more:
                    with contextlib.suppress(OSError):
                        os.posix_fallocate(file.fileno(), size, more)


class Ext4Quota(Ext4):
    """The disk has room, but not for this project."""

    make = ("-m", "0", "-O", "quota,project", "-E", "quotatype=prjquota", "-I", "256")
    options = "loop,prjquota"
    wrapper = Ext4Reserved.wrapper

    def mount(self) -> None:
        super().mount()
        run("chattr", "-R", "+P", "-p", "77", str(self.where))

    def fill(self) -> None:
        run("setquota", "-P", "77", "0", "1", "0", "0", str(self.where))

    def free(self) -> None:
        run("setquota", "-P", "77", "0", "0", "0", "0", str(self.where))


DISKS = (Tmpfs, TmpfsWithoutInodes, Ext4, Ext4Reserved, Ext4Quota)


def run(*words: str) -> None:
    """A command of the system; the test is skipped where it is not to be had or does not work."""
    path = f"{os.environ['PATH']}:/sbin:/usr/sbin"
    program = shutil.which(words[0], path=path)
    if os.geteuid() != 0 or program is None:
        pytest.skip(f"needs root and {words[0]}")
    done = subprocess.run(
        [program, *words[1:]], check=False, capture_output=True, text=True, env={"PATH": path}
    )
    if done.returncode:
        pytest.skip(f"{' '.join(words)}: {done.stderr}")


@contextlib.contextmanager
def mounted(disk: Disk) -> Iterator[Disk]:
    """Mounted meanwhile; whatever happens, no mount stays."""
    disk.where.mkdir(exist_ok=True)
    try:
        disk.mount()
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk.where)], check=False, capture_output=True)
