#!/usr/bin/env python3
"""Send a message from Python: python send.py FROM TO MESSAGE [TYPE]. Starts the daemon if none runs."""
# ruff: noqa: T201

import sys

from tsipc_client import Client, WireError


def main() -> int:
    """Send what the command line says; the exit status."""
    source, target, message, *kind = sys.argv[1:]
    with Client() as client:
        try:
            sent = client.send(source, target, message, type=kind[0] if kind else "command")
        except WireError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{sent.id} {sent.status} -> {sent.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
