"""The help as typer writes it, kept beside this module: writing it takes ten times as long as reading it.

`python -m tests.cli.manual` writes the pages anew; a test holds them to the commands.
"""

from __future__ import annotations

import os
import sys

from tsipc_client.cli import plain, screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = "help"

COLUMNS = 80
"""Of the pages. Nothing is wider; for a narrower terminal the lines are broken anew."""

_USAGE = 2


def show(words: Sequence[str]) -> int | None:
    """Print the page; the exit status. None: there is none of these words, or it does not fit."""
    if screen.width_of(sys.stdout) < COLUMNS:
        return None
    names = [plain.SHORT.get(word, word) for word in words[:-1]]
    text = _page(names)
    if text is None:
        return None
    if not words:
        # A script that forgot its words must notice.
        screen.tell([text])
        return _USAGE
    if names[:1] != list(words[:-1])[:1]:
        text = text.replace(f"Usage: ts-ipc {names[0]}", f"Usage: ts-ipc {words[0]}", 1)
    screen.put([text])
    return 0


def commands() -> list[str]:
    """The names of all commands, without the short ones."""
    files = os.listdir(f"{os.path.dirname(__file__)}/{FOLDER}")  # noqa: PTH120, PTH208 (as below)
    names = [file.removeprefix("ts-ipc-").removesuffix(".txt") for file in files if file != "ts-ipc.txt"]
    return [name for name in names if not name.startswith("daemon-")]


def arguments_of(command: str) -> list[str]:
    """The names of its arguments as its usage has them."""
    usage = (_page([command]) or "").partition("\n")[0].partition("[OPTIONS]")[2]
    return [word.strip("[]") for word in usage.split()]


def _page(names: list[str]) -> str | None:
    if not all(name.isascii() and name.replace("-", "").isalpha() for name in names):
        return None  # no name of a command, but perhaps one of a file elsewhere
    path = f"{os.path.dirname(__file__)}/{FOLDER}/{'-'.join(['ts-ipc', *names])}.txt"  # noqa: PTH120 (`pathlib` takes too long)
    try:
        with open(path, encoding="utf-8") as page:  # noqa: PTH123 (as above)
            return page.read().removesuffix("\n")
    except OSError:
        return None
