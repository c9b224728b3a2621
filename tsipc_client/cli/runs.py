"""The commands about runs that were started, from words to requests."""

from __future__ import annotations

from typing import Annotated

import typer

from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.orders import Ask, Do, Options, Order
from tsipc_client.wire.messages import Approve, Explain, Pause, Reject, Rerun, Resume, Runs, Watch

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id (run-3, or 3).")]
StepName = Annotated[str, typer.Argument(metavar="STEP", help="The step's id, its name, or its number.")]
OpenStep = Annotated[
    str,
    typer.Argument(metavar="STEP", help="The step that asks, if there are several.", show_default=False),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Start it, print its id (run-3), do not wait for its end.")
]


def runs(
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most the last N.")] = 20,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """List the runs of workflows, oldest first.

    Those that go on and the latest that ended. Of each: at which step it is, in which session, and why it
    waits there or how it went wrong.

    Examples:
      ts-ipc runs
      ts-ipc runs --limit 100 --json
    """
    return Ask(Runs(limit=limit), options(json=json, timeout=timeout))


def watch(
    run: RunId,
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Watch a run until it ends.

    As `ts-ipc run` does for one that it starts: live on a terminal, a line per start and end of a step in a
    pipe; the exit status is the run's. Ctrl-C only stops the watching.

    Example:
      ts-ipc watch run-3
    """
    return Ask(Watch(id=run, follow=True), options(json=json, timeout=timeout, patient=True))


def pause(run: RunId, *, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Begin nothing more of a run until it is resumed.

    What runs goes on; what only waits for its session is taken back and begun again afterwards.

    Example:
      ts-ipc pause run-3
    """
    return Ask(Pause(id=run), options(json=json, timeout=timeout))


def resume(run: RunId, *, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Let a run go on that was paused.

    Example:
      ts-ipc resume run-3
    """
    return Ask(Resume(id=run), options(json=json, timeout=timeout))


def approve(run: RunId, step: OpenStep = "", *, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Say yes to what a run asks.

    A step with `approve:` waits for this; so does one that was interrupted, with `on-interrupt: ask`: it is
    run again then. The same answer once more changes nothing.

    Examples:
      ts-ipc approve run-3
      ts-ipc approve run-3 deploy
    """
    return Ask(Approve(id=run, step=step), options(json=json, timeout=timeout))


def reject(run: RunId, step: OpenStep = "", *, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Say no to what a run asks.

    Its step ends as `rejected`, and with it the run, unless its steps say otherwise.

    Example:
      ts-ipc reject run-3
    """
    return Ask(Reject(id=run, step=step), options(json=json, timeout=timeout))


def rerun(
    run: RunId,
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what did not go well, and what comes behind that.")
    ] = False,
    begin_with: Annotated[
        str,
        typer.Option("--from", metavar="STEP", help="Only STEP and what is behind it.", show_default=False),
    ] = "",
    detach: Detach = False,
    key: Key = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Run again what has run, as it was, or what failed of it.

    A new run with a number of its own; the logs of the old one stay. What is not repeated counts as it did,
    and its outputs are there.

    Examples:
      ts-ipc rerun run-3 --failed
      ts-ipc rerun run-3 --from deploy
    """
    request = Rerun(id=run, failed=failed, begin_with=begin_with, follow=not detach, key=key)
    return Ask(request, options(json=json, timeout=timeout, patient=not detach))


def explain(run: RunId, step: StepName, *, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Say why a step waits, was skipped, or ended as it did.

    Shows its condition with what each part of it came to, what it comes behind, its attempts and its outputs.

    Example:
      ts-ipc explain run-3 deploy
    """
    return Ask(Explain(id=run, step=step), options(json=json, timeout=timeout))


def logs(
    run: RunId,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Only this step's.", show_default=False)] = "",
    *,
    attempt: Annotated[
        int,
        typer.Option("--attempt", metavar="N", min=0, help="Attempt N of STEP.", show_default=False),
    ] = 0,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run ends.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="As it was printed, with all escape sequences.")] = False,
    timeout: Timeout = "",
) -> Order:
    """Print what the steps of a run printed.

    Of all steps, each under a heading on stderr, or of one. Without --raw colours and overwritten parts are
    left out.

    Examples:
      ts-ipc logs run-3
      ts-ipc logs run-3 build -f
    """
    from tsipc_client.cli import run_logs  # noqa: PLC0415 (for this command only)

    wanted = run_logs.Wanted(run=run, step=step, attempt=attempt, follow=follow, raw=raw)

    def show(chosen: Options) -> int:
        return run_logs.show(wanted, chosen)

    return Do(show, options(json=False, timeout=timeout))
