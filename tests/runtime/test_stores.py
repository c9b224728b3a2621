"""The subscriptions' file stays the truth while many requests are under way."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack

from tests.support.daemon import Daemon

ROUNDS = 20
CLIENTS = 3


def test_no_subscription_is_lost_to_another(daemon: Daemon) -> None:
    """A request for which the table is read does not undo a change that is decided and not yet written."""
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(CLIENTS)]
        for client in clients:
            client.settimeout(60)
            client.connect(str(daemon.socket_path))
        answers = [stack.enter_context(client.makefile("rb")) for client in clients]
        for turn in range(ROUNDS):
            for number, client in enumerate(clients):
                params = {"session": "one", "event": f"e{turn}-{number}"}
                request = {"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": params}
                client.sendall(json.dumps(request).encode() + b"\n")
            for answer in answers:
                assert "result" in json.loads(answer.readline())
    rows = daemon.call("subscriptions")["subscriptions"]
    wanted = {f"e{turn}-{number}" for turn in range(ROUNDS) for number in range(CLIENTS)}
    assert wanted - {row["event"] for row in rows} == set()
