"""Commands with expressions, read by every shell that is here: a value is one word, and never a command."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.shell_text import Misplaced, shell_text

SHELLS = ("bash", "zsh", "dash", "ksh", "fish")
HOSTILE = "a  b'\"$(touch hit)`touch hit`;touch hit\n*$HOME\\"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("command", "before", "after"),
    [
        ("printf %s ${{ x }}", "", ""),
        ("printf %s v-${{ x }}.txt", "v-", ".txt"),
        ('printf %s "v ${{ x }}_b"', "v ", "_b"),
        ('printf %s "\\"${{ x }}"', '"', ""),
        ("# don't\nprintf %s ${{ x }}", "", ""),
        ("printf %s 'it'${{ x }}\"'\"", "it", "'"),
    ],
)
def test_a_value_is_one_word_in_every_shell(
    tmp_path: Path, shell: str, command: str, before: str, after: str
) -> None:
    """Whatever characters it has, and nothing that it holds is executed."""
    assert _printed(tmp_path, shell, command) == before + HOSTILE + after


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell != "fish"])
@pytest.mark.parametrize(
    "command",
    [
        'printf %s "$(printf %s. ${{ x }})"',
        'printf %s "${NONE:-${{ x }}}."',
        "printf %s ${NONE:-${{ x }}}.",
        "cat <<END\n${{ x }}.\nEND",
        "cat <<-END; true\n\t${{ x }}.\n\tEND\nprintf ''",
    ],
)
def test_a_value_is_whole_where_shells_nest(tmp_path: Path, shell: str, command: str) -> None:
    """In substitutions, defaults and here-documents, which fish has not."""
    assert _printed(tmp_path, shell, command).rstrip("\n") == f"{HOSTILE}."


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("echo '${{ x }}'", "single quotes"),
        ("echo $'${{ x }}'", "single quotes"),
        ("echo $(( ${{ x }} + 1 ))", "calculation"),
        ("echo `cat ${{ x }}`", "backticks"),
        ("cat <<'END'\n${{ x }}\nEND", "here-document"),
    ],
)
def test_an_expression_that_a_shell_would_not_replace_is_refused(command: str, what: str) -> None:
    """With the place of its `${{`."""
    with pytest.raises(Misplaced) as caught:
        shell_text(command)
    assert what in caught.value.what
    assert command.startswith("${{", caught.value.at)


def test_each_expression_has_a_variable_of_its_own() -> None:
    """Numbered in the order of the text, those in comments too."""
    text, names = shell_text("echo ${{ a }} ${{ b }} # ${{ a }}")
    assert text.startswith('echo "$TS_X1" "$TS_X2" #')
    assert names == (("TS_X1", "a"), ("TS_X2", "b"), ("TS_X3", "a"))


def test_braces_in_the_text_of_an_expression_do_not_end_it() -> None:
    """And a command without expressions is not touched."""
    assert shell_text("echo ${{ format('}}{0}', 'it''s') }}")[1] == (("TS_X1", "format('}}{0}', 'it''s')"),)
    assert shell_text("echo '$(( ") == ("echo '$(( ", ())
    with pytest.raises(ExpressionError):
        shell_text("echo ${{ 'x }}")


def _printed(folder: Path, shell: str, command: str) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    text, names = shell_text(command)
    assert [source for _, source in names] == ["x"]
    done = subprocess.run(
        [program, "-c", text], capture_output=True, text=True, timeout=60, check=True, cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), names[0][0]: HOSTILE},
    )  # fmt: skip
    assert [found.name for found in folder.iterdir() if found.name == "hit"] == []
    return done.stdout
