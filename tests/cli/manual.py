"""The pages of help that are kept in the package: `python -m tests.cli.manual` writes them anew."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

from tsipc_client.cli import app, manual

FOLDER = Path(manual.__file__).with_name(manual.FOLDER)


def pages() -> Iterator[list[str]]:
    """The words that each page is about."""
    yield []
    yield from ([name] for name, _, _ in app.COMMANDS)
    yield ["daemon"]
    yield from (["daemon", name] for name, _ in app.DAEMON_COMMANDS)


def path(words: list[str]) -> Path:
    return FOLDER / f"{'-'.join(['ts-ipc', *words])}.txt"


def written(words: list[str]) -> str:
    """What typer writes on a wide terminal."""
    out = io.StringIO()
    with mock.patch.dict(os.environ, {"COLUMNS": "200"}), redirect_stdout(out):
        assert app.parse([*words, "--help"]) == 0
    return out.getvalue()


if __name__ == "__main__":
    # As `ts-ipc` runs it; typer reads it when it is imported, which the tests see to in their way.
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for page in pages():
        path(page).write_text(written(page))
