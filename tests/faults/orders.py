"""Orders given to a daemon one by one, for tests that choose the moment of its death."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.effort import chance
from tests.faults.traffic import Order, Traffic
from tests.faults.world import World


class Orders:
    """What was ordered so far is in `traffic`, for the oracle."""

    def __init__(self, world: World) -> None:
        self.traffic = Traffic(chance("orders"))
        self.world = world

    def give(self, method: str, **params: Any) -> None:
        """The next order; `{}` in its texts becomes its label."""
        label = f"L{len(self.traffic.orders)}."
        filled = json.loads(json.dumps({"key": label, **params}).replace("{}", label))
        order = Order(label, [(method, filled)])
        self.traffic.orders.append(order)
        order.answer = self.world.daemon.call(method, **filled)

    def send(self, target: str = "one", message: str = "echo {}>>$P", **more: Any) -> None:
        """A message, which is acknowledged."""
        self.give("send", source="here", target=target, message=message, **more)
