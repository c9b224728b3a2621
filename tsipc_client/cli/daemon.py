"""The commands about the daemon, from words to orders."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import lifecycle
from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Do

MOST_LINES = 100_000


def start(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Start the daemon, unless it runs.

    Any other command does so by itself.

    Example:
      ts-ipc daemon start
    """
    return Do(lifecycle.start, options(json=json, timeout=timeout))


def stop(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Stop the daemon and wait until it is gone.

    What waits is kept, and goes on when it starts again.

    Example:
      ts-ipc daemon stop
    """
    return Do(lifecycle.stop, options(json=json, timeout=timeout))


def restart(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Stop the daemon and start it again.

    After an upgrade for example. Nothing is lost.

    Example:
      ts-ipc daemon restart
    """
    return Do(lifecycle.restart, options(json=json, timeout=timeout))


def status(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Show how the daemon is.

    Its version and age, what waits and for what, disk, tmux servers. Does not start it; exits
    with 69 if it does not run.

    Example:
      ts-ipc daemon status
    """
    return Do(lifecycle.status, options(json=json, timeout=timeout))


def logs(
    *,
    lines: Annotated[
        int, typer.Option("-n", "--lines", metavar="N", min=1, max=MOST_LINES, help="The last N lines.")
    ] = 50,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with new lines until Ctrl-C.")
    ] = False,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Do:
    """Show the daemon's own log.

    From the journal if systemd runs it, else from its file daemon.log.

    Examples:
      ts-ipc daemon logs -n 200
      ts-ipc daemon logs -f
    """
    return Do(partial(lifecycle.logs, lines=lines, follow=follow), options(json=json, timeout=timeout))


def install(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Let systemd start the daemon and keep it running.

    It listens on the socket, and starts the daemon with the first connection, at every login.

    Example:
      ts-ipc daemon install
    """
    return Do(lifecycle.install, options(json=json, timeout=timeout))


def uninstall(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Undo install.

    Messages, workflows and subscriptions stay.

    Example:
      ts-ipc daemon uninstall
    """
    return Do(lifecycle.uninstall, options(json=json, timeout=timeout))
