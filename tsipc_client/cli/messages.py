"""The commands about messages, from words to requests: send, queue, show, cancel, resolve."""

from __future__ import annotations

from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.orders import Ask
from tsipc_client.wire.messages import Cancel, Decision, MessageType, Queue, Resolve, Send, Show


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
    ttl: Annotated[
        str,
        typer.Option(
            "--ttl",
            metavar="SECONDS",
            help="How long it may wait before it expires (10m, 2h and 1d work too).",
            show_default=False,
        ),
    ] = "",
    now: Annotated[bool, typer.Option("--now", help="Type it even if the pane looks busy.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Let control characters in the text through.")] = False,
    secret: Annotated[
        bool, typer.Option("--secret", help="Never show the text in listings, views and logs.")
    ] = False,
    key: Key = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
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
    )
    return Ask(request, options(json=json, timeout=timeout))


def queue(
    *,
    pending: Annotated[bool, typer.Option("--pending", help="Only messages that have not ended.")] = False,
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
    """
    return Ask(Queue(limit=limit, pending=pending), options(json=json, timeout=timeout))


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

    Of a workflow's run, the command that runs now gets SIGINT as for Ctrl-C, after 10 seconds SIGTERM, after
    5 more SIGKILL; its shell stays. This command does not wait for that.

    Examples:
      ts-ipc cancel msg-12
      ts-ipc cancel run-3
    """
    return Ask(Cancel(id=what), options(json=json, timeout=timeout))


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
