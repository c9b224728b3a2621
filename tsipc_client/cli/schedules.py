"""The command about what starts by itself, from words to a request: schedule."""

from __future__ import annotations

from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Ask
from tsipc_client.wire.messages import Schedule


def schedule(*, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """List what starts by itself, the next first.

    Of each schedule: when it comes next, in local time and in its own zone, in how long that is, and the last
    of its times that a run started for. Then the events that start a workflow.

    What was skipped, and why, is in the event log: ts-ipc events 100 | grep SKIP

    Examples:
      ts-ipc schedule
      ts-ipc schedule --json
    """
    return Ask(Schedule(), options(json=json, timeout=timeout))
