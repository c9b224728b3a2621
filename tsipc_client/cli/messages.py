"""The commands about messages, from words to requests: from sending one to what becomes of it."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.orders import Ask, Do, Options
from tsipc_client.wire.messages import (
    Cancel,
    Decision,
    MessageType,
    Milestone,
    Priority,
    Purge,
    Queue,
    Resolve,
    Retry,
    Send,
    Show,
)

Ttl = Annotated[
    str,
    typer.Option(
        "--ttl",
        metavar="SECONDS",
        help="How long it may wait before it expires (10m, 2h and 1d work too).",
        show_default=False,
    ),
]


def send(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="Who sends: a session's name, or any label.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The session it is for: a name, an alias, or a pane (%3).")
    ],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The text; - reads it from stdin.")],
    message_type: Annotated[
        MessageType,
        typer.Argument(
            metavar="TYPE",
            help="command: run it there. notification: show it there. data: keep it in TO.data.",
        ),
    ] = MessageType.COMMAND,
    *,
    ttl: Ttl = "",
    now: Annotated[bool, typer.Option("--now", help="Type it even if the pane looks busy.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Let control characters in the text through.")] = False,
    secret: Annotated[
        bool, typer.Option("--secret", help="Never show the text in listings, views and logs.")
    ] = False,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Not before this time: 15:30 (the next one), or '2026-12-24 15:30'.",
            show_default=False,
        ),
    ] = "",
    delay: Annotated[
        str,
        typer.Option(
            "--delay",
            metavar="SECONDS",
            help="Not before so much time has passed (10m, 2h and 1d work too).",
            show_default=False,
        ),
    ] = "",
    priority: Annotated[
        Priority, typer.Option("--priority", help="Before others that wait for the same pane, or behind.")
    ] = Priority.NORMAL,
    wait: Annotated[
        Milestone | None,
        typer.Option(
            "--wait",
            help="Stay until it is delivered, or done: prints what the command printed, exits as it did.",
            show_default=False,
        ),
    ] = None,
    key: Key = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask | Do:
    """Send a command, a notification or data to a session.

    Prints the message's id (msg-12) once the message is safe on disk. That is not yet "it has run": where a
    session is busy or absent the message is held, and stderr says why. Follow it with: ts-ipc show msg-12

    Examples:
      ts-ipc send claude-blacklist claude-manager 'docker ps' command
      ts-ipc send claude-blacklist claude-planka 'Deployed!' notification
      ts-ipc send claude-blacklist claude-fortinet '{"status": "ok"}' data
      pg_dump app | ts-ipc send db claude-backup - data
      printf %s "$TOKEN" | ts-ipc send ci claude-deploy - data --secret

    A text that starts with - and has no blank in it needs -- before the arguments:

      ts-ipc send -- claude-blacklist claude-manager '-x'
    """
    arguments.not_an_option(ctx.obj, [source, target, message])
    request = Send(
        source=source,
        target=target,
        message=arguments.message_body(message, message_type),
        type=message_type,
        ttl_s=arguments.duration_s(ttl, "--ttl") if ttl else None,
        now=now,
        raw=raw,
        key=key,
        secret=secret,
        at=arguments.moment(at, "--at", time.time()) if at else None,
        delay_s=arguments.duration_s(delay, "--delay") if delay else None,
        priority=priority,
        capture=wait is Milestone.DONE and message_type is MessageType.COMMAND,
    )
    if wait is None:
        return Ask(request, options(json=json, timeout=timeout))
    return Do(partial(_sent, request, wait), options(json=json, timeout=timeout, patient=True))


def exec(  # noqa: A001 (the command's name)
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The session to run it in: a name, an alias, or a pane (%3).")
    ],
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="One text for the shell there, or a command's words."),
    ],
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="FROM", help="Who sends it, as for send.")
    ] = "exec",
    ttl: Ttl = "",
    secret: Annotated[
        bool, typer.Option("--secret", help="Never show the text in listings, views and logs.")
    ] = False,
    key: Key = "",
    json: AsJson = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="How long to wait for its end (default: as long as it takes); then the status is 124.",
            show_default=False,
        ),
    ] = "",
) -> Do:
    """Run a command in a session, to its end.

    It runs in the shell there. What it prints comes out here meanwhile, its exit status is ours, and
    Ctrl-C is passed on. It waits until that shell is at its prompt; stderr says what holds it up.

    Status 124: the time of --timeout was over, and it goes on. 125: it has no exit status, or none that can
    be known; stderr says why.

    Examples:
      ts-ipc exec claude-manager -- docker ps
      ts-ipc exec claude-manager -- 'cd /srv/app && git pull'
      version=$(ts-ipc exec build --timeout 10m -- make -s version)
    """
    request = Send(
        source=source,
        target=target,
        message=arguments.within_limit(arguments.shell_command(command), "COMMAND"),
        ttl_s=arguments.duration_s(ttl, "--ttl") if ttl else None,
        secret=secret,
        key=key,
        capture=True,
    )
    return Do(partial(_executed, request), options(json=json, timeout=timeout, patient=True))


def wait(
    message: Annotated[str, typer.Argument(metavar="ID", help="A message's id: msg-12, or 12.")],
    *,
    until: Annotated[
        Milestone,
        typer.Option("--until", help="delivered: typed, shown or stored. done: a command has ended."),
    ] = Milestone.DONE,
    json: AsJson = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="How long to wait (default: as long as it takes); then the status is 124.",
            show_default=False,
        ),
    ] = "",
) -> Do:
    """Wait for a message that was sent before.

    Of a command sent with --wait done, or with exec, it prints what that printed and exits as it did.

    Examples:
      ts-ipc wait msg-12
      ts-ipc wait msg-12 --until delivered --timeout 1m
    """
    return Do(partial(_waited, message, until), options(json=json, timeout=timeout, patient=True))


def _sent(request: Send, until: Milestone, options: Options) -> int:
    from tsipc_client.cli import waiting  # noqa: PLC0415 (threads are not for every command)

    return waiting.send(request, options, until=until)


def _executed(request: Send, options: Options) -> int:
    from tsipc_client.cli import waiting  # noqa: PLC0415 (as above)

    return waiting.send(request, options, until=Milestone.DONE, live=True)


def _waited(message: str, until: Milestone, options: Options) -> int:
    from tsipc_client.cli import waiting  # noqa: PLC0415 (as above)

    return waiting.wait(message, options, until=until)


def queue(
    *,
    pending: Annotated[bool, typer.Option("--pending", help="Only messages that have not ended.")] = False,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only dead letters: messages that failed or expired.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most the last N.")] = 20,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Show the message queue, oldest first.

    All that waits, and the latest that ended. A message that waits says for what, one
    that failed says why. Short: ts-ipc q.

    Examples:
      ts-ipc queue
      ts-ipc queue --pending --limit 100
      ts-ipc queue --dead
    """
    return Ask(Queue(limit=limit, pending=pending, dead=dead), options(json=json, timeout=timeout))


