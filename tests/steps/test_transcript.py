"""Plain text out of what a terminal got, and the cutting of a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsipc_client.wire.printed import MAX_LINE_CHARS, plain_text
from tsipcd.tmux.transcript import TAIL_BYTES, cut, find_marker, last_line

BEGIN, END = b"\x1b]1;b\x07", b"\x1b]1;e\x07"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"\r\n", "\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"no newline", "no newline\n"),
        (b"\x1b[31mred\x1b[0m\x1b[K\r\n", "red\n"),
        (b"\x1b]0;title\x07x\x1b]8;;u\x1b\\y\x1b(B\x1b=\r\n", "xy\n"),
        (b"\x1bPq#0\x1b\\x\x1b_y\x1b\\\r\n", "x\n"),
        (b" 10%\r 50%\r100%\r\n", "100%\n"),
        (b"long text\rshort\x1b[K\r\n", "short\n"),
        (b"long text\r\x1b[2Kx\r\n", "x\n"),
        (b"ab\bc\r\n", "ac\n"),
        (b"a\tb\r\n", "a       b\n"),
        (b"a\x1b[3Cb\x1b[2Dc\x1b[1Gd\r\n", "d  cb\n"),
        (b"\x1b[2J\x1b[H\x1b[?25lx\x07\r\n", "x\n"),
        ("\u00fc \uc138\r\n".encode(), "\u00fc \uc138\n"),
        (b"\xff\r\n", "\ufffd\n"),
        (b"cut off \x1b[3", "cut off\n"),
        (b"\x1b[999999999999C|\r\n", " " * MAX_LINE_CHARS + "|\n"),
    ],
)
def test_plain_text(raw: bytes, text: str) -> None:
    """Lines as they stood in the end."""
    assert plain_text(raw) == text


def test_the_last_line_is_what_can_be_seen(tmp_path: Path) -> None:
    """Of what stands behind the marker; cut to a width that can be shown."""
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_bytes(b" . step\r\n")
    assert last_line(log, BEGIN) == ""
    log.write_bytes(b" . step\r\n" + BEGIN + b"one\r\n \x1b[1mtwo\x1b[0m \r\n\r\n")
    assert last_line(log, BEGIN) == "two"
    log.write_bytes(BEGIN + b"x\r\n" * TAIL_BYTES + b"y" * 2 * TAIL_BYTES)
    assert last_line(log, BEGIN) == "y" * MAX_LINE_CHARS


def test_a_marker_is_found_from_where_it_is_looked_for(tmp_path: Path) -> None:
    """Nowhere in an empty file, or behind its end."""
    log = tmp_path / "log"
    log.write_bytes(b"")
    assert find_marker(log, END) is None
    log.write_bytes(b"ab" + END + b"c" + END)
    assert find_marker(log, END) == 2
    assert find_marker(log, END, 3) == 3 + len(END)
    assert find_marker(log, END, 1000) is None


@pytest.mark.parametrize(
    ("before", "whole", "after"),
    [
        (b"echo" + BEGIN + b"out\r\n" + END + b"$ ", True, b"out\r\n"),
        (b"echo" + BEGIN + END + b"$ ", True, b""),
        (b"echo" + BEGIN + b"a\r\nb", True, b"a\r\nb"),
        (b"echo" + BEGIN + b"a\r\n^C\r\n$ ", False, b"a\r\n^C\r\n"),
        (b"echo" + BEGIN + b"$ ", False, b""),
        (b"cut already\r\n", True, b"cut already\r\n"),
        (b"", False, b""),
    ],
)
def test_a_log_is_cut_to_what_was_printed(
    tmp_path: Path, before: bytes, *, whole: bool, after: bytes
) -> None:
    """The typed line and the prompt go, the output stays; nobody else may read it."""
    log = tmp_path / "log"
    log.write_bytes(before)
    cut(log, BEGIN, END, whole=whole)
    assert log.read_bytes() == after
    assert log.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
