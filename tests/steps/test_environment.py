"""What a step's command sees of its workflow, what it leaves for others, and that its shell is as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.steps.conftest import SHELLS, Panes
from tsipcd.tmux import outputs

every_shell = pytest.mark.parametrize("shell", SHELLS)
NASTY = 'it\'s $(touch pwned) `id` "two"  words * \\ ~\nnext; line é'


@every_shell
async def test_a_command_sees_its_variables_as_they_are(panes: Panes, shell: str) -> None:
    """Whatever is in a value, no shell reads it: it arrives byte for byte, and children see it."""
    pane = await panes(shell)
    code = await pane.run(
        'sh -c \'printf "%s|%s" "$GREETING" "$TS_X1"\' >seen',
        environment=(("GREETING", NASTY), ("TS_X1", "x")),
    )
    assert code == 0
    assert (pane.tmux.home / "seen").read_text() == f"{NASTY}|x"
    assert not (pane.tmux.home / "pwned").exists()


@every_shell
async def test_behind_the_step_the_shell_is_as_it_was(panes: Panes, shell: str) -> None:
    """Its own variables have their values again, exported or not as before; ours are gone."""
    pane = await panes(shell)
    is_fish = shell == "fish"
    await pane.run("set -gx OUT mine; set -g PRIVATE own" if is_fish else "OUT=mine PRIVATE=own; export OUT")
    environment = (("OUT", "theirs"), ("PRIVATE", "theirs"), ("NEW", "theirs"), ("TS_RUN", "run-3"))
    assert await pane.run("true", environment=environment) == 0
    said = 'echo "$OUT $PRIVATE [$NEW$TS_RUN]"; sh -c \'echo "$OUT [$PRIVATE$NEW]"\''
    await pane.run(f"{said} >seen" if is_fish else f"{{ {said}; }} >seen")
    lines = (pane.tmux.home / "seen").read_text().splitlines()
    if is_fish:
        assert lines == ["mine []"]
    else:
        assert lines == ["mine own []", "mine []"]


@every_shell
async def test_an_expression_is_a_variable_in_and_out_of_quotes(panes: Panes, shell: str) -> None:
    """The value of `${{ }}` never is shell text; a name right behind it does not become part of it."""
    pane = await panes(shell)
    code = await pane.run(
        'printf "%s\\n" "<${{ inputs.a }}b>" ${{ inputs.c }}d >seen',
        literal=False,
        environment=(("TS_X1", "$(touch pwned)"), ("TS_X2", "two")),
    )
    assert code == 0
    assert (pane.tmux.home / "seen").read_text() == "<$(touch pwned)b>\ntwod\n"
    assert not (pane.tmux.home / "pwned").exists()


@every_shell
async def test_a_step_leaves_outputs(panes: Panes, shell: str) -> None:
    """As lines of a file, in every shell alike; none of a step before is among them."""
    pane = await panes(shell)
    assert await pane.run('echo "tag=v1" >>"$TS_OUTPUT"; echo "tag=v=2" >>"$TS_OUTPUT"') == 0
    assert pane.end.outputs == (("tag", "v=2"),)
    assert await pane.run("true") == 0
    assert not pane.end.outputs


@pytest.mark.parametrize(
    ("text", "found", "fault"),
    [
        ("", (), ""),
        ("a=1\n\nb=\n", (("a", "1"), ("b", "")), ""),
        ("a<<END\nx\ny=z\nEND\nb=2", (("a", "x\ny=z"), ("b", "2")), ""),
        ("a<<END\nx\n", (), "its outputs: line 1: there is no line 'END' behind it"),
        ("a=1\nnothing\n", (), "its outputs: line 2 is neither NAME=VALUE nor NAME<<WORD"),
        ("a b=1", (), "its outputs: line 1: 'a b' is no name"),
        ("url=x<<y", (("url", "x<<y"),), ""),
    ],
)
def test_the_form_of_outputs(tmp_path: Path, text: str, found: tuple[object, ...], fault: str) -> None:
    """Lines, and blocks for values of several lines; a mistake is told, never guessed."""
    (tmp_path / "output").write_text(text)
    assert outputs.read(tmp_path / "output") == (found, fault)


def test_too_much_output_is_told(tmp_path: Path) -> None:
    """Not cut."""
    (tmp_path / "output").write_text("a=" + "x" * outputs.MAX_BYTES)
    assert outputs.read(tmp_path / "output") == ((), "its outputs: more than 1,048,576 bytes")
