"""The commands about questions, from words to requests: ask, reply, inbox."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.messages import Ttl
from tsipc_client.cli.orders import Ask, Do, Options
from tsipc_client.wire.messages import Inbox, MessageType, Milestone, Reply, Send


def ask(
    target: Annotated[str, typer.Argument(metavar="TO", help="The session to ask: a name, or an alias.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The text; - reads it from stdin.")],
    *,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FROM",
            help="Who asks, as for send (default: the session you are in, else ask).",
            show_default=False,
        ),
    ] = "",
    ttl: Ttl = "",
    key: Key = "",
    json: AsJson = False,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="How long to wait for the answer (default: as long as it takes); then the status is 124.",
            show_default=False,
        ),
    ] = "",
) -> Do:
    """Ask a session, and print the answer.

    Whoever is attached there sees the question, and it stays in the session's inbox until somebody there
    replies. When the time of --timeout is over it stays there, too; --ttl says how long.

    Examples:
      ts-ipc ask claude-manager 'May I restart the database?'
      branch=$(ts-ipc ask claude-planka 'Which branch?' --timeout 5m)
    """
    request = Send(
        source=source or ("." if os.environ.get("TMUX_PANE") else "ask"),
        target=target,
        message=arguments.message_body(question, MessageType.NOTIFICATION),
        type=MessageType.NOTIFICATION,
        ttl_s=arguments.duration_s(ttl, "--ttl") if ttl else None,
        key=key,
        ask=True,
    )
    return Do(partial(_asked, request), options(json=json, timeout=timeout, patient=True))


def reply(
    message: Annotated[
        str,
        typer.Argument(metavar="ID", help="A question's id: msg-12, or 12; - is the last one asked here."),
    ],
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="The text; - reads it from stdin.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Answer a question that a session was asked.

    The first answer counts. The same again is no error, another one comes too late and is refused.

    Examples:
      ts-ipc reply msg-12 yes
      ts-ipc reply - 'the branch is main'
      git diff | ts-ipc reply msg-12 -
    """
    text = arguments.message_body(answer, MessageType.NOTIFICATION)
    return Ask(Reply(id=message, answer=text), options(json=json, timeout=timeout))


def inbox(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="Whose (default: the session you are in).")
    ] = ".",
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Show what a session was asked and has not answered.

    Examples:
      ts-ipc inbox
      ts-ipc inbox claude-manager --json
    """
    return Ask(Inbox(session=session), options(json=json, timeout=timeout))


def _asked(request: Send, options: Options) -> int:
    from tsipc_client.cli import waiting  # noqa: PLC0415 (threads are not for every command)

    return waiting.send(request, options, until=Milestone.ANSWERED)
