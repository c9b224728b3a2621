"""The live display of a run, in a real terminal: a pane of a private tmux server."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from tests.support.tmux import Tmux
from tests.support.wait import until

ABOVE = 9
"""Lines on the screen before the picture; they must stay as they are."""

DRIVER = Path(__file__).with_name("live_driver.py")


class Watched:
    """A pane in which `ts-ipc run` goes, and the hand on its daemon."""

    def __init__(self, tmux: Tmux, folder: Path, way: str, *, width: int = 80, height: int = 24) -> None:
        self.tmux = tmux
        fifo = folder / "script"
        os.mkfifo(fifo)
        # The trap keeps the shell alive when Ctrl-C is pressed; the driver gets it all the same.
        run = f"{sys.executable} {DRIVER} {way} {fifo} run deploy-full"
        command = f"trap : INT; seq {ABOVE}; {run}; echo status $?; exec cat"
        tmux.run("new-session", "-d", "-s", "w", "-x", str(width), "-y", str(height), command)
        self.script: TextIO = fifo.open("w", buffering=1)

    def say(self, *lines: str) -> None:
        self.script.writelines(f"{line}\n" for line in lines)
        self.script.flush()

    def lines(self) -> list[str]:
        """What is on the screen below the lines that were there before."""
        screen = self.tmux.run("capture-pane", "-p", "-t", "=w:").rstrip().split("\n")
        return screen[screen.index(str(ABOVE)) + 1 :] if str(ABOVE) in screen else []

    def shows(self, *patterns: str) -> list[str]:
        """Wait until exactly these lines are there."""

        def matches() -> list[str]:
            lines = self.lines()
            good = len(lines) == len(patterns) and all(
                re.fullmatch(pattern, line.rstrip()) for pattern, line in zip(patterns, lines, strict=True)
            )
            return lines if good else []

        try:
            return until(matches, what="the picture")
        except AssertionError:
            raise AssertionError("\n".join(self.lines())) from None


@pytest.fixture(params=["short", "long"])
def watched(tmux: Tmux, short_path: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    session = Watched(tmux, short_path, request.param)
    yield session
    session.script.close()


ANY_TIME = r"[0-9]+[a-z] ?[0-9]+[a-z]"
"""The samples began long ago: `417d 3h`."""


def test_the_picture_is_redrawn_in_place(watched: Watched) -> None:
    """News changes lines where they stand; nothing is left of older pictures, and the last one stays."""
    watched.say("0")
    watched.shows(r"deploy-full  run-3  step 1/5", r"  ● 1 claude-blacklist  npm run step-1")
    watched.say("1", "2")
    watched.shows(
        rf"deploy-full  run-3  step 1/5  {ANY_TIME}",
        rf"  ● 1 claude-blacklist  {ANY_TIME}  npm run step-1",
        r"      compiled 12 of 99",
    )
    watched.say("4", "5")
    watched.shows(
        rf"deploy-full  run-3  step 2/5  {ANY_TIME}",
        r"  ✓ 1 claude-blacklist  4\.1 s  npm run step-1",
        r"  ◌ 2 claude-blacklist  npm run step-2",
        r"      waits: busy: vim",
    )
    watched.say("7")
    watched.shows(
        r"deploy-full  run-3  step 2/5  .*", r"  ✓ 1 .*", r"  ● 2 claude-blacklist  .*  npm run step-2"
    )
    watched.say("8", "end failure")
    watched.shows(
        rf"deploy-full  run-3  step 2/2  {ANY_TIME}",
        r"  ✓ 1 claude-blacklist  4\.1 s  npm run step-1",
        r"  ✗ 2 claude-blacklist  exit 1  4\.1 s  npm run step-2",
        r"run-3 deploy-full: failure, 1 of 2 steps done in 14 s",
        r"step 2 of 2 failed in claude-blacklist: exit 1",
        r"  npm run step-2",
        r"status 1",
    )


def test_wide_and_hostile_output_neither_wraps_nor_moves_anything(watched: Watched) -> None:
    """One line of the screen for one line of output, whatever is in it."""
    watched.say(r"print " + r"\uc138\uc158" * 60)
    line = watched.shows(r"deploy-full .*", r"  ● 1 .*", r"      (세션)+세?…")[2]
    assert len(line) < 45
    watched.say(r"print \x1b[2J\x1b[10;10Hgone\x07\rback\u202e")
    watched.shows(r"deploy-full .*", r"  ● 1 .*", r"      \\x1b\[2J\\x1b\[10;10Hgone\\x07\\rback\\u202e")


def test_a_window_made_narrower_is_drawn_anew(watched: Watched) -> None:
    """What the old picture wrapped into is overwritten as well."""
    watched.say("1", "print " + "x" * 70)
    watched.shows(r"deploy-full .*", r"  ● 1 .*", r"      x{70}")
    watched.tmux.run("resize-window", "-t", "=w:", "-x", "40", "-y", "24")
    watched.shows(r"deploy-full .*", r"  ● 1 .*", r"      x+…")


def test_ctrl_c_leaves_the_picture_and_says_that_the_run_goes_on(watched: Watched) -> None:
    """The shell gets its line back, with status 130."""
    watched.say("1")
    watched.shows(r"deploy-full .*", r"  ● 1 .*")
    watched.tmux.run("send-keys", "-t", "=w:", "C-c")
    until(lambda: "status 130" in "\n".join(watched.lines()), what="the command ended")
    screen = "\n".join(watched.lines())
    assert "run-3 goes on" in screen
    assert "ts-ipc cancel run-3" in screen
    assert screen.count("deploy-full") == 1


def test_the_time_goes_on_between_two_pieces_of_news(watched: Watched) -> None:
    """It ticks here: the daemon says nothing while a step is silent."""
    watched.say("now")
    first = watched.shows(r"deploy-full .*", r"  ● 1 claude-blacklist  \S+ (ms|s)  .*")[1]
    until(lambda: watched.lines()[1:2] not in ([], [first]), what="another time")
