"""Help without typer: the pages that typer writes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.manual import FOLDER, pages, path, written
from tests.support.daemon import ROOT
from tsipc_client.cli import app, oneshot, plain

WORDS = list(pages())


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_page_is_what_typer_writes(words: list[str]) -> None:
    """After a change of a command: python -m tests.cli.manual."""
    assert path(words).read_text() == written(words)


def test_there_is_no_page_beside() -> None:
    """Of a command that is gone."""
    assert set(FOLDER.iterdir()) == {path(words) for words in WORDS}


@pytest.mark.parametrize("asking", ["--help", "-h"])
@pytest.mark.parametrize("words", [*WORDS, *([short] for _, _, short in app.COMMANDS if short)], ids=" ".join)
def test_help_looks_the_same(
    words: list[str], asking: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the short names as well, and on a narrow terminal, where it is left to typer."""
    monkeypatch.setenv("COLUMNS", "80")
    assert app.run([*words, asking]) == 0
    expected = capsys.readouterr()
    assert oneshot.run([*words, asking]) == 0
    assert capsys.readouterr() == expected
    monkeypatch.setenv("COLUMNS", "79")
    assert oneshot.run([*words, asking]) is None


def test_without_words_it_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page, on stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    assert app.run([]) == 2
    expected = capsys.readouterr()
    assert oneshot.run([]) == 2
    assert capsys.readouterr() == expected


@pytest.mark.parametrize(
    "words",
    [
        ["quue", "--help"],
        ["../x", "-h"],
        ["queue", "queue", "-h"],
        ["send", "a", "b", "-h"],
        ["daemon", "x", "-h"],
    ],
    ids=" ".join,
)
def test_what_has_no_page_is_left_to_typer(words: list[str]) -> None:
    """It says what is wrong."""
    assert oneshot.run(words) is None


def test_a_shell_that_completes_is_left_to_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wants no help."""
    monkeypatch.setenv("_TS_IPC_COMPLETE", "complete_bash")
    assert not plain.asks_for_help([])


def test_help_is_quick() -> None:
    """It loads no typer."""
    code = "import sys; from tsipc_client.__main__ import main; main(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "send", "--help"], cwd=ROOT, capture_output=True, check=True, timeout=60
    )
    text, _, modules = done.stdout.decode().removesuffix("\n").rpartition("\n")
    assert f"{text}\n" == path(["send"]).read_text()
    assert "tsipc_client.cli.manual" in modules
    assert {"typer", "enum", "dataclasses", "json"}.isdisjoint(modules.split())
