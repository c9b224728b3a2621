"""The commands for scripts and shells that ask much, from words to orders."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Do

SEPARATOR = "\x1f"
"""Between the words that a shell wants completed: nothing that people type."""


class Shell(StrEnum):
    """Those that there is an integration for."""

    BASH = "bash"
    ZSH = "zsh"


def pipe(
    *,
    null: Annotated[
        bool, typer.Option("-0", "--null", help="Requests end with a NUL: their texts may have line ends.")
    ] = False,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Do:
    r"""Make many requests: one a line on stdin.

    One process for all of them: a loop of a thousand sends takes a fraction of a second. A line is what
    would follow ts-ipc, quoted as in a shell, or a JSON object as on the socket. All is done in order. An
    answer is one line: ok and the ids, or error with its code and why; JSON for JSON. Blank lines and lines
    that begin with # have none. What is on its way when the daemon ends is repeated, and done once. Exits
    with the status of the first that failed.

    Examples:
      printf "send me claude-manager 'make part-%s'\n" 1 2 3 | ts-ipc pipe
      ts-ipc pipe --json < requests.txt
    """
    from tsipc_client.cli import pipe as pipes  # noqa: PLC0415 (a client, for this command only)

    return Do(partial(pipes.pipe, null=null), options(json=json, timeout=timeout))


def shell_init(
    *,
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh", help="The shell that it is for.")],
    complete: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> Do:
    """Make ts-ipc fast in a shell, and complete its words.

    For ~/.bashrc, ~/.zshrc or the top of a script: eval "$(ts-ipc shell-init bash)".
    It defines a function ts-ipc. Plain sends and events of the shell go through one process that it keeps,
    all else to the program. What they print is the same.

    Examples:
      ts-ipc shell-init bash
      ts-ipc shell-init zsh
    """
    if complete is not None:
        from tsipc_client.cli import shell_words  # noqa: PLC0415 (for a Tab only)

        return Do(partial(shell_words.show, complete.split(SEPARATOR)), options(json=False, timeout=""))
    from tsipc_client.cli import shell_text  # noqa: PLC0415 (reads a file)

    return Do(partial(shell_text.show, shell.value), options(json=False, timeout=""))
