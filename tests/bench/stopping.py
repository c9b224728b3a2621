"""What a tmux server that has stopped answering costs those who send to other servers."""

from __future__ import annotations

import os
import signal

from tests.bench.delivering import TELL
from tests.bench.samples import Row, Samples
from tests.bench.stage import Stage

STUCK = ("-L", "stuck")
"""A second server in the same folder."""


def measure(stage: Stage, *, sends: int) -> list[Row]:
    """Commands to a shell, each until it has run: with another server at work, and with that one stopped.

    Messages for the stopped one come in all the while, and what was typed into it has no outcome.
    """
    stage.shell("bench-other")
    stage.tmux.run(*STUCK, "new-session", "-d", "-s", "bench-stuck")
    try:
        server = int(stage.tmux.run(*STUCK, "display-message", "-p", "#{pid}"))
        quiet = _deliveries(stage, sends)
        os.kill(server, signal.SIGSTOP)
        try:
            disturbed = _deliveries(stage, sends)
        finally:
            os.kill(server, signal.SIGCONT)
    finally:
        stage.tmux.run(*STUCK, "kill-server", check=False)
    return [
        quiet.row("send → the shell has run it, all tmux servers at work"),
        disturbed.row("the same with another tmux server stopped", beside="all at work", other=quiet),
        Row(
            name="its p99",
            value=disturbed.p99_ms,
            unit="ms",
            beside="p99 with all at work",
            ratio=disturbed.p99_ms / quiet.p99_ms,
            promise="≤ 2 x",
            runs=sends,
        ),
    ]


def _deliveries(stage: Stage, sends: int) -> Samples:
    """Every tenth goes to the second server as well, in both runs alike."""
    wire = stage.wire()
    wire.request("sessions")
    samples = Samples()
    for number in range(sends):
        if number % 10 == 0:
            wire.request("send", source="bench", target="bench-stuck", message=": stuck")
        with samples.one():
            wire.request("send", source="bench", target="bench-other", message=TELL)
            stage.heard(1)
    wire.close()
    return samples
