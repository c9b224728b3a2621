"""The kernel's view, of processes and terminals of our own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tsipcd.tmux import tty

linux_only = pytest.mark.skipif(not tty.tells_processes(), reason="this system has no /proc")


def comes_to(ask: Callable[[], object], expected: object) -> None:
    """The kernel is a moment behind: a new program's name and words, bytes on their way."""
    end = time.monotonic() + 10
    while (found := ask()) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.002)


def name_of(pid: int) -> str:
    found = tty.process(pid)
    return found.name if found is not None else ""


def words_of(pid: int) -> tuple[str, ...]:
    found = tty.process(pid)
    return found.argv[1:] if found is not None else ()


def test_the_mode_of_a_terminal_and_what_is_unread() -> None:
    """Line mode, echo and bytes that wait are those of the terminal at the path."""
    master, slave = pty.openpty()
    try:
        path = os.ttyname(slave)
        assert tty.line_mode(path) == tty.LineMode(canonical=True, echo=True)
        settings = termios.tcgetattr(slave)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        os.write(master, b"abc")
        comes_to(lambda: tty.line_mode(path), tty.LineMode(canonical=False, echo=False, unread_bytes=3))
    finally:
        os.close(slave)
        os.close(master)
    assert tty.line_mode("/nonexistent") is None
    assert tty.line_mode("/dev/null") is None


@linux_only
def test_what_is_told_of_a_process() -> None:
    """Name, words and owner; nothing of one that is no more."""
    with subprocess.Popen(["sleep", "1000"]) as child:
        try:
            comes_to(lambda: words_of(child.pid), ("1000",))
            found = tty.process(child.pid)
            assert found is not None
            assert found.uid == os.getuid()
            assert tty.is_alive(child.pid)
        finally:
            child.kill()
    assert tty.process(child.pid) is None
    assert not tty.is_alive(child.pid)
    assert tty.foreground_of(child.pid) is None
    assert tty.reads_terminal(child.pid) is None
    assert tty.open_pidfd(child.pid) is None


@linux_only
def test_a_name_with_parentheses_and_spaces(tmp_path: Path) -> None:
    """The fields of /proc/PID/stat are found behind any name."""
    odd = tmp_path / "a) S (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "1000"]) as child:
        try:
            comes_to(lambda: name_of(child.pid), "a) S (b")
            fields = tty._stat(child.pid)
            assert fields is not None
            assert int(fields[1]) == os.getpid()
        finally:
            child.kill()


@linux_only
def test_a_file_held_open_below_a_folder(tmp_path: Path) -> None:
    """Not one beside it."""
    (tmp_path / "in").mkdir()
    with (tmp_path / "in/file").open("w"):
        assert tty.has_open(os.getpid(), tmp_path / "in")
        assert not tty.has_open(os.getpid(), tmp_path / "i")
    assert not tty.has_open(os.getpid(), tmp_path / "in")


PARENT = """
import subprocess
child = subprocess.Popen(["sh", "-c", "read x; exit 3"])
print(child.pid, flush=True)
child.wait()
"""


@linux_only
def test_an_exit_code_is_told_or_unknown() -> None:
    """It is asked of a process that somebody else has waited for."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pidfd = tty.open_pidfd(int(parent.stdout.readline()))
        assert pidfd is not None
        assert tty.exit_code_of(pidfd) is None
        parent.stdin.close()
        parent.wait()
        assert tty.exit_code_of(pidfd) in (3, None)
        os.close(pidfd)


@linux_only
def test_who_sleeps_in_a_read_of_a_terminal() -> None:
    """`cat` on a terminal does; `sleep` does not."""
    master, slave = pty.openpty()
    with (
        subprocess.Popen(["cat"], stdin=slave) as reader,
        subprocess.Popen(["sleep", "1000"]) as sleeper,
    ):
        try:
            comes_to(lambda: tty.reads_terminal(reader.pid), expected=True)
            assert not tty.reads_terminal(sleeper.pid)
        finally:
            reader.kill()
            sleeper.kill()
            os.close(slave)
            os.close(master)
