"""The command for scripts that ask much, from words to an order."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Do


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
    would follow ts-ipc, quoted as in a shell. All is done in order. An answer is one line: ok and the ids,
    or error with its code and why. Blank lines and lines that begin with # have none. What is on its way
    when the daemon ends is repeated, and done once. Exits with the status of the first that failed.

    Examples:
      printf "send me claude-manager 'make part-%s'\n" 1 2 3 | ts-ipc pipe
      ts-ipc pipe --json < requests.txt
    """
    from tsipc_client.cli import pipe as pipes  # noqa: PLC0415 (a client, for this command only)

    return Do(partial(pipes.pipe, null=null), options(json=json, timeout=timeout))
