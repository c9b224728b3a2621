"""The commands about workflows, from words to requests: workflow, validate, run, pipeline."""

from __future__ import annotations

from typing import Annotated

import typer

from tsipc_client.cli import arguments
from tsipc_client.cli.flags import AsJson, Key, Timeout, options
from tsipc_client.cli.orders import Ask
from tsipc_client.wire.messages import Given, Pipeline, Run, Validate, Workflow

WorkflowName = Annotated[str, typer.Argument(metavar="NAME", help="The workflow's name.")]


def workflow(
    name: WorkflowName,
    steps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STEP...", help="SESSION:COMMAND, one word each, in order; split at the first colon."
        ),
    ] = None,
    *,
    file: Annotated[
        str,
        typer.Option("-f", "--file", metavar="FILE", help="Read it from a YAML or JSON file; - is stdin."),
    ] = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    r"""Create a workflow, or replace the one of that name.

    Of plain steps, or of a file in the language of workflows (docs/workflows.md), which is checked first: a
    mistake is shown with its line and column, and nothing is changed. Prints the path of the workflow's own
    file. Short: ts-ipc wf.

    Examples:
      ts-ipc workflow deploy-full \
        'claude-blacklist:npm run build' \
        'claude-blacklist:npm test' \
        'claude-manager:docker-compose up -d' \
        'claude-planka:echo "UI updated"'
      ts-ipc workflow cicd -f cicd.yml
      ts-ipc run deploy-full
    """
    if file:
        if steps:
            raise arguments.bad_input("give either steps or -f FILE")
        text = arguments.file_text(file)
        request = Workflow(name=name, text=text, file=arguments.file_name(file))
    else:
        request = Workflow(name=name, steps=arguments.steps(steps or ()))
    return Ask(request, options(json=json, timeout=timeout))


def validate(
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|NAME", help="A YAML or JSON file, - for stdin, or a workflow's name."),
    ],
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Look for mistakes in a workflow, and run nothing.

    Prints each as FILE:LINE:COLUMN: what is wrong. What to do. Exits with 0 if there is no error,
    else with 2.

    Examples:
      ts-ipc validate cicd.yml
      ts-ipc validate --strict deploy-full
    """
    if arguments.is_file(what):
        text = arguments.file_text(what)
        request = Validate(text=text, file=arguments.file_name(what), strict=strict)
    else:
        request = Validate(name=what, strict=strict)
    return Ask(request, options(json=json, timeout=timeout))


def run(
    name: WorkflowName,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it, print its id (run-3), do not wait for its end.")
    ] = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME=VALUE", help="An input of it.", show_default=False),
    ] = None,
    begin_with: Annotated[
        str,
        typer.Option(
            "--from", metavar="STEP", help="Begin with this step; leave out those before.", show_default=False
        ),
    ] = "",
    key: Key = "",
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Execute a workflow.

    Its steps run in order, each in its session, until one fails; a richer definition says more. This command
    stays until the run ends and shows how it goes: live on a terminal, a line per start and end of a step in
    a pipe. Exits with 0 if every step did, 1 if one failed, 3 if the run was cancelled, 4 if its time was
    over, 5 if it was cut off, 11 if somebody rejected it.

    Ctrl-C only stops the watching: the run goes on; stop it with: ts-ipc cancel run-3
    There is no time limit unless --timeout sets one; it limits the watching, not the run.

    Examples:
      ts-ipc run deploy-full
      ts-ipc run deploy-full --detach
      ts-ipc run cicd --input env=prod --from deploy
      ts-ipc run cicd-pipeline --json
    """
    inputs = tuple(Given(name=name, value=value) for name, value in arguments.pairs(given or (), "--input"))
    request = Run(name=name, follow=not detach, key=key, inputs=inputs, begin_with=begin_with)
    return Ask(request, options(json=json, timeout=timeout, patient=not detach))


def pipeline(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The session that builds.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The session that deploys.")],
    *,
    json: AsJson = False,
    timeout: Timeout = "",
) -> Ask:
    """Set up a deployment pipeline between two sessions.

    Subscribes TARGET to the deployments of SOURCE, and creates the workflow deploy-SOURCE-to-TARGET (without
    claude- in the names) with four steps: build and test in SOURCE, pull and deploy in TARGET.

    Example:
      ts-ipc pipeline claude-blacklist claude-safework
      ts-ipc run deploy-blacklist-to-safework
    """
    return Ask(Pipeline(source=source, target=target), options(json=json, timeout=timeout))
