"""What stdout and stderr can show."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from tsipc_client.cli import screen
from tsipc_client.render.notes import Note
from tsipc_client.render.style import PLAIN


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A stream that leads to a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield stream
    os.close(ours)


@pytest.mark.parametrize(
    ("variables", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_on_a_terminal(
    terminal: TextIO, variables: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On, unless somebody says no or the terminal is a plain one."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert screen.style_of(terminal).colour is colour
    assert screen.style_of(terminal).terminal


@pytest.mark.parametrize(("force", "colour"), [("", False), ("0", False), ("1", True)])
def test_colour_in_a_pipe(force: str, colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off, unless somebody asks for it; lines are never cut and ids not shown, coloured or not."""
    monkeypatch.setenv("FORCE_COLOR", force)
    style = screen.style_of(io.StringIO())
    assert (style.colour, style.terminal, style.width) == (colour, False, None)


def test_width(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """What COLUMNS says; without it, and without a size of the terminal, 80."""
    assert screen.style_of(terminal).width == 80
    monkeypatch.setenv("COLUMNS", "33")
    assert screen.style_of(terminal).width == 33
    monkeypatch.setenv("COLUMNS", "wide")
    assert screen.style_of(terminal).width == 80


def test_a_closed_stream_is_a_pipe() -> None:
    """`ts-ipc queue >&-` must not fail on finding out."""
    stream = io.StringIO()
    stream.close()
    style = screen.style_of(stream)
    assert (style.colour, style.terminal, style.width) == (PLAIN.colour, PLAIN.terminal, PLAIN.width)


def test_only_urgent_notes_are_written_where_no_person_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """A log or a mail gets what must not be missed."""
    screen.note([Note("all is well"), Note("held", urgent=True)])
    assert capsys.readouterr().err == "held\n"
