"""A workflow as the JSON that its file holds: readable by version 1, and by `loading` as the same workflow.

Version 1 reads `session` and `command` of each step, in an order that is right for it, and nothing else. What
a key would say by its default is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tsipcd.workflows.definition import (
    HANDLER_TIMEOUT_S,
    Concurrency,
    EventTrigger,
    Input,
    Kind,
    Matrix,
    OnStop,
    Order,
    Retry,
    Scalar,
    Step,
    Trigger,
    Workflow,
)
from tsipcd.workflows.language.loading import VERSION
from tsipcd.workflows.templates import OPEN

Document = dict[str, object]

_USUAL: Final = Step(id="", session="")
_UNITS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"))


def is_version_1(workflow: Workflow) -> bool:
    """It is a chain of literal commands, and nothing that version 1 does not say."""
    return all(step.literal for step in workflow.steps)


def canonical(workflow: Workflow, created: str, description: str = "") -> Document:
    """What to write as JSON."""
    if is_version_1(workflow):
        steps = [{"session": step.session, "command": step.command} for step in workflow.steps]
        return {"name": workflow.name, "created": created, "steps": steps}
    handlers = {
        "on-success": workflow.on_success,
        "on-failure": workflow.on_failure,
        "on-cancel": workflow.on_cancel,
        "finally": workflow.finally_,
    }
    return _filled(
        {
            "name": workflow.name,
            "created": created,
            "version": VERSION,
            "description": description,
            "on": _triggers(workflow.on),
            "inputs": {name: _input(each) for name, each in workflow.inputs},
            "env": dict(workflow.env),
            "concurrency": _concurrency(workflow.concurrency),
            "timeout": _duration(workflow.timeout_s),
        }
    ) | {
        "steps": [_step(step, is_first=not index) for index, step in enumerate(workflow.steps)],
        **{key: [_handler(step) for step in steps] for key, steps in handlers.items() if steps},
    }


def _step(step: Step, *, is_first: bool) -> Document:
    what = {Kind.APPROVAL: "approve", Kind.WORKFLOW: "workflow"}.get(step.kind, "")
    listed = step.order is Order.LISTED
    found: Document = {
        "id": step.id,
        "session": step.session,
        "command": step.command if step.kind is Kind.COMMAND else "",
        "needs": list(step.needs),
    }
    if not step.session:
        del found["session"]
    if is_first and listed and not step.needs:
        del found["needs"]
    if what:
        found[what] = step.workflow if step.kind is Kind.WORKFLOW else step.command
    return found | _filled(
        {
            "order": "listed" if listed and "needs" in found else "",
            "inputs": dict(step.inputs),
            "matrix": _matrix(step.matrix),
            "retry": _retry(step.retry) if step.kind is not Kind.APPROVAL else {},
            "continue-on-error": step.continue_on_error,
            "on-timeout": _unless(step.on_timeout, _USUAL.on_timeout) if step.kind is Kind.APPROVAL else "",
            "timeout": _duration(step.timeout_s),
            "outputs": None if step.outputs is None else list(step.outputs),
            **(_of_command(step) if step.kind is Kind.COMMAND else {}),
            "name": step.name,
            "if": _condition(step.if_),
        }
    )


def _handler(step: Step) -> Document:
    found: Document = {"id": step.id, "session": step.session, "name": step.name, "if": _condition(step.if_)}
    if step.kind is Kind.NOTIFY:
        return _filled(found) | {"command": "", "notify": step.command}
    own = step.timeout_s if step.timeout_s != HANDLER_TIMEOUT_S else None
    return _filled({**found, "timeout": _duration(own), **_of_command(step)}) | {"command": step.command}


def _of_command(step: Step) -> Document:
    return {
        "env": dict(step.env),
        "on-stop": _on_stop(step.on_stop),
        "on-interrupt": _unless(step.on_interrupt, _USUAL.on_interrupt),
        "deliver": _unless(step.deliver, _USUAL.deliver),
    }


def _triggers(triggers: tuple[Trigger, ...]) -> Document:
    events: list[object] = []
    times: list[object] = []
    for trigger in triggers:
        if isinstance(trigger, EventTrigger):
            one = {"type": trigger.event, "from": trigger.source, "if": _condition(trigger.if_)}
            events.append(_filled(one))
        else:
            zone = _unless(trigger.timezone, "UTC")
            late = _duration(trigger.catchup_s or None)
            times.append(_filled({"cron": trigger.cron, "timezone": zone, "catchup": late}))
    return _filled({"event": events, "schedule": times})


def _input(each: Input) -> Document:
    found: Document = {"type": each.type.value} | _filled(
        {"description": each.description, "required": each.required, "options": list(each.options)}
    )
    return found if each.default is None else {**found, "default": _scalar(each.default)}


def _concurrency(group: Concurrency | None) -> Document:
    return {} if group is None else {"group": group.group, "limit": group.limit, "policy": group.policy.value}


def _matrix(matrix: Matrix | None) -> Document:
    """Every combination by itself: what was multiplied is not told from what was added."""
    if matrix is None:
        return {}
    rows = [{key: _scalar(value) for key, value in one} for one in matrix.combinations]
    limit = {} if matrix.max_parallel is None else {"max-parallel": matrix.max_parallel}
    return {"include": rows, **limit, "fail-fast": matrix.fail_fast}


def _retry(retry: Retry) -> Document:
    if retry == Retry():
        return {}
    return {"attempts": retry.attempts} | _filled(
        {
            "delay": _duration(retry.delay_s or None),
            "backoff": _scalar(retry.backoff) if retry.backoff != 1 else None,
            "max-delay": _duration(retry.max_delay_s),
            "jitter": retry.jitter,
            "on": list(retry.on),
            "deadline": _duration(retry.deadline_s),
        }
    )


def _on_stop(stop: OnStop) -> Document:
    return {} if stop == OnStop() else {"signal": stop.signal, "grace": _duration(stop.grace_s)}


def _condition(source: str) -> str:
    return f"{OPEN} {source} }}}}" if OPEN in source else source


def _scalar(value: Scalar) -> Scalar:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    for unit, letter in _UNITS:
        if seconds and seconds % unit == 0:
            return f"{int(seconds / unit)}{letter}"
    return f"{int(seconds)}s" if seconds.is_integer() else f"{Decimal(repr(seconds)):f}s"


def _unless(value: str, usual: str) -> str:
    return "" if value == usual else str(value)


def _filled(fields: Mapping[str, object]) -> Document:
    """Without what says nothing; `outputs: []` says that there are none."""
    return {
        key: value
        for key, value in fields.items()
        if (key == "outputs" and value is not None) or value not in ("", {}, [], None, False)
    }
