"""The typer application: every command by its name, and from the words of a command line to an order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from tsipc_client.cli import (
    daemon,
    definitions,
    deliver,
    events,
    exporting,
    labels,
    listening,
    messages,
    questions,
    runs,
    schedules,
    screen,
    scripting,
    sessions,
    upkeep,
    workflows,
)
from tsipc_client.cli.arguments import bad_input, utf8_words
from tsipc_client.cli.orders import Ask, Do, Order
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.wire.version import VERSION

PROGRAM = "ts-ipc"

TEXT_MAY_START_WITH_A_DASH = {"ignore_unknown_options": True}

HELP = """Let tmux sessions talk: commands, notifications, data, events and workflows between them.

\b
First steps:
  ts-ipc sessions                                     who is there
  ts-ipc send FROM TO 'docker ps'                     run it in session TO
  ts-ipc exec TO -- docker ps                         ... and wait for its end
  ts-ipc send FROM TO 'Build done!' notification      show it there
  ts-ipc subscribe claude-manager deployment notify   hear of an event
  ts-ipc publish claude-blacklist deployment v1.2.3   tell all subscribers
  ts-ipc workflow deploy 'a:npm test' 'b:./up.sh'     save steps
  ts-ipc run deploy                                   one after the other
  ts-ipc queue                                        see what came of it
"""

EPILOG = """Every command has --help with examples, and --json. Short names: sub unsub pub wf q subs log.

\b
Exit statuses: 0 done, 1 a run failed, 2 usage, 3 run cancelled, 4 timed out,
5 run interrupted, 6 unknown session, 7 refused, 8 connection broken,
9 journal damaged (fsck), 10 something is bad (doctor), 11 run rejected,
69 no daemon, 124 the time to wait was over, 125 no exit status (exec),
130 Ctrl-C.
"""

Command = Callable[..., Order]

COMMANDS: tuple[tuple[str, Command, str], ...] = (
    ("send", messages.send, ""),
    ("subscribe", events.subscribe, "sub"),
    ("unsubscribe", events.unsubscribe, "unsub"),
    ("publish", events.publish, "pub"),
    ("workflow", workflows.workflow, "wf"),
    ("validate", workflows.validate, ""),
    ("graph", definitions.graph, ""),
    ("workflows", definitions.workflows, ""),
    ("rm", definitions.rm, ""),
    ("schema", definitions.schema, ""),
    ("run", workflows.run, ""),
    ("runs", runs.runs, ""),
    ("watch", runs.watch, ""),
    ("explain", runs.explain, ""),
    ("logs", runs.logs, ""),
    ("pause", runs.pause, ""),
    ("resume", runs.resume, ""),
    ("approve", runs.approve, ""),
    ("reject", runs.reject, ""),
    ("rerun", runs.rerun, ""),
    ("pipeline", workflows.pipeline, ""),
    ("schedule", schedules.schedule, ""),
    ("exec", messages.exec, ""),
    ("wait", messages.wait, ""),
    ("ask", questions.ask, ""),
    ("reply", questions.reply, ""),
    ("inbox", questions.inbox, ""),
    ("queue", messages.queue, "q"),
    ("show", messages.show, ""),
    ("cancel", messages.cancel, ""),
    ("retry", messages.retry, ""),
    ("purge", messages.purge, ""),
    ("resolve", messages.resolve, ""),
    ("subscriptions", events.subscriptions, "subs"),
    ("events", events.events, "log"),
    ("listen", listening.listen, ""),
    ("tail", listening.tail, ""),
    ("export", exporting.export, ""),
    ("wait-for", listening.wait_for, ""),
    ("sessions", sessions.sessions, ""),
    ("label", labels.label, ""),
    ("labels", labels.labels, ""),
    ("search", labels.search, ""),
    ("alias", labels.alias, ""),
    ("pipe", scripting.pipe, ""),
    ("shell-init", scripting.shell_init, ""),
    ("doctor", upkeep.doctor, ""),
    ("fsck", upkeep.fsck, ""),
)
"""Name, function, short name."""

LOCAL_COMMANDS = frozenset(
    {
        "schema",
        "exec",
        "logs",
        "ask",
        "tail",
        "wait-for",
        "pipe",
        "shell-init",
        "doctor",
        "fsck",
        "label",
        "labels",
        "search",
        "alias",
        "export",
    }
)
"""Those that are no request: of several, of others, or for when no daemon can run."""

_WITH_TEXT = {messages.send, events.publish}

DAEMON_COMMANDS: tuple[tuple[str, Command], ...] = (
    ("start", daemon.start),
    ("stop", daemon.stop),
    ("restart", daemon.restart),
    ("status", daemon.status),
    ("logs", daemon.logs),
    ("install", daemon.install),
    ("uninstall", daemon.uninstall),
)

# typer exports this leaf but not the class of all its usage errors, whose module differs between versions.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


def build(wanted: str = "") -> typer.Typer:
    """The application with all its commands, or only the wanted one if that is the name of one.

    typer takes 13 ms to look at the parameters of all of them.
    """
    chosen = [
        (name, command, short) for name, command, short in COMMANDS if wanted and wanted in {name, short}
    ]
    app = typer.Typer(
        name=PROGRAM,
        help=HELP,
        epilog=EPILOG,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=False,
    )
    app.callback(invoke_without_command=True)(_top)
    for name, command, short in chosen or COMMANDS:
        settings = TEXT_MAY_START_WITH_A_DASH if command in _WITH_TEXT else {}
        _add(app, name, command, settings)
        if short:
            _add(app, short, command, settings, hidden=True)
    if not chosen:
        app.add_typer(_daemon_group(), name="daemon")
    return app


def _daemon_group() -> typer.Typer:
    group = typer.Typer(help="Start, stop, inspect and install the daemon.", rich_markup_mode=None)
    for name, command in DAEMON_COMMANDS:
        _add(group, name, command, {})
    return group


def _add(
    app: typer.Typer, name: str, command: Command, settings: dict[str, bool], *, hidden: bool = False
) -> None:
    app.command(name, cls=_Command, help=_help(command), context_settings=settings, hidden=hidden)(command)


def _help(command: Command) -> str:
    """The docstring; a paragraph with an indented line keeps its line ends."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(f"\b\n{text}" if "\n " in text or text[0] == " " else text for text in paragraphs)


