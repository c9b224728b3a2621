"""What is around the steps: triggers, inputs and the concurrency group."""

from __future__ import annotations

from typing import Final

from tsipcd.workflows.definition import (
    Concurrency,
    EventTrigger,
    Input,
    InputType,
    Policy,
    Scalar,
    ScheduleTrigger,
    Trigger,
)
from tsipcd.workflows.language.conditions import condition
from tsipcd.workflows.language.document import Fields, Items, Node, Word
from tsipcd.workflows.language.fields import Reading

MAX_LIMIT: Final = 10_000

_ON_HINTS: Final = {
    "workflow_dispatch": "any workflow can be run by hand; `inputs:` stands at the top level",
    "workflow_call": "any workflow can be a step of another; `inputs:` stands at the top level",
    **dict.fromkeys(
        ("push", "pull_request", "release"),
        "here events are what `ts-ipc publish` sends: `on: {event: NAME}`",
    ),
}
_GITHUBS: Final = {"cancel-in-progress": "write policy: cancel-in-progress"}


def read_triggers(reading: Reading, node: Node) -> tuple[Trigger, ...]:
    """An event's name, a list of such, or `event:` and `schedule:`."""
    if not isinstance(node, Fields):
        return tuple(_events(reading, node))
    found: list[Trigger] = []
    fields = reading.fields(node, "on", ("event", "schedule"), hints=_ON_HINTS)
    if (events := fields.get("event")) is not None:
        found += _events(reading, events)
    if (times := fields.get("schedule")) is not None:
        found += [_schedule(reading, item) for item in (times.items if isinstance(times, Items) else [times])]
    return tuple(found)


def _events(reading: Reading, node: Node) -> list[EventTrigger]:
    if isinstance(node, Items):
        return [_event(reading, item) for item in node.items]
    return [_event(reading, node)]


def _event(reading: Reading, node: Node) -> EventTrigger:
    if isinstance(node, Word):
        return EventTrigger(event=reading.name(node, "an event"))
    fields = reading.fields(node, "an event", ("type", "from", "if"))
    if isinstance(node, Fields) and "type" not in fields:
        reading.findings.shape(node.at, "type is missing in this event", "type: is the event's name")
    return EventTrigger(
        event=reading.name(fields["type"], "type") if "type" in fields else "",
        source=reading.name(fields["from"], "from") if "from" in fields else "",
        if_=condition(reading, fields["if"]) if "if" in fields else "",
    )


def _schedule(reading: Reading, node: Node) -> ScheduleTrigger:
    if isinstance(node, Word):
        trigger = ScheduleTrigger(cron=reading.text(node, "a schedule"))
        _check(reading, trigger, node, node)
        return trigger
    fields = reading.fields(node, "a schedule", ("cron", "timezone", "catchup"))
    if isinstance(node, Fields) and "cron" not in fields:
        reading.findings.shape(node.at, "cron is missing in this schedule", 'such as cron: "0 3 * * *"')
    trigger = ScheduleTrigger(
        cron=reading.text(fields["cron"], "cron") if "cron" in fields else "",
        timezone=reading.text(fields["timezone"], "timezone") if "timezone" in fields else "UTC",
        catchup_s=reading.duration(fields["catchup"], "catchup") if "catchup" in fields else 0.0,
    )
    _check(reading, trigger, fields.get("cron", node), fields.get("timezone", node))
    return trigger


def _check(reading: Reading, trigger: ScheduleTrigger, cron: Node, zone: Node) -> None:
    """Whether it ever comes; what is wrong with its form was said already."""
    from tsipcd.workflows.schedule import Schedule, ScheduleError  # noqa: PLC0415 - few need it

    where = cron
    try:
        if trigger.cron:
            Schedule(trigger.cron)
            where = zone
            Schedule(trigger.cron, trigger.timezone)
    except ScheduleError as error:
        reading.findings.error(where.at, error.message, error.hint)


def read_inputs(reading: Reading, node: Node) -> tuple[tuple[str, Input], ...]:
    """Each input by its name; one that says nothing takes text."""
    found = []
    for key, at, value in reading.pairs(node, "inputs"):
        reading.key(at, key, "an input")
        nothing = isinstance(value, Word) and value.value is None
        found.append((key, Input() if nothing else _input(reading, key, value)))
    return tuple(found)


def _input(reading: Reading, name: str, node: Node) -> Input:
    findings = reading.findings
    if isinstance(node, Word):
        findings.shape(
            node.at, f"the input {name} must be a mapping", f"write {name}: {{default: {node.text}}}"
        )
        return Input()
    fields = reading.fields(node, "an input", ("type", "description", "required", "default", "options"))
    kind = reading.choice(fields["type"], "type", InputType) if "type" in fields else InputType.STRING
    options = (
        tuple(text for text, _ in reading.names(fields["options"], "options")) if "options" in fields else ()
    )
    if kind is InputType.CHOICE and not options:
        findings.shape(node.at, f"the input {name} has no options to choose from", "add options: [one, two]")
    elif kind is not InputType.CHOICE and "options" in fields:
        findings.shape(fields["options"].at, f"options are for type: choice, and {name} is a {kind}")
    default = _default(reading, fields["default"], kind, options) if "default" in fields else None
    required = reading.flag(fields["required"], "required") if "required" in fields else False
    if required and default is not None:
        findings.warning(
            fields["required"].at, f"the input {name} is required and has a default", "leave one out"
        )
    return Input(
        type=kind,
        description=reading.text(fields["description"], "description", may_be_empty=True)
        if "description" in fields
        else "",
        required=required,
        default=default,
        options=options,
    )


def _default(reading: Reading, node: Node, kind: InputType, options: tuple[str, ...]) -> Scalar:
    if isinstance(node, Word) and node.value is None:
        return None
    match kind:
        case InputType.BOOLEAN:
            return reading.flag(node, "default")
        case InputType.NUMBER:
            return reading.number(node, "default", float("-inf"))
        case InputType.STRING | InputType.CHOICE:
            text = reading.text(node, "default", may_be_empty=True)
            if kind is InputType.CHOICE and options and text not in options:
                reading.findings.error(
                    node.at, f"the default {text} is no option", f"it is one of {', '.join(options)}"
                )
            return text


def read_concurrency(reading: Reading, node: Node) -> Concurrency:
    """A group's name, or the group with its limit and policy."""
    if isinstance(node, Word):
        return Concurrency(group=reading.text(node, "concurrency"))
    fields = reading.fields(node, "concurrency", ("group", "limit", "policy"), hints=_GITHUBS)
    if isinstance(node, Fields) and "group" not in fields:
        reading.findings.shape(
            node.at, "group is missing in concurrency", "runs of one group share its limit"
        )
    return Concurrency(
        group=reading.text(fields["group"], "group") if "group" in fields else "",
        limit=reading.whole(fields["limit"], "limit", 1, MAX_LIMIT) if "limit" in fields else 1,
        policy=reading.choice(fields["policy"], "policy", Policy) if "policy" in fields else Policy.QUEUE,
    )
