"""The options that several commands share, as typer wants them declared."""

from __future__ import annotations

from typing import Annotated

import typer

from tsipc_client.cli.arguments import duration_s
from tsipc_client.cli.orders import DEFAULT_TIMEOUT_S, Options

AsJson = Annotated[
    bool, typer.Option("--json", help="Print the answer as JSON (docs/json.md lists the documents).")
]

Timeout = Annotated[
    str,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help=f"How long to wait for the answer (default {DEFAULT_TIMEOUT_S:.0f}; 2m and 1h work too).",
        show_default=False,
    ),
]

Key = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Idempotency key: the same call with the same key again is done once and answered twice.",
        show_default=False,
    ),
]


def options(*, json: bool, timeout: str, patient: bool = False) -> Options:
    """The shared options; a `patient` command has no time limit unless it is given one."""
    if timeout:
        return Options(json=json, timeout_s=duration_s(timeout, "--timeout"))
    return Options(json=json, timeout_s=None if patient else DEFAULT_TIMEOUT_S)
