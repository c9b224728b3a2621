"""The commands about the workflows that there are, and their language: workflows, graph, rm, schema."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Timeout, options
from tsipc_client.cli.orders import Ask, Do, Options
from tsipc_client.render.graphs import Format
from tsipc_client.wire.messages import Graph, GraphView, Rm, Workflows


def workflows(*, json: AsJson = False, timeout: Timeout = "") -> Ask:
    """List the workflows that there are.

    Of each: how many steps it has, what starts it by itself, and in which sessions it runs; of one that
    cannot be run, why.

    Example:
      ts-ipc workflows
    """
    return Ask(Workflows(), options(json=json, timeout=timeout))


def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The workflow's name.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Remove a workflow.

    Prints the path of the file that is gone. Runs that are under way go on with what they began with.

    Example:
      ts-ipc rm deploy-full
    """
    return Ask(Rm(name=name), options(json=json, timeout=timeout))


def graph(
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|NAME", help="A YAML or JSON file, - for stdin, or a workflow's name."),
    ],
    *,
    format: Annotated[  # noqa: A002 (the option's name)
        Format, typer.Option("--format", help="For a terminal, for a page, for graphviz, for programs.")
    ] = Format.TREE,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask | Do:
    """Draw a workflow: what waits for what.

    As a tree, each step stands below the last of those that it waits for.

    Examples:
      ts-ipc graph deploy-full
      ts-ipc graph cicd.yml --format mermaid
      ts-ipc graph cicd.yml --format dot | dot -Tsvg > cicd.svg
    """
    if arguments.is_file(what):
        request = Graph(text=arguments.file_text(what), file=arguments.file_name(what))
    else:
        request = Graph(name=what)
    how = options(json=json or format is Format.JSON, timeout=timeout)
    if how.json or format is Format.TREE:
        return Ask(request, how)
    return Do(partial(_draw, request, format), how)


def schema(*, json: AsJson = False, timeout: Timeout = "") -> Do:
    """Print the JSON Schema of the language of workflows.

    With it an editor completes keys and marks mistakes while you write.

    Example:
      ts-ipc schema > workflow.schema.json
    """
    return Do(_print_schema, options(json=json, timeout=timeout))


def _print_schema(_: Options) -> int:
    from importlib.resources import files  # noqa: PLC0415 (only for this command)

    from tsipc_client.cli import screen  # noqa: PLC0415 (the same)

    screen.put((files("tsipc_client") / "workflow.schema.json").read_text(encoding="utf-8").splitlines())
    return 0


def _draw(request: Graph, form: Format, how: Options) -> int:
    from tsipc_client.cli import screen  # noqa: PLC0415 (only when something is drawn)
    from tsipc_client.cli.deliver import connect  # noqa: PLC0415 (the same)
    from tsipc_client.render import graphs  # noqa: PLC0415 (the same)

    with connect(how) as daemon:
        found = daemon.call(request)
    if not isinstance(found, GraphView):
        raise TypeError(f"{found} is no answer to this")
    screen.put(graphs.mermaid(found) if form is Format.MERMAID else graphs.dot(found))
    return 0
