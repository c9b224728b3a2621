"""The commands about events, from words to requests."""

from __future__ import annotations

from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.orders import Ask
from tsipc_client.wire.messages import Action, Events, Publish, Subscribe, Subscriptions, Unsubscribe

MOST_LINES = 100_000

SessionName = Annotated[str, typer.Argument(metavar="SESSION", help="The session's name.")]
EventName = Annotated[
    str, typer.Argument(metavar="EVENT", help="The event's name: deployment, error, health_check, ...")
]


def subscribe(
    session: SessionName,
    event: EventName,
    action: Annotated[
        Action,
        typer.Argument(
            metavar="ACTION",
            help="notify: show it. command: run its data as a command. data: keep it in SESSION.data.",
        ),
    ] = Action.NOTIFY,
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Let a session receive an event.

    Subscribing again changes the action. Short: ts-ipc sub.

    Examples:
      ts-ipc subscribe claude-manager deployment notify
      ts-ipc subscribe claude-safework deployment command
    """
    return Ask(Subscribe(session=session, event=event, action=action), options(json=json, timeout=timeout))


def unsubscribe(
    session: SessionName,
    event: EventName,
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """End a subscription.

    Not being subscribed is no error. Short: ts-ipc unsub.

    Example:
      ts-ipc unsubscribe claude-manager deployment
    """
    return Ask(Unsubscribe(session=session, event=event), options(json=json, timeout=timeout))


def publish(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SESSION", help="Who publishes: a session's name, or any label.")
    ],
    event: EventName,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="What the subscribers get; - reads it from stdin.", show_default=False
        ),
    ] = "",
    *,
    key: Key = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Publish an event to all its subscribers.

    Prints the id of the message to each subscriber, one a line; follow one with: ts-ipc show ID
    An event that answers itself is refused for a minute (exit status 7). Short: ts-ipc pub.

    Examples:
      ts-ipc publish claude-blacklist deployment 'v1.2.3 deployed to production'
      ts-ipc publish monitoring health_check 'curl localhost:3000/health'
      ts-ipc publish -- monitoring error '-1'
    """
    arguments.not_an_option(ctx.obj, [source, event, data])
    request = Publish(source=source, event=event, data=arguments.event_data(data), key=key)
    return Ask(request, options(json=json, timeout=timeout))


def subscriptions(*, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """Show who is subscribed to what.

    Short: ts-ipc subs.

    Example:
      ts-ipc subscriptions
    """
    return Ask(Subscriptions(), options(json=json, timeout=timeout))


def events(
    lines: Annotated[int, typer.Argument(metavar="LINES", min=1, max=MOST_LINES, help="How many.")] = 20,
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Show the last lines of the event log, oldest first.

    A line is: TIMESTAMP ACTION SOURCE → TARGET [TYPE] ID. Message texts are not in it. Short: ts-ipc log.

    Examples:
      ts-ipc events
      ts-ipc events 50 | grep DELIVER
    """
    return Ask(Events(lines=lines), options(json=json, timeout=timeout))
