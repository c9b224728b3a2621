"""What a command prints, as its log grows: every way to cut the bytes gives the same text."""

from __future__ import annotations

import pytest

from tsipc_client.wire.printed import Printed, begin_marker, end_marker

TYPED = b"$  . /x/runs/msg-7/1/step\r\n"


def shown(output: bytes, *, terminal: bool = False, colour: bool = False, size: int = 1) -> str:
    """Of message 7, read in pieces of `size` bytes."""
    log = TYPED + begin_marker(0, 7) + output + end_marker(0, 7) + b"$ "
    printed = Printed(0, 7, terminal=terminal, colour=colour)
    text = "".join(printed.feed(log[at : at + size]) for at in range(0, len(log), size))
    assert printed.has_ended
    text += printed.finish()
    assert printed.shown_bytes == len(output)
    return text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"no end", "no end"),
        (b"", ""),
        (b"\r\n\r\n", "\n\n"),
        (b"\ta\tb  \r\n", "\ta\tb  \n"),
        ("세션 ✓\r\n".encode(), "세션 ✓\n"),
        (b"a\xffb\r\n", "a\ufffdb\n"),
        (b"\x1b[31mred\x1b[0m\r\n", "red\n"),
        (b" 10%\r 50%\r100%\r\n", "100%\n"),
        (b"\x1b]0;title\x07x\x1b[2Jy\r\n", "xy\n"),
        (b"\x1b]7757;ts-ipc;end;0.77\x07x\r\n", "x\n"),
        (b"a\x0cb\x0b\xe2\x80\xa8c\r\n", "ab\u2028c\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_in_a_pipe_lines_are_plain(raw: bytes, text: str, size: int) -> None:
    """As they stood on the screen in the end, tabs and blanks included."""
    assert shown(raw, size=size) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\r\nb", "a\r\nb\x1b[0m"),
        (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
        (b" 10%\r\x1b[K 50%", " 10%\r\x1b[K 50%\x1b[0m"),
        (b"\x1b[2J\x1b[5;5H\x1b[6n\x1b[?1049hx", "x\x1b[0m"),
        (b"\x1b]52;c;aGk=\x07x\x1bPq#\x1b\\y\x1bcz", "xyz\x1b[0m"),
        (b"a\xc2\x9b6nb\x07", "a6nb\x1b[0m"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_terminal_gets_colours_and_nothing_worse(raw: bytes, text: str, size: int) -> None:
    """Nothing that moves the cursor away, asks the terminal a question or sets what it keeps."""
    assert shown(raw, terminal=True, colour=True, size=size) == text


def test_without_colour_a_terminal_gets_none() -> None:
    """NO_COLOR is for what others print, too."""
    assert shown(b"\x1b[31mred\x1b[0m\rx", terminal=True) == "red\rx"


def test_nothing_is_shown_before_the_marker_and_behind_the_end() -> None:
    """The typed line and the next prompt are the pane's."""
    printed = Printed(0, 7)
    assert printed.feed(TYPED + b"rubbish\r\n") == ""
    assert not printed.has_begun
    assert printed.feed(begin_marker(0, 7) + b"a\r\n" + end_marker(0, 7)[:-1]) == "a\n"
    assert printed.shown_bytes == 3
    assert printed.feed(b"\x07$ more\r\n") == ""
    assert printed.feed(b"and more\r\n") == ""
    assert printed.finish() == ""


def test_what_was_not_shown_can_be_dropped() -> None:
    """The prompt behind a command without an end is not its output; what was shown is known to the byte."""
    printed = Printed(0, 7)
    assert printed.feed(begin_marker(0, 7) + b"a\r\nbc\r\n$ ") == "a\nbc\n"
    printed.drop()
    assert printed.shown_bytes == 7
    assert printed.finish() == ""
