"""`ts-bg label|labels|search`: the neighbouring tool's words for what `ts-ipc` does."""

from __future__ import annotations

import os
import sys

COMMANDS = ("label", "labels", "search")


def main() -> int:
    """The command line of this process; returns its exit status."""
    words = sys.argv[1:]
    if not words or words[0] not in COMMANDS:
        asked = bool(words) and words[0] in {"-h", "--help"}
        text = "usage: ts-bg label SESSION LABELS | labels [SESSION] | search LABEL   (as ts-ipc has them)\n"
        (sys.stdout if asked else sys.stderr).write(text)
        return 0 if asked else 2
    os.environ["TYPER_USE_RICH"] = "0"
    from tsipc_client.cli.app import run  # noqa: PLC0415 (after the line above, as for ts-ipc)

    return run(words)
