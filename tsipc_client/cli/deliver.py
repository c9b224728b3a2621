"""From an order to an exit status: call the daemon, print its answer, report errors. Imports no typer."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, assert_never

from tsipc_client.asking import expect
from tsipc_client.cli import screen
from tsipc_client.cli.orders import Ask, Do, Options, Order
from tsipc_client.cli.statuses import ExitStatus, status_of_error, status_of_run
from tsipc_client.render import answer, failure
from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import Progress, Request, Rerun, Result, Run, RunEnded, Validated, Watch

if TYPE_CHECKING:
    from tsipc_client.cli.watch import Display

_JSON_INDENT = 2


class Daemon(Protocol):
    """The one verb of a client that the command line needs."""

    def call(self, request: Request, on_progress: Callable[[Progress], None] | None = None) -> Result:
        """The daemon's answer. Raises a `WireError`."""


def connect(options: Options, *, start: bool = True) -> AbstractContextManager[Daemon]:
    """A connection to the daemon of this state folder; without one, starts it if `start` says so."""
    from tsipc_client.client import Client  # noqa: PLC0415 (not needed to print help or a usage error)

    return Client(timeout_s=options.timeout_s, start=start)


def carry_out(order: Order) -> int:
    """Do what the command line asked for; returns the exit status. Raises a `WireError`."""
    match order:
        case Ask(request=(Run() | Rerun() | Watch()) as request, options=options) if request.follow:
            return follow(request, options)
        case Ask():
            return deliver(order.request, order.options)
        case Do():
            return order.action(order.options)
        case _:
            assert_never(order)


def deliver(request: Request, options: Options, *, start: bool = True) -> int:
    """One request, its answer printed."""
    with connect(options, start=start) as daemon:
        result = daemon.call(request)
    show(request, result, options)
    if isinstance(result, Validated) and not result.valid:
        return ExitStatus.USAGE
    return status_of_run(result.status) if isinstance(result, RunEnded) else ExitStatus.OK


def follow(request: Run | Rerun | Watch, options: Options, display: Display | None = None) -> int:
    """A run until its end, shown as it goes; the exit status is the run's."""
    from tsipc_client.cli import watch  # noqa: PLC0415 (only a run needs a live display)

    def ended(take: Callable[[Progress], None]) -> RunEnded:
        with connect(options) as daemon:
            return expect(RunEnded, daemon.call(request, take))

    return watch.watch(display or watch.display_of(json_of if options.json else None), ended)


def show(request: Request, result: Result, options: Options) -> None:
    """The answer on stdout, notes for the person on stderr."""
    if options.json:
        screen.put([json_of(result)])
        return
    screen.put(answer.data_lines(result, screen.style_of(sys.stdout), now=time.time()))
    screen.note(answer.notes(request, result, screen.style_of(sys.stderr)))


def json_of(result: Result | Progress) -> str:
    """One document: over several lines for a person, on one line for a program."""
    from tsipc_client.render.document import document  # noqa: PLC0415 (json is not for every call)

    return document(result, indent=_JSON_INDENT if screen.is_terminal(sys.stdout) else None)


def report(error: WireError, *, json: bool) -> ExitStatus:
    """The error on stderr; returns its exit status."""
    if json:
        screen.tell([failure.error_document(error)])
    else:
        screen.tell(error_lines(error))
    return status_of_error(error)


def error_lines(error: WireError) -> Iterator[str]:
    """The error as stderr can show it."""
    return failure.error_lines(error, screen.style_of(sys.stderr))


def guarded(action: Callable[[], int], *, json: bool) -> int:
    """The exit status of `action`, whatever happens in it. The process's outermost frame."""
    try:
        return action()
    except WireError as error:
        return report(error, json=json)
    except KeyboardInterrupt:
        return ExitStatus.CTRL_C
    except BrokenPipeError:
        screen.silence()
        return ExitStatus.BROKEN_PIPE
    except Exception:
        # Status 1, Python's own, would say that a workflow run failed.
        import logging  # noqa: PLC0415 (for this case only)

        logging.getLogger("ts-ipc").exception(
            "ts-ipc: a defect in ts-ipc itself; what was asked may or may not have happened"
        )
        return ExitStatus.BROKEN
