"""Quoting: a text is one argument, unharmed, at every level of parsing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsipcd.tmux.commands import as_format, both, command, equal, sequence, when, word
from tsipcd.tmux.connection import Connection

if TYPE_CHECKING:
    from tests.tmux.conftest import TmuxServer

AWKWARD = [
    "",
    "a b",
    "it's",
    "''",
    '"$HOME" ${HOME} ~ ~root',
    "a;b ; c \\; d;",
    ";",
    "#{pid} #(id) ##",
    "%if %hidden",
    "%0",
    "A=b",
    "{ a }",
    "tab\t nl\n esc\x1b del\x7f",
    "back\\slash \\n \\",
    "세션 🚀 \u202e",
    "# comment",
    "-x",
]


@pytest.mark.tmux
@pytest.mark.parametrize("text", AWKWARD)
async def test_an_argument_survives_two_parses(
    tmux_server: TmuxServer, connection: Connection, text: str
) -> None:
    """What the parser could take apart, comes back from a buffer as it was, from inside of `if-shell` too."""
    out = tmux_server.home / "out"
    keep = sequence(command("set-buffer", "-b", "t", "--", text), command("save-buffer", "-b", "t", str(out)))
    # tmux makes no empty buffer.
    expected = text.encode() or None
    for line in (keep, when("1", keep), when("0", "", when("1", keep))):
        out.unlink(missing_ok=True)
        await connection.run(line, "delete-buffer -b t")
        assert (out.read_bytes() if out.exists() else None) == expected


@pytest.mark.tmux
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
)
async def test_any_text_is_one_argument(tmux_server: TmuxServer, connection: Connection, text: str) -> None:
    """Any text without NUL is one argument, byte for byte."""
    out = tmux_server.home / "any"
    await connection.run(
        when("1", command("set-buffer", "-b", "t", "--", text)), command("save-buffer", "-b", "t", str(out))
    )
    assert out.read_bytes() == text.encode()


def test_nul_is_refused() -> None:
    """No C program takes a NUL in an argument."""
    with pytest.raises(ValueError, match="NUL"):
        word("a\0b")


def test_plain_words_stay_readable() -> None:
    """Logs and tests show commands as a person would write them."""
    assert command("send-keys", "-t", "%1", "-H", "0d") == "send-keys -t %1 -H 0d"


@pytest.mark.tmux
def test_conditions_hold_together(tmux_server: TmuxServer) -> None:
    """`both` of any number is true only if all are."""
    yes, no = equal("#{pane_id}", "%0"), equal("#{pane_id}", "%9")
    for parts, expected in [((yes,), "1"), ((yes, yes, yes), "1"), ((yes, no, yes), "0"), ((no, no), "0")]:
        assert tmux_server.ask("%0", both(*parts)) == expected


@pytest.mark.tmux
async def test_a_format_of_a_text_expands_to_it(connection: Connection) -> None:
    """`#` starts nothing in `as_format`."""
    text = "#(touch pwned) #{pid} ## ### #[fg=red] #S #"
    blocks = await connection.run(command("list-panes", "-t", "%0", "-F", as_format(text)))
    assert blocks[0].lines == (text,)
