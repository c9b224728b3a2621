"""The text of scripts; what the shells make of it is tested with steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.steps.conftest import SHELLS
from tsipc_client.wire.printed import begin_marker, end_marker
from tsipcd.tmux.scripts import exit_code_in, script_files, typed_line


@pytest.mark.parametrize(
    ("shell", "folder", "line"),
    [
        ("bash", "/a/b-1", " . /a/b-1/step"),
        ("fish", "/a/b-1", " source /a/b-1/step"),
        ("sh", "/it's $x", " . '/it'\\''s $x/step'"),
        ("fish", "/it's \\", " source '/it\\'s \\\\/step'"),
    ],
)
def test_the_line_that_is_typed(shell: str, folder: str, line: str) -> None:
    """Short where it can be, quoted where it must be, after a space."""
    assert typed_line(shell, Path(folder)) == line


@pytest.mark.parametrize("shell", SHELLS)
def test_neither_the_line_nor_the_script_holds_a_marker(shell: str) -> None:
    """What the terminal echoes, or a `cat` of the script, is never taken for a marker."""
    files = script_files(shell, Path("/x"), 3, 2, "true")
    for text in (typed_line(shell, Path("/x")), *files.values()):
        assert "\x1b" not in text
    assert begin_marker(3, 2) != end_marker(3, 2)
    assert end_marker(3, 2) not in end_marker(3, 21)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_user_s_text_is_not_read_as_a_template(shell: str) -> None:
    """Words that look like ours stay what they are."""
    text = "echo @END@ @STATUS@ @TEXT@"
    assert any(text in content for content in script_files(shell, Path("/x"), 3, 2, text).values())


@pytest.mark.parametrize("shell", ["tcsh", "nu", "", "vim"])
def test_a_shell_without_a_script_is_refused(shell: str) -> None:
    """The error names it."""
    with pytest.raises(ValueError, match=shell or "unknown"):
        script_files(shell, Path("/x"), 1, 1, "true")


@pytest.mark.parametrize(
    ("status", "code"),
    [("0\n", 0), ("127\n", 127), ("271\n", 143), ("", None), ("12", None), ("\n", None), ("x\n", None)],
)
def test_a_status_counts_once_it_is_complete(status: str, code: int | None) -> None:
    """Its newline is the last byte of one write; ksh's numbers of signals become everybody's."""
    assert exit_code_in(status) == code
