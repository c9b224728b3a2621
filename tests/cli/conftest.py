"""A command line without a process: words in, exit status, stdout and stderr out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from tests.cli.fake import Answer, FakeDaemon
from tsipc_client.cli import app, deliver
from tsipc_client.wire.messages import Progress


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str
    daemon: FakeDaemon


CommandLine = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the terminal that the tests run in; times in UTC."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def ts_ipc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """`ts-ipc WORDS...` against a daemon that gives one answer."""

    def type_in(*words: str, answer: Answer, news: Sequence[Progress] = ()) -> Outcome:
        daemon = FakeDaemon(answer, news)
        monkeypatch.setattr(deliver, "connect", daemon.connect)
        status = app.run(words)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err, daemon)

    return type_in
