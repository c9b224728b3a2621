"""What several clients ask of a daemon at the same time, and what it has promised them.

Each order has a label that is in everything it causes, so that it can be found again: in a message's body, in
the line that a typed command appends, in an event's source.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

from tests.support.daemon import Answer

SHELLS = ("one", "two", "three")
"""Sessions with a shell: what is typed there appends to a file that is this pane's own."""
PAD = "pad"
"""A session with `cat`, which is typed into in two parts, text and Enter."""
EVENT = "news"
FANOUT = (("one", "command"), ("two", "notify"), ("three", "data"))
"""Who is subscribed to it."""
FAILING = 3
WINDOW = 100
STOPPING = frozenset({"stopping"})
DEAD_DISK = STOPPING | {"storage_full", "unknown_outcome", "internal", "busy"}
"""What a daemon says between its disk's end and its own."""

Request = tuple[str, dict[str, Any]]


@dataclass
class Order:
    """Some requests, one after the other, of which the last one is the point."""

    label: str
    requests: list[Request]
    answer: Answer | None = None
    """To the last one; None: not acknowledged."""
    asked: int = 0

    @property
    def method(self) -> str:
        return self.requests[-1][0]

    @property
    def params(self) -> dict[str, Any]:
        return self.requests[-1][1]

    @property
    def may_be_repeated(self) -> bool:
        """Whether asking again is harmless: by a key, or by nature."""
        return self.method not in ("send", "publish", "run") or "key" in self.params


@dataclass
class Traffic:
    """All orders of one state folder, in order of making."""

    chance: random.Random
    with_runs: bool = True
    excuses: frozenset[str] = STOPPING
    """Errors that are no promise, and end the connection."""
    _is_over: bool = False
    orders: list[Order] = field(default_factory=list)
    _again: deque[Order] = field(init=False)
    _wishes: Iterator[Order] = field(init=False)

    def __post_init__(self) -> None:
        self._wishes = self._make()

    def run(self, path: Path, *, acks: int, then: Callable[[], None], clients: int = 4) -> int:
        """Ask until `acks` were answered, call `then`, read what still comes; how many were answered."""
        self._again = self._unanswered()
        return asyncio.run(self._run(path, acks, then, clients))

    def do(self, path: Path, count: int) -> None:
        """Ask for `count` things more, with what was not answered before; the daemon may die meanwhile."""
        self._again = self._unanswered()
        self._again.extend(islice(self._wishes, count))
        wishes, self._wishes = self._wishes, iter(())
        asyncio.run(self._run(path, -1, lambda: None, 2))
        self._wishes = wishes

    def finish(self, path: Path) -> None:
        """Ask again what was not answered, and some of what was; all of it is answered the same."""
        # Not the table: a later order may have changed what an earlier one made.
        keyed = [order for order in self.orders if order.answer and "key" in order.params]
        self._again = self._unanswered()
        self._again.extend(self.chance.sample(keyed, min(10, len(keyed))))
        self._wishes = iter(())
        asyncio.run(self._run(path, -1, lambda: None, 1))

    def _unanswered(self) -> deque[Order]:
        return deque(order for order in self.orders if order.answer is None and order.may_be_repeated)

    async def _run(self, path: Path, acks: int, then: Callable[[], None], clients: int) -> int:
        answered = 0

        def on_answer() -> None:
            nonlocal answered
            answered += 1
            if answered == acks:
                self._is_over = True
                then()

        self._is_over = False

        await asyncio.gather(*(self._client(path, on_answer) for _ in range(clients)))
        return answered

    async def _client(self, path: Path, on_answer: Callable[[], None]) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 21)
        except OSError:  # killed meanwhile
            return
        try:
            for order in self._next():
                for request in order.requests:
                    answer = await _ask(reader, writer, request, self.excuses)
                order.asked += 1
                # After a cut xfs says of a folder's sync that all is well. What no power is left to say does
                # not count; messages do all the same, for of a file's data it tells the truth.
                if not (self._is_over and order.requests[0][0] == "workflow"):
                    _take(order, answer)
                on_answer()
        except (OSError, EOFError):
            return
        finally:
            writer.close()

    def _next(self) -> Iterator[Order]:
        while True:
            if self._again:
                yield self._again.popleft()
            elif (order := next(self._wishes, None)) is not None:
                yield order
            else:
                return

    def _make(self) -> Iterator[Order]:
        while True:
            order = self._order(f"L{len(self.orders)}.")
            self.orders.append(order)
            yield order

    def _order(self, label: str) -> Order:
        chance = self.chance
        draw = chance.random()
        key = {"key": label} if chance.random() < 0.9 else {}
        source = {"source": "here"}
        if draw < 0.5:
            padding = f": {'x' * chance.randrange(40, 300)};" if chance.random() < 0.2 else ""
            message = f"{padding}echo {label}>>$P"
            return Order(
                label, [("send", {**source, **key, "target": chance.choice(SHELLS), "message": message})]
            )
        if draw < 0.55:
            return Order(label, [("send", {**source, **key, "target": PAD, "message": label, "now": True})])
        if draw < 0.65:
            kind = chance.choice(("notification", "data"))
            body = label * (1 if kind == "notification" else chance.randrange(1, 500))
            return Order(
                label,
                [("send", {**source, **key, "target": chance.choice(SHELLS), "message": body, "type": kind})],
            )
        if draw < 0.75:
            return Order(
                label, [("publish", {**key, "source": label, "event": EVENT, "data": f"echo {label}>>$P"})]
            )
        if draw < 0.82:
            return Order(label, [("subscribe", {"session": "one", "event": label, "action": "data"})])
        mine = [order for order in self.orders if order.method == "subscribe" and order.answer]
        if draw < 0.87 and mine:
            event = chance.choice(mine).params["event"]
            return Order(label, [("unsubscribe", {"session": "one", "event": event})])
        steps = [
            {"session": session, "command": f"echo {label}>>$P" + (f"; (exit {FAILING})" if fails else "")}
            for session in SHELLS
            for fails in [session == "two" and chance.random() < 0.3]
        ]
        save: Request = ("workflow", {"name": label, "steps": steps})
        if draw < 0.92 or not self.with_runs:
            return Order(label, [save])
        return Order(label, [save, ("run", {"name": label, "follow": False, "key": label})])


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request, excuses: frozenset[str]
) -> Answer:
    method, params = request
    frame = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    writer.write(json.dumps(frame).encode() + b"\n")
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    answer = cast("Answer", json.loads(line))
    if "error" in answer and answer["error"]["data"]["code"] in excuses:
        raise EOFError
    assert "result" in answer, (request, answer)
    return cast("Answer", answer["result"])


def _take(order: Order, answer: Answer) -> None:
    """It is acknowledged; a second answer must be the first one again."""
    if order.answer is not None and order.method in ("send", "publish"):
        assert answer == order.answer, f"{order.label} was first answered {order.answer}, then {answer}"
    if order.answer is not None and order.method == "run":
        assert answer["run"] == order.answer["run"], f"{order.label} was run twice"
    order.answer = order.answer or answer


def flood(path: Path, count: int, params: dict[str, Any]) -> int:
    """Send the same message `count` times on one connection, without waiting for answers; how many came."""
    send = {"jsonrpc": "2.0", "id": 1, "method": "send", "params": params}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        answers = connection.makefile("rb")
        sent = 0
        for _ in range(0, count, WINDOW):
            connection.sendall((json.dumps(send).encode() + b"\n") * WINDOW)
            sent += sum("result" in json.loads(answers.readline()) for _ in range(WINDOW))
        answers.close()
    return sent
