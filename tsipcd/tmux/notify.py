"""Shows a text on the clients attached to one session, and on no other, exactly as it is.

tmux expands what it displays: `#(...)` is run, `%H` becomes the hour. So the text is put into an option and
the option's value is displayed, which is not expanded again.
"""

from __future__ import annotations

from tsipc_client.wire.text import visible
from tsipcd.tmux.commands import command, equal
from tsipcd.tmux.connection import Connection
from tsipcd.tmux.listing import Client, list_clients

OPTION = "@tsipc_msg"
MAX_CHARS = 1000
"""Of one line of a terminal, however wide."""


async def show_text(connection: Connection, session_id: str, text: str) -> int:
    """Show `text` on each client attached to the session; returns on how many. Raises `TmuxError`."""
    clients = await list_clients(connection, session_id)
    if not clients:
        return 0
    value = as_shown(text, connection.version)
    # One list: no other sender's text can come in between, and the option does not stay behind.
    await connection.run(
        command("set-option", "-g", OPTION, value),
        *(_display(client) for client in clients),
        command("set-option", "-gu", OPTION),
    )
    return len(clients)


def as_shown(text: str, version: tuple[int, int, str]) -> str:
    """The option's value that shows as `text` on one line, with unsafe characters made visible."""
    shown = visible(text[:MAX_CHARS])
    # From 3.2 on a message may hold styles, `#[fg=red]`, and `##` shows as `#`. Before, it is drawn as it is.
    return shown.replace("#", "##") if version >= (3, 2, "") else shown


def _display(client: Client) -> str:
    # A client that has gone to another session since it was listed gets an empty line: with -t, `client_name`
    # is another client's then.
    text = f"#{{?{equal('#{client_name}', client.name)},#{{{OPTION}}},}}"
    return command("display-message", "-c", client.name, "-t", client.session_id, text)
