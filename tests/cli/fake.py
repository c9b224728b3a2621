"""A daemon that says what it was told to say, in place of the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tsipc_client.cli.orders import Options
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Progress, Request, Result

Answer = Result | WireError | KeyboardInterrupt


@dataclass
class FakeDaemon:
    """Answers every request with `answer`, after its `news`; remembers what it was asked."""

    answer: Answer
    news: Sequence[Progress] = ()
    asked: list[Request] = field(default_factory=list)
    options: Options | None = None
    start: bool | None = None

    @contextmanager
    def connect(self, options: Options, *, start: bool = True) -> Iterator[FakeDaemon]:
        self.options, self.start = options, start
        yield self

    def call(self, request: Request, on_progress: Callable[[Progress], None] | None = None) -> Result:
        self.asked.append(request)
        for item in self.news:
            assert on_progress is not None, "progress that nobody wants"
            on_progress(item)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer
