"""`tsipcd`: the daemon in the foreground. Clients and systemd start it the same way."""

from __future__ import annotations

import argparse
import sys

from tsipc_client.wire.version import VERSION


def main() -> None:
    """Run until SIGTERM, SIGINT or `ts-ipc daemon stop`; exits 0 then, 75 if one runs already, else 1."""
    parser = argparse.ArgumentParser(
        prog="tsipcd",
        description="The daemon of ts-ipc: owns the queue, the subscriptions and the workflow runs.",
        epilog="Clients start it when they need it; systemd can (ts-ipc daemon install). State is kept in "
        "~/.config/ts/ipc, or in $TS_IPC_DIR. Logs go to standard error.",
    )
    parser.add_argument("--version", action="version", version=f"tsipcd {VERSION}")
    parser.add_argument("--verbose", action="store_true", help="log what is decided, too (never bodies)")
    options = parser.parse_args()
    from tsipcd.daemon import run  # noqa: PLC0415 - `--help` and `--version` need nothing of it

    sys.exit(run(verbose=options.verbose))


if __name__ == "__main__":
    main()
