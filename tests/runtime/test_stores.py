"""The subscriptions' file stays the truth while many requests are under way."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tsipc_client.wire.errors import ErrorCode, WireError
from tsipc_client.wire.messages import Action, Subscription
from tsipcd.stores import Stores
from tsipcd.views.data import DataFiles
from tsipcd.views.folder import Folder
from tsipcd.views.names import Neighbours
from tsipcd.views.subscriptions import SubscriptionFile
from tsipcd.views.workflows import WorkflowStore

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


def stores_in(folder: Folder, above: Path) -> Stores:
    return Stores(
        DataFiles(folder),
        SubscriptionFile(folder),
        WorkflowStore(folder.sub("workflows")),
        Neighbours(str(above)),
    )


async def test_changes_that_come_together_are_few_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is in the file when its write returns; the file is not written once for each."""
    folder = Folder.open(str(tmp_path / "ipc"))
    stores = stores_in(folder, tmp_path)
    rows = [Subscription(session=f"s{n}", event="e", action=Action.NOTIFY) for n in range(200)]
    written: list[int] = []
    write = SubscriptionFile.write

    def counted(self: SubscriptionFile, table: Sequence[Subscription]) -> None:
        write(self, table)
        written.append(len(table))

    async def change(count: int) -> None:
        await stores.write_subscriptions(rows[:count])
        assert max(written) >= count

    monkeypatch.setattr(SubscriptionFile, "write", counted)
    await asyncio.gather(*(change(count) for count in range(1, 201)))
    assert written[-1] == 200
    assert len(written) <= 2
    assert len(SubscriptionFile(folder).read()) == 200


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, "unknown_outcome"), (errno.ENOSPC, "storage_full")])
async def test_a_disk_that_failed_is_not_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """The folder's sync comes after the rename: whoever says then that nothing was changed is wrong."""
    folder = Folder.open(str(tmp_path / "ipc"))
    stores = stores_in(folder, tmp_path)
    real = os.fsync

    def fail(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(number, os.strerror(number))
        real(fd)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WireError) as caught:
        await stores.write_subscriptions([Subscription(session="a", event="e", action=Action.NOTIFY)])
    assert caught.value.code == ErrorCode(code)
