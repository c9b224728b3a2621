"""The commands about what sessions are called and belong to: label, labels, search, alias."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import screen
from tsipc_client.cli.arguments import bad_input
from tsipc_client.cli.flags import AsJson, options
from tsipc_client.cli.orders import Do, Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.neighbours import Neighbours
from tsipc_client.render.json_text import encode
from tsipc_client.render.style import Tone, line
from tsipc_client.wire.text import visible

Labels = dict[str, tuple[str, ...]]


def label(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session, or its alias.")],
    names: Annotated[
        str | None, typer.Argument(metavar="LABELS", help="Its labels from now on: a,b; '' for none.")
    ] = None,
    *,
    add: Annotated[bool, typer.Option("--add", help="These as well.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="These no longer.")] = False,
    json: AsJson = False,
) -> Do:
    """Label a session.

    Without LABELS it shows those that it has. The neighbouring tools see them, too.

    Examples:
      ts-ipc label claude-blacklist backend,production
      ts-ipc label claude-blacklist --add eu
    """
    if add and remove:
        raise bad_input("--add and --remove are two things", hint="give one of them")
    wanted = None if names is None else tuple(part.strip() for part in names.split(",") if part.strip())
    if wanted is None and (add or remove):
        raise bad_input("which labels?", hint="ts-ipc label SESSION a,b --add")
    return Do(partial(_label, session, wanted, add=add, remove=remove), options(json=json, timeout=""))


def labels(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Only of this one.")] = "",
    *,
    json: AsJson = False,
) -> Do:
    """Show the labels of all sessions.

    Example:
      ts-ipc labels
    """
    return Do(partial(_labels, session), options(json=json, timeout=""))


def search(
    name: Annotated[str, typer.Argument(metavar="LABEL", help="The label; case does not matter.")],
    *,
    json: AsJson = False,
) -> Do:
    """Find the sessions with a label.

    The second word of each line is the session; in a pipe the heading goes to stderr.

    Examples:
      ts-ipc search production
      ts-ipc search production | awk '{print $2}'
    """
    return Do(partial(_search, name), options(json=json, timeout=""))


def alias(
    short: Annotated[str, typer.Argument(metavar="SHORT", help="The short name.")] = "",
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The full name it stands for.")] = "",
    *,
    remove: Annotated[bool, typer.Option("--remove", help="It stands for nothing any more.")] = False,
    json: AsJson = False,
) -> Do:
    """Give a session a short name, or show them all.

    Examples:
      ts-ipc alias bl claude-blacklist
      ts-ipc alias bl --remove
      ts-ipc alias
    """
    if remove and (session or not short):
        raise bad_input("which alias?", hint="ts-ipc alias SHORT --remove")
    if short and not session and not remove:
        raise bad_input(f"what should {short!r} stand for?", hint=f"ts-ipc alias {short} SESSION")
    return Do(partial(_alias, short, session), options(json=json, timeout=""))


def _label(session: str, names: tuple[str, ...] | None, options: Options, *, add: bool, remove: bool) -> int:
    neighbours = Neighbours()
    full = neighbours.full_name(session)
    if names is None:
        has = neighbours.labels().get(full, ())
    else:
        has = neighbours.set_labels(full, names, add=add, remove=remove)
    if options.json:
        screen.put([encode({"session": full, "labels": list(has)})])
    elif names is None:
        screen.put(visible(name) for name in has)
    return ExitStatus.OK


def _labels(session: str, options: Options) -> int:
    neighbours = Neighbours()
    found = neighbours.labels()
    if session:
        full = neighbours.full_name(session)
        found = {full: found[full]} if full in found else {}
    return _show(found, "Session Labels", options)


def _search(name: str, options: Options) -> int:
    wanted = name.casefold()
    found = {
        session: has
        for session, has in Neighbours().labels().items()
        if wanted in (each.casefold() for each in has)
    }
    return _show(found, f"Sessions labelled {visible(name)}", options)


def _show(found: Labels, title: str, options: Options) -> int:
    if options.json:
        rows = [{"session": session, "labels": list(has)} for session, has in found.items()]
        screen.put([encode({"sessions": rows})])
        return ExitStatus.OK
    style = screen.style_of(sys.stdout)
    # A script takes the second word of every line: the heading has some, too.
    heading = screen.put if style.terminal else screen.tell
    heading([line(style.uncut if style.terminal else style, (title, Tone.BOLD))])
    if not found:
        screen.tell(["  (no sessions)"])
    screen.put(
        line(style, "  ", ("●", Tone.GREEN), f" {session}  ", (", ".join(has), Tone.DIM))
        for session, has in found.items()
    )
    return ExitStatus.OK


def _alias(short: str, session: str, options: Options) -> int:
    neighbours = Neighbours()
    if short:
        neighbours.set_alias(short, session)
        rows = {short: session} if session else {}
    else:
        rows = neighbours.aliases()
    if options.json:
        screen.put([encode({"aliases": [{"alias": one, "session": full} for one, full in rows.items()]})])
    elif not short:
        style = screen.style_of(sys.stdout)
        screen.put(line(style, (one, Tone.BOLD), f" → {full}") for one, full in rows.items())
    return ExitStatus.OK
