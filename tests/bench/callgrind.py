"""Counts the machine's instructions by `valgrind --tool=callgrind`: of C code too, unlike counter.py.

Two works: a whole `ts-ipc send`, and what the daemon does for each of 200 sends, from the request's bytes to
its reply's. Counts hold for one build of Python on one kind of machine, and do not depend on its load.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import scenarios
from tests.bench.counter import Counts
from tests.support.daemon import ROOT, Daemon
from tests.support.wait import until

VALGRIND = ("valgrind", "--tool=callgrind", "--quiet")
START = ("send", "bench", "gone", "x")

BUILD = (
    f"{platform.python_version()} {platform.python_compiler()}, {platform.machine()} {platform.libc_ver()[1]}"
)
"""Of which the counts are."""

_NAME = re.compile(r"\((\d+)\)(?: (.*))?")


def lacks() -> str:
    """Why nothing can be counted here, or nothing."""
    for program in ("valgrind", "callgrind_control"):
        if not shutil.which(program):
            return f"{program} is not installed (Debian: valgrind)"
    return ""


def everything() -> Iterator[tuple[str, str, int, Counts]]:
    """Each work's name, what it is said of, how often that was done, and its counts."""
    yield "the machine's: send", "send", scenarios.CORE["send"].times, count_sends()
    with scenarios.daemon() as serving:
        yield "the machine's: start of ts-ipc send", "start", 1, count_start(serving)


def count_start(serving: Daemon) -> Counts:
    """One `ts-ipc send` from its first instruction to its last, Python's own start included."""
    script = Path(sys.executable).with_name("ts-ipc")
    environment = {
        **{name: value for name, value in serving.environment.items() if not name.startswith("TMUX")},
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "",
        "NO_COLOR": "1",
    }
    out = serving.directory.parent / "callgrind"
    command = [*VALGRIND, f"--callgrind-out-file={out}", sys.executable, str(script), *START]
    quiet = subprocess.DEVNULL
    subprocess.run(command, env=environment, check=True, stdin=quiet, stdout=quiet, stderr=quiet, timeout=120)
    return read(out.read_text())


def count_sends() -> Counts:
    """The counted scenario `send`, in a process that is told to count when all is prepared."""
    with tempfile.TemporaryDirectory(prefix="ti-") as folder:
        out, ready, go = (Path(folder) / name for name in ("out", "ready", "go"))
        command = [*VALGRIND, "--instr-atstart=no", f"--callgrind-out-file={out}", sys.executable]
        process = subprocess.Popen(
            [*command, "-m", "tests.bench.callgrind", str(ready), str(go)],
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)},
        )
        try:
            until(lambda: ready.exists() or process.poll() is not None, what="the work is prepared")
            control = ("callgrind_control", "-i", "on", str(process.pid))
            subprocess.run(
                control, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
            )
            go.touch()
            assert process.wait(120) == 0
        finally:
            process.kill()
            process.wait()
        return read(out.read_text())


def read(text: str) -> Counts:
    """Calls and own instructions of each function, from what callgrind wrote."""
    names: dict[str, str] = {}
    calls: dict[str, int] = {}
    own: dict[str, int] = {}
    function = called = ""
    is_of_called = False
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key in ("fn", "cfn"):
            found = _NAME.fullmatch(value)
            assert found is not None, line
            if found[2]:
                names[found[1]] = found[2]
            if key == "fn":
                function = names[found[1]]
            else:
                called = names[found[1]]
        elif key == "calls":
            calls[called] = calls.get(called, 0) + int(value.split()[0])
            is_of_called = True
        elif line[:1] in tuple("0123456789+-*"):
            if not is_of_called:
                own[function] = own.get(function, 0) + int(line.split()[-1])
            is_of_called = False
    return {name: (calls.get(name, 0), steps) for name, steps in own.items()}


def main(arguments: Sequence[str]) -> None:
    """Prepare the work, say so with a file, wait for another, work, and end on the spot."""
    ready, go = map(Path, arguments)
    scenario = scenarios.CORE["send"]
    scenario.prepare()()
    work = scenario.prepare()
    ready.touch()
    while not go.exists():
        time.sleep(0.01)
    work()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
