"""The command about sessions. From words to a request."""

from __future__ import annotations

from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Ask
from tsipc_client.wire.messages import Sessions


def sessions(*, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """List every tmux session that can be reached.

    With what runs in it, how many messages wait for it, and its tmux server.

    Example:
      ts-ipc sessions
    """
    return Ask(Sessions(), options(json=json, timeout=timeout))
