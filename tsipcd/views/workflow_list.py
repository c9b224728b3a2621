"""What people are told of the workflows that there are, and the removal of one. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tsipc_client.wire.errors import WireError
from tsipc_client.wire.messages import (
    Graph,
    GraphView,
    NodeView,
    Removed,
    Rm,
    Validate,
    Validated,
    WorkflowList,
    Workflows,
    WorkflowView,
)
from tsipcd.views.workflows import WorkflowStore
from tsipcd.workflows.definition import EventTrigger, Kind, Step, Trigger, Workflow

MAX_LISTED = 1000
"""More would not fit into an answer."""

_SHOWN_CHARACTERS = 100

About = Validate | Workflows | Rm | Graph
Told = Validated | WorkflowList | Removed | GraphView


def answer(store: WorkflowStore, request: About) -> Told:
    """What `request` asks. For a thread. Raises `WireError` and `OSError`."""
    match request:
        case Validate():
            return store.check(request)
        case Workflows():
            return WorkflowList(workflows=tuple(_view(store, name) for name in store.names()[:MAX_LISTED]))
        case Rm():
            return Removed(name=request.name, path=store.remove(request.name))
        case Graph():
            found = store.compiled(request.text, request.name, request.file) if request.text else None
            return _graph(found or store.read(request.name).workflow)


def _view(store: WorkflowStore, name: str) -> WorkflowView:
    path = store.path(name)
    try:
        found = store.read(name).workflow
    except WireError as error:
        return WorkflowView(name=name, path=path, steps=0, sessions=(), problem=error.message)
    return WorkflowView(
        name=name,
        path=path,
        steps=len(found.steps),
        sessions=tuple(dict.fromkeys(step.session for step in found.steps if step.session)),
        starts=tuple(map(_start, found.on)),
    )


def _start(trigger: Trigger) -> str:
    if isinstance(trigger, EventTrigger):
        return f"{trigger.event} from {trigger.source}" if trigger.source else trigger.event
    return trigger.cron if trigger.timezone == "UTC" else f"{trigger.cron} {trigger.timezone}"


def _graph(workflow: Workflow) -> GraphView:
    return GraphView(name=workflow.name, nodes=tuple(_nodes(workflow)))


def _nodes(workflow: Workflow) -> Iterator[NodeView]:
    phases = {
        "steps": workflow.steps,
        "on-success": workflow.on_success,
        "on-failure": workflow.on_failure,
        "on-cancel": workflow.on_cancel,
        "finally": workflow.finally_,
    }
    return (_node(step, phase) for phase, steps in phases.items() for step in steps)


def _node(step: Step, phase: str) -> NodeView:
    text = step.workflow if step.kind is Kind.WORKFLOW else step.command
    return NodeView(
        id=step.id,
        session=step.session,
        command=text[:_SHOWN_CHARACTERS],
        kind=step.kind.value,
        needs=step.needs,
        condition=step.if_,
        phase=phase,
        combinations=1 if step.matrix is None else len(step.matrix.combinations),
    )
