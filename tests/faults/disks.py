"""Ways to make a disk fail under a daemon: system calls that say no, and file systems that are full."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


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