class _Command(TyperCommand):
    def collect_usage_pieces(self, ctx: object) -> list[str]:
        """Arguments by their bare names: typer writes the required ones as {FROM}."""
        pieces = super().collect_usage_pieces(cast("typer.Context", ctx))
        return [piece.strip("{}") for piece in pieces]


def _top(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"{PROGRAM} {VERSION}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(ExitStatus.USAGE)


def parse(words: Sequence[str]) -> Order | int:
    """The order that the words give, or the exit status if help was all they asked for.

    Raises BadInput, with a pointer to the right help.
    """
    typed = utf8_words(words)
    try:
        outcome = get_command(build(typed[0] if typed else "")).main(
            _with_long_help(typed), prog_name=PROGRAM, standalone_mode=False, obj=tuple(typed)
        )
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else PROGRAM
        # Lists of choices come over several lines.
        message = " ".join(error.format_message().split())
        raise bad_input(message, hint=f"see: {where} --help") from error
    except typer.Abort:
        return ExitStatus.CTRL_C
    return outcome if isinstance(outcome, Ask | Do) else int(outcome or 0)


def _with_long_help(words: list[str]) -> list[str]:
    """`-h` as `--help`. No option of typer's, since it would also be found inside `-rf this`."""
    end = words.index("--") if "--" in words else len(words)
    return ["--help" if word == "-h" else word for word in words[:end]] + words[end:]


def run(words: Sequence[str]) -> int:
    """Parse and carry out; the exit status."""
    screen.prepare()
    own = words[: words.index("--")] if "--" in words else words
    return deliver.guarded(lambda: _run(words), json="--json" in own)


def _run(words: Sequence[str]) -> int:
    order = parse(words)
    return order if isinstance(order, int) else deliver.carry_out(order)
