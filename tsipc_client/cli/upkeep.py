"""The commands that look at the state folder themselves, without the daemon, from words to orders."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Do


def doctor(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Look at everything ts-ipc depends on, and say what to do.

    tmux and its servers, the state folder and its disk, the daemon and what waits, the journal,
    PATH, shells, units. Changes nothing and starts nothing. Exits with 10 if something is bad.

    Example:
      ts-ipc doctor
    """
    from tsipc_client.cli.doctor import checks  # noqa: PLC0415 (as below)

    return Do(checks.doctor, options(json=json, timeout=timeout))


def fsck(
    *,
    salvage: Annotated[
        bool,
        typer.Option("--salvage", help="Keep what is before the damage; all is copied aside first."),
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Do:
    """Check the journal, and salvage a damaged one.

    Not while a daemon runs: stop it first. Reads every record and makes sure that it can be
    replayed. Without --salvage nothing is changed. Exits with 0 if it is whole, 9 if it is damaged.

    Examples:
      ts-ipc fsck
      ts-ipc fsck --salvage
    """
    from tsipc_client.cli import journal_check  # noqa: PLC0415 (processes cost time that other commands spare)

    return Do(
        partial(journal_check.fsck, salvage=salvage, sure=yes),
        options(json=json, timeout=timeout, patient=True),
    )
