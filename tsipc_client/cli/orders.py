"""What a command line comes to: a request to deliver or an action to do here, and how. Imports no typer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsipc_client.wire.messages import Request

DEFAULT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command can be told."""

    json: bool = False
    """Print JSON documents instead of text."""
    timeout_s: float | None = DEFAULT_TIMEOUT_S
    """How long to wait for the answer; None: as long as it takes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the daemon, print its answer."""

    request: Request
    options: Options


@dataclass(frozen=True, slots=True)
class Do:
    """Do something on this side; returns the exit status."""

    action: Callable[[Options], int]
    options: Options


Order = Ask | Do
