"""What a Tab after `ts-ipc` may complete: commands, options, and the names that the daemon knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from typer.main import get_command

from tsipc_client.cli import app, screen
from tsipc_client.cli.orders import Options
from tsipc_client.client import Client
from tsipc_client.wire.address import state_path
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Action, MessageType

_PATIENCE_S = 2.0
_EVENTS = ("deployment", "error", "status_change", "health_check", "config_update", "backup")
"""Those that are recommended."""

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "send": ("session", "session", "", "type"),
    "subscribe": ("session", "event", "action"),
    "unsubscribe": ("session", "event"),
    "publish": ("session", "event"),
    **dict.fromkeys(("run", "rm", "graph", "validate"), ("workflow",)),
    "pipeline": ("session", "session"),
    "daemon": ("daemon",),
    "shell-init": ("shell",),
}
"""What each argument is."""


def show(words: Sequence[str], options: Options) -> int:  # noqa: ARG001 (an action takes them)
    """What the last of `words` may become, a line each; nothing if that cannot be told."""
    *before, begun = words
    screen.put(
        sorted({word for word in _words(before, begun) if word.startswith(begun) and "\n" not in word})
    )
    return 0


def _words(before: list[str], begun: str) -> Iterable[str]:
    if not before:
        return [name for name, _, _ in app.COMMANDS] + ["daemon", "--help", "--version"]
    name = next((name for name, _, short in app.COMMANDS if before[0] in {name, short}), before[0])
    if begun.startswith("-"):
        return _options(name)
    kinds = _ARGUMENTS.get(name, ())
    place = len([word for word in before[1:] if not word.startswith("-")])
    return _names(kinds[place]) if place < len(kinds) else ()


def _options(name: str) -> list[str]:
    command = getattr(get_command(app.build()), "commands", {}).get(name)
    if command is None:
        return []
    return ["--help"] + [
        text
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
        for text in parameter.opts
        if text.startswith("-")
    ]


def _names(kind: str) -> Iterable[str]:
    match kind:
        case "session" | "event":
            try:
                with Client(timeout_s=_PATIENCE_S, start=False) as client:
                    if kind == "session":
                        return [session.name for session in client.sessions().sessions]
                    return [*_EVENTS, *(row.event for row in client.subscriptions().subscriptions)]
            except WireError:
                return _EVENTS if kind == "event" else ()
        case "workflow":
            files = (Path(state_path()) / "workflows").glob("*.*")
            return {path.stem for path in files if path.suffix in {".json", ".yaml", ".yml"}}
        case "type":
            return list(MessageType)
        case "action":
            return list(Action)
        case "daemon":
            return [name for name, _ in app.DAEMON_COMMANDS]
        case "shell":
            return ("bash", "zsh")
        case _:
            return ()
