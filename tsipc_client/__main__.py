"""`ts-ipc`, and `python -m tsipc_client`."""

from __future__ import annotations

import os
import sys

from tsipc_client.cli import oneshot


def main() -> int:
    """The command line of this process; returns its exit status."""
    # Plain command lines first, since nothing they need costs time.
    status = oneshot.run(sys.argv[1:])
    if status is not None:
        return status
    # typer reads it once, when imported: rich would cost as much again as all the rest, on every command.
    os.environ["TYPER_USE_RICH"] = "0"
    from tsipc_client.cli.app import run  # noqa: PLC0415 (after the line above)

    # A daemon that is started from here inherits no trace of it.
    del os.environ["TYPER_USE_RICH"]
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
