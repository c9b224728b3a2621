"""`ts-ipc shell-init`: the text that a shell evaluates."""

from __future__ import annotations

from pathlib import Path

from tsipc_client.cli import screen
from tsipc_client.cli.orders import Options

_FOLDER = Path(__file__).with_name("shells")


def show(shell: str, options: Options) -> int:  # noqa: ARG001 (an action takes them)
    """Print it, for `eval`."""
    screen.put((_FOLDER / f"init.{shell}").read_text("utf-8").splitlines())
    return 0