def show(
    message: Annotated[str, typer.Argument(metavar="ID", help="A message's id: msg-12, or 12.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Show one message's whole story.

    Every change of its state with time and reason, where it was typed, and its text.

    Example:
      ts-ipc show msg-12
    """
    return Ask(Show(id=message), options(json=json, timeout=timeout))


def cancel(
    what: Annotated[str, typer.Argument(metavar="ID", help="msg-12, or run-3 for a workflow run.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Take back a message not typed yet, or end a run.

    Of a workflow's run or an exec, the command that runs now gets SIGINT as for Ctrl-C, after 10 seconds
    SIGTERM, after 5 more SIGKILL; its shell stays. This command does not wait for that.

    Examples:
      ts-ipc cancel msg-12
      ts-ipc cancel run-3
    """
    return Ask(Cancel(id=what), options(json=json, timeout=timeout))


def retry(
    message: Annotated[str, typer.Argument(metavar="ID", help="A dead letter's id: msg-12, or 12.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Send a dead letter once more.

    One that failed, expired or was cancelled, and was certainly never typed. Prints the id of the new
    message, which is as the old one was; asked again, it prints the same id.

    Example:
      ts-ipc retry msg-12
    """
    return Ask(Retry(id=message), options(json=json, timeout=timeout))


def purge(
    message: Annotated[
        str,
        typer.Argument(metavar="ID", help="A message that has ended: msg-12, or 12. Without: dead letters."),
    ] = "",
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Forget dead letters, or one message that ended.

    They are not listed any more; the event log keeps its lines about them.

    Examples:
      ts-ipc purge
      ts-ipc purge msg-12
    """
    return Ask(Purge(id=message), options(json=json, timeout=timeout))


def resolve(
    message: Annotated[str, typer.Argument(metavar="ID", help="A message in doubt: msg-12, or 12.")],
    *,
    redeliver: Annotated[
        bool, typer.Option("--redeliver", help="It did not run, or may run twice: type it again.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Leave it, whether it ran or not.")] = False,
    delivered: Annotated[bool, typer.Option("--delivered", help="It ran: nothing is left to do.")] = False,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Decide about a message that is in doubt.

    Its pane or its tmux server died at the very moment it was typed, so nobody can know whether
    it was. Look whether what it was to do is done, then say which; exactly one of the three.
    With --redeliver it goes to wherever its target is now; a step's workflow run then goes on.

    Examples:
      ts-ipc resolve msg-12 --redeliver
      ts-ipc resolve msg-12 --delivered
      ts-ipc resolve msg-12 --drop
    """
    given = {Decision.REDELIVER: redeliver, Decision.DROP: drop, Decision.DELIVERED: delivered}
    decisions = [decision for decision, is_given in given.items() if is_given]
    if len(decisions) != 1:
        raise arguments.bad_input(
            f"say what is to be done with {message}",
            hint=f"look whether it ran (ts-ipc show {message}), then give one of these:\n"
            "--redeliver  type it again\n--delivered  it ran\n--drop       leave it",
        )
    return Ask(Resolve(id=message, decision=decisions[0]), options(json=json, timeout=timeout))
