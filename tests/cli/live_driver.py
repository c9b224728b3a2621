"""`ts-ipc run` in a real terminal, against a daemon that a test moves on.

    python live_driver.py FIFO WORDS...

Each line of the FIFO is one of `samples.RUN_NEWS` by its index, `print ESCAPED`, `now` (a step starts), or
`end STATUS [LOG]`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ["TYPER_USE_RICH"] = "0"

from tests.cli import samples
from tsipc_client.cli import app, deliver
from tsipc_client.cli.orders import Options
from tsipc_client.wire.messages import Progress, Request, Result, RunStatus


class ScriptedDaemon:
    """Says what the FIFO tells it to say, when it tells it."""

    def __init__(self, script: Path) -> None:
        self._script = script

    @contextmanager
    def connect(self, options: Options, *, start: bool = True) -> Iterator[ScriptedDaemon]:
        assert options.timeout_s is None
        assert start
        yield self

    def call(self, request: Request, on_progress: Callable[[Progress], None] | None = None) -> Result:
        assert on_progress is not None, request
        with self._script.open() as lines:
            for line in lines:
                word, *rest = line.split()
                if word == "end":
                    log = rest[1] if rest[1:] else ""
                    return samples.ended(RunStatus(rest[0]), log=log)
                if word == "print":
                    on_progress(_printed(line.partition(" ")[2].rstrip("\n")))
                elif word == "now":
                    on_progress(_begun_now())
                else:
                    on_progress(samples.RUN_NEWS[int(word)])
        raise EOFError("the test ended without an end")


def _printed(escaped: str) -> Progress:
    news = samples.RUN_NEWS[1]
    return replace(news, step=replace(news.step, last_line=escaped.encode().decode("unicode_escape")))


def _begun_now() -> Progress:
    news = samples.RUN_NEWS[1]
    return replace(news, step=replace(news.step, started_at=time.time()))


if __name__ == "__main__":
    deliver.connect = ScriptedDaemon(Path(sys.argv[1])).connect
    sys.exit(app.run(sys.argv[2:]))
