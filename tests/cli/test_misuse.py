"""Usage errors that are told without typer are told as by typer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tsipc_client.cli import app, manual, misuse, plain
from tsipc_client.wire.errors import BadInput

COMMANDS = sorted({name for name, _, _ in app.COMMANDS} | {"daemon"})
WORD = st.sampled_from(
    ["a", "", "1", "0", "20", "song", "data", "notify", "a  b", "it's", "가", "x:y"]
) | st.text(max_size=4)
NAME = st.sampled_from([*COMMANDS, *plain.SHORT, "sned", "quee", "sub s", "zzz"]) | st.text(max_size=6)
LINES = st.builds(lambda name, words: [name, *words], NAME, st.lists(WORD, max_size=6))

TOLD = [
    "sned a b c", "zzz", "send", "send a", "send a b", "send a b c song", "send a b c data x", "q extra more",
    "sub a b song", "pub a", "run", "show", "pipeline a", "runs 1", "daemonn status", "sub a", "schedule x",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(LINES)
@example(["send", "a", "b", "c", "song", "x"])
@example(["events", "x", "y"])
@example(["a'b"])
@example(["se  nd"])
@example(["resolve", "1"])
@example(["/help"])
def test_what_is_told_is_what_typer_tells(words: list[str]) -> None:
    """The same message and hint; what typer takes is no error."""
    found = misuse.error_in(words)
    if found is None:
        return
    with pytest.raises(BadInput) as caught:
        app.parse(words)
    assert found == (caught.value.message, caught.value.hint)


@pytest.mark.parametrize("line", TOLD)
def test_the_usual_errors_are_told_here(line: str) -> None:
    """They are certain."""
    test = test_what_is_told_is_what_typer_tells.hypothesis.inner_test  # type: ignore[attr-defined]
    assert misuse.error_in(line.split()) is not None
    test(line.split())


@pytest.mark.parametrize(
    "line", ["send a b --now", "-x", "send a b c", "workflow", "workflow w", "events x", "daemon x"]
)
def test_what_is_not_certain_is_left_to_typer(line: str) -> None:
    """Options, and what is no error, or one of another kind."""
    assert misuse.error_in(line.split()) is None


def test_the_commands_are_all_there_are() -> None:
    """Each has its page of help."""
    assert sorted(manual.commands()) == COMMANDS


def test_it_is_told_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """With the status of every usage error."""
    assert misuse.tell(["sned"]) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", "ts-ipc: No such command 'sned'. Did you mean 'send'?\n  see: ts-ipc --help\n")
