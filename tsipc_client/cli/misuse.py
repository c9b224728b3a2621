"""Usage errors in typer's words, where those are certain, without loading it.

Tells a command that there is not, an argument that is missing or one too many, a word that is none of a few.
What has an option or is not printable is left to typer. Names come from the pages of help, which typer wrote.
"""

from __future__ import annotations

import os
import sys

from tsipc_client.cli import brief, manual, plain, screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
_PROGRAM = "ts-ipc"


def tell(words: Sequence[str]) -> int | None:
    """Tell what is wrong with the words; the exit status. None: it is not certain, or nothing is."""
    found = error_in(words)
    if found is None:
        return None
    from tsipc_client.render import failure  # noqa: PLC0415 (most words are fine, or left to typer)

    message, hint = found
    error = brief.Failure("bad_params", message, hint, None)
    screen.tell(failure.error_lines(error, screen.style_of(sys.stderr)))  # type: ignore[arg-type] # by its fields
    return _USAGE


def error_in(words: Sequence[str]) -> tuple[str, str] | None:
    """The message and its hint."""
    typed = plain.typed(words)
    if not typed or plain.COMPLETION in os.environ:
        return None
    if any(word.startswith("-") or not word.isprintable() for word in typed):
        return None
    name, *given = typed
    commands = [*plain.SHORT, *manual.commands()]
    is_known = name in commands
    message = (
        _wrong_arguments(plain.SHORT.get(name, name), given) if is_known else _no_command(name, commands)
    )
    if message is None:
        return None
    where = f"{_PROGRAM} {name}" if is_known else _PROGRAM
    return " ".join(message.split()), f"see: {where} --help"


def _no_command(name: str, commands: list[str]) -> str | None:
    if not name[:1].isalnum():
        return None  # it may be an option of another kind
    from difflib import get_close_matches  # noqa: PLC0415 (as typer does)

    message = f"No such command {name!r}"
    near = ", ".join(repr(match) for match in get_close_matches(name, commands))
    return f"{message}. Did you mean {near}?" if near else f"{message}."


def _wrong_arguments(method: str, given: list[str]) -> str | None:
    """Of the first that is wrong, as typer looks at them."""
    if method not in plain.ARGUMENTS or method in {"workflow", "status"}:
        return None
    required, names = plain.ARGUMENTS[method]
    labels = manual.arguments_of(method)
    if len(labels) != len(names):
        return None
    for name, label, word in zip(names, labels, given, strict=False):
        choices = plain.WORDS.get(name)
        if choices and word not in choices:
            return f"Invalid value for '{label}': {word!r} is not one of {', '.join(map(repr, choices))}."
        if name == "lines":
            return None
    if len(given) < required:
        return f"Missing argument '{labels[len(given)]}'."
    if len(given) > len(names):
        return f"Got unexpected extra argument(s) ({' '.join(given[len(names) :])})"
    return None
