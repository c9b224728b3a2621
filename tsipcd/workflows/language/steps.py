"""One step of the list, read from its node. What it needs, and when it runs, is worked out in `graph`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tsipcd.workflows.definition import (
    HANDLER_TIMEOUT_S,
    Deliver,
    Kind,
    OnInterrupt,
    OnStop,
    OnTimeout,
    Order,
    Retry,
    Step,
)
from tsipcd.workflows.language.conditions import condition
from tsipcd.workflows.language.document import Fields, Node, Word
from tsipcd.workflows.language.faults import nearest
from tsipcd.workflows.language.fields import Reading
from tsipcd.workflows.language.matrices import read_matrix

MAX_ATTEMPTS: Final = 1000
MAX_EXIT_STATUS: Final = 255

PARALLEL: Final = ("parallel", "needs", "session")

_EVERY: Final = (
    "id",
    "name",
    "session",
    "needs",
    "order",
    "if",
    "timeout",
    "timeout-minutes",
    "continue-on-error",
)
_COMMANDS: Final = ("env", "on-stop", "on-interrupt", "deliver")
KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.COMMAND: (*_EVERY, "run", "command", *_COMMANDS, "outputs", "matrix", "retry"),
    Kind.APPROVAL: (*_EVERY, "approve", "command", "on-timeout"),
    Kind.WORKFLOW: (*_EVERY, "workflow", "command", "inputs", "matrix", "retry"),
}
HANDLER_KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.COMMAND: ("id", "name", "session", "run", "command", "if", "timeout", "timeout-minutes", *_COMMANDS),
    Kind.NOTIFY: ("id", "name", "session", "notify", "command", "if"),
}
ALIASES: Final = {"depends": "needs", "retry_policy": "retry", "timeout_sec": "timeout"}
HINTS: Final = {
    "uses": "there are no actions here: write its commands in `run:`, or `workflow:` to run another workflow",
    "with": "`inputs:` is what a step gives to its `workflow:`; a command gets variables from `env:`",
    "runs-on": "`session:` says where a step runs",
    "shell": "a step runs in the shell of its session",
    "working-directory": "a step runs where its session's shell is: `cd` stays in effect for the next step",
    "strategy": "`matrix:` stands in the step, and max-parallel and fail-fast in the matrix",
    "steps": "a step has no steps; `parallel:` is a list of some that run at once",
    "secrets": "keep them in the environment of the session's shell, where a command reads $NAME",
    "script": "write run",
}


_NO_RETRY: Final = Retry()
_USUAL_STOP: Final = OnStop()


class _Signal(StrEnum):
    """What a command can be sent first."""

    INT = "SIGINT"
    TERM = "SIGTERM"
    HUP = "SIGHUP"
    QUIT = "SIGQUIT"
    USR1 = "SIGUSR1"
    USR2 = "SIGUSR2"
    KILL = "SIGKILL"


class Result(StrEnum):
    """How an attempt can end that may be tried again; beside it stand exit statuses."""

    FAILURE = "failure"
    TIMEOUT = "timeout"
    TIMED_OUT = "timed-out"
    """The same, in the word of a run's answer."""
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a step has that does not say it itself."""

    session: str = ""
    timeout_s: float | None = None
    retry: Retry = _NO_RETRY
    continue_on_error: bool = False
    on_stop: OnStop = _USUAL_STOP
    on_interrupt: OnInterrupt = OnInterrupt.FAIL
    deliver: Deliver = Deliver.WHEN_IDLE


@dataclass(slots=True)
class Draft:
    """A step as it was read. `places` are offsets of what may turn out to be wrong later, by key."""

    at: int
    step: Step
    needs: list[tuple[str, int]] | None
    nodes: Mapping[str, Node]
    before: tuple[str, ...] = field(default=())
    """Ids of what stands before it in the list, once they are known."""


def read_defaults(reading: Reading, node: Node) -> Defaults:
    """`defaults:` of a workflow."""
    keys = (
        "session",
        "timeout",
        "timeout-minutes",
        "retry",
        "continue-on-error",
        "on-stop",
        "on-interrupt",
        "deliver",
    )
    fields = reading.fields(
        node, "defaults", keys, hints={"run": "a step runs in the shell of its session, where that is",
                                       "env": "`env:` stands at the top level"}
    )  # fmt: skip
    return Defaults(
        session=reading.name(fields["session"], "session") if "session" in fields else "",
        timeout_s=timeout(reading, fields),
        retry=_retry(reading, fields["retry"]) if "retry" in fields else Retry(),
        continue_on_error=_flag(reading, fields, "continue-on-error", otherwise=False),
        on_stop=_on_stop(reading, fields["on-stop"]) if "on-stop" in fields else OnStop(),
        on_interrupt=reading.choice(fields["on-interrupt"], "on-interrupt", OnInterrupt)
        if "on-interrupt" in fields
        else OnInterrupt.FAIL,
        deliver=reading.choice(fields["deliver"], "deliver", Deliver)
        if "deliver" in fields
        else Deliver.WHEN_IDLE,
    )


def read_step(reading: Reading, node: Node, number: int, defaults: Defaults) -> Draft:
    """The step that stands at place `number` of the whole list, counted from 1."""
    given = node.fields if isinstance(node, Fields) else {}
    kind = Kind.APPROVAL if "approve" in given else Kind.WORKFLOW if "workflow" in given else Kind.COMMAND
    what = {Kind.APPROVAL: "an approval", Kind.WORKFLOW: "a step with `workflow:`"}.get(kind, "a step")
    fields = reading.fields(node, what, KEYS[kind], aliases=ALIASES, hints=HINTS)
    written = given.keys() & ALIASES.keys()
    command, workflow = _what(reading, node, fields, kind), ""
    if kind is Kind.WORKFLOW:
        workflow, command = reading.name(fields["workflow"], "workflow"), ""
    get = fields.get
    usual = defaults if kind is Kind.COMMAND else Defaults()
    step = Step(
        id=_id(reading, fields, f"step-{number}"),
        name=_text(reading, fields, "name"),
        session=_session(reading, node, fields, kind, defaults),
        kind=kind,
        command=command,
        order=_order(reading, fields),
        if_=condition(reading, fields["if"]) if "if" in fields else "",
        env=reading.env(fields["env"], "env") if "env" in fields else (),
        outputs=_outputs(reading, fields["outputs"]) if "outputs" in fields else None,
        matrix=read_matrix(reading, fields["matrix"]) if "matrix" in fields else None,
        timeout_s=_timeout(reading, fields, written, defaults, kind),
        retry=_retries(reading, get("retry"), written, defaults, kind),
        continue_on_error=_flag(
            reading,
            fields,
            "continue-on-error",
            otherwise=defaults.continue_on_error and kind is not Kind.APPROVAL,
        ),
        on_stop=_on_stop(reading, fields["on-stop"]) if "on-stop" in fields else usual.on_stop,
        on_interrupt=reading.choice(fields["on-interrupt"], "on-interrupt", OnInterrupt)
        if "on-interrupt" in fields
        else usual.on_interrupt,
        on_timeout=reading.choice(fields["on-timeout"], "on-timeout", OnTimeout)
        if "on-timeout" in fields
        else OnTimeout.REJECT,
        deliver=reading.choice(fields["deliver"], "deliver", Deliver)
        if "deliver" in fields
        else usual.deliver,
        workflow=workflow,
        inputs=_given(reading, fields["inputs"]) if "inputs" in fields else (),
    )
    return Draft(
        node.at, step, reading.names(fields["needs"], "needs") if "needs" in fields else None, fields
    )


def read_handlers(reading: Reading, node: Node, key: str, defaults: Defaults) -> list[Draft]:
    """The steps of `on-failure:` and its like, one after the other."""
    return [
        _handler(reading, item, key, index, defaults)
        for index, item in enumerate(reading.items(node, key), 1)
    ]


def timeout(reading: Reading, fields: Mapping[str, Node]) -> float | None:
    """Seconds of `timeout` or `timeout-minutes`; None: neither is there."""
    if "timeout-minutes" in fields:
        node = fields["timeout-minutes"]
        if "timeout" in fields:
            reading.findings.shape(node.at, "timeout-minutes and timeout mean the same", "leave one out")
        return 60 * reading.number(node, "timeout-minutes", 0.001, 500_000)
    return reading.duration(fields["timeout"], "timeout", least_s=0.001) if "timeout" in fields else None


def _handler(reading: Reading, node: Node, key: str, index: int, defaults: Defaults) -> Draft:
    given = node.fields if isinstance(node, Fields) else {}
    kind = Kind.NOTIFY if "notify" in given else Kind.COMMAND
    fields = reading.fields(
        node, f"a step of {key}", HANDLER_KEYS[kind], aliases={"timeout_sec": "timeout"}, hints=HINTS
    )
    own = _timeout(
        reading, fields, given.keys() & ALIASES.keys(), Defaults(timeout_s=HANDLER_TIMEOUT_S), Kind.COMMAND
    )
    usual = defaults if kind is Kind.COMMAND else Defaults()
    step = Step(
        id=_id(reading, fields, f"{key}-{index}"),
        name=_text(reading, fields, "name"),
        session=_session(reading, node, fields, kind, defaults),
        kind=kind,
        command=_what(reading, node, fields, kind),
        if_=condition(reading, fields["if"]) if "if" in fields else "",
        env=reading.env(fields["env"], "env") if "env" in fields else (),
        timeout_s=own if kind is Kind.COMMAND else None,
        on_stop=_on_stop(reading, fields["on-stop"]) if "on-stop" in fields else usual.on_stop,
        on_interrupt=reading.choice(fields["on-interrupt"], "on-interrupt", OnInterrupt)
        if "on-interrupt" in fields
        else OnInterrupt.FAIL,
        deliver=reading.choice(fields["deliver"], "deliver", Deliver)
        if "deliver" in fields
        else usual.deliver,
    )
    return Draft(node.at, step, None, fields)


def _what(reading: Reading, node: Node, fields: Mapping[str, Node], kind: Kind) -> str:
    """The text to run, ask or show."""
    findings = reading.findings
    other = {Kind.APPROVAL: "approve", Kind.NOTIFY: "notify"}.get(kind, "")
    if kind is not Kind.COMMAND:
        if "command" in fields and reading.text(fields["command"], "command", may_be_empty=True):
            findings.shape(
                fields["command"].at, f"a step with {other or 'workflow'} runs no command", "leave it out"
            )
        return reading.text(fields[other], other) if other else ""
    if "run" in fields and "command" in fields:
        findings.shape(fields["command"].at, "command and run mean the same", "leave one out")
    key = "run" if "run" in fields else "command"
    if key not in fields:
        if isinstance(node, Fields):
            keys = "`run:`, `approve:`, `workflow:` or `parallel:`"
            findings.shape(node.at, "this step does nothing", f"a step has one of {keys}")
        return ""
    return reading.text(fields[key], key)


def _session(reading: Reading, node: Node, fields: Mapping[str, Node], kind: Kind, defaults: Defaults) -> str:
    if "session" not in fields:
        if not defaults.session and kind in (Kind.COMMAND, Kind.NOTIFY) and isinstance(node, Fields):
            reading.findings.error(
                node.at,
                "session is missing in this step",
                "add it, or for all steps: `defaults: {session: NAME}`",
            )
        return defaults.session
    session = fields["session"]
    if isinstance(session, Word) and "${{" in session.text:
        reading.findings.error(session.at, "no expression is evaluated in session", "write a session's name")
    return reading.name(session, "session")


def _id(reading: Reading, fields: Mapping[str, Node], otherwise: str) -> str:
    if "id" not in fields:
        return otherwise
    return reading.key(fields["id"].at, reading.text(fields["id"], "id"), "a step")


def _order(reading: Reading, fields: Mapping[str, Node]) -> Order:
    if "order" in fields:
        if "needs" not in fields:
            reading.findings.shape(fields["order"].at, "order says what needs means, and there is no needs")
        return reading.choice(fields["order"], "order", Order)
    return Order.NEEDED if "needs" in fields else Order.LISTED


def _outputs(reading: Reading, node: Node) -> tuple[str, ...]:
    found = reading.names(node, "outputs")
    for name, at in found:
        reading.key(at, name, "an output")
    return tuple(dict.fromkeys(name for name, _ in found))


def _given(reading: Reading, node: Node) -> tuple[tuple[str, str], ...]:
    found = []
    for key, at, value in reading.pairs(node, "inputs"):
        found.append((reading.key(at, key, "an input"), reading.text(value, key, may_be_empty=True)))
    return tuple(found)


def _timeout(
    reading: Reading, fields: Mapping[str, Node], written: set[str], defaults: Defaults, kind: Kind
) -> float | None:
    if "timeout_sec" in written and "timeout" in fields:
        if "timeout-minutes" in fields:
            at = fields["timeout-minutes"].at
            reading.findings.shape(at, "timeout-minutes and timeout_sec mean the same", "leave one out")
        return reading.number(fields["timeout"], "timeout_sec", 0.001, 3e7)
    found = timeout(reading, fields)
    return defaults.timeout_s if found is None and kind is not Kind.APPROVAL else found


def _retries(reading: Reading, node: Node | None, written: set[str], defaults: Defaults, kind: Kind) -> Retry:
    if node is None:
        return defaults.retry if kind is Kind.COMMAND else Retry()
    return _retry_policy(reading, node) if "retry_policy" in written else _retry(reading, node)


def _retry(reading: Reading, node: Node) -> Retry:
    keys = ("attempts", "delay", "backoff", "max-delay", "jitter", "on", "deadline")
    if isinstance(node, Word):
        hint = f"write retry: {{attempts: {node.text}}}" if node.text.isdigit() else ""
        reading.findings.shape(node.at, "retry must be a mapping", hint)
        return Retry()
    fields = reading.fields(node, "retry", keys)
    return Retry(
        attempts=reading.whole(fields["attempts"], "attempts", 1, MAX_ATTEMPTS)
        if "attempts" in fields
        else 1,
        delay_s=reading.duration(fields["delay"], "delay") if "delay" in fields else 0.0,
        backoff=reading.number(fields["backoff"], "backoff", 1, 100) if "backoff" in fields else 1.0,
        max_delay_s=reading.duration(fields["max-delay"], "max-delay") if "max-delay" in fields else None,
        jitter=_flag(reading, fields, "jitter", otherwise=False),
        on=_retried(reading, fields["on"]) if "on" in fields else (),
        deadline_s=reading.duration(fields["deadline"], "deadline", least_s=0.001)
        if "deadline" in fields
        else None,
    )


def _retry_policy(reading: Reading, node: Node) -> Retry:
    """Dagu's form: `limit` counts what comes after the first attempt."""
    fields = reading.fields(node, "retry_policy", ("limit", "interval_sec"))
    more = reading.whole(fields["limit"], "limit", 0, MAX_ATTEMPTS - 1) if "limit" in fields else 0
    delay_s = (
        reading.number(fields["interval_sec"], "interval_sec", 0, 3e7) if "interval_sec" in fields else 0.0
    )
    return Retry(attempts=more + 1, delay_s=delay_s)


def _retried(reading: Reading, node: Node) -> tuple[str | int, ...]:
    found: list[str | int] = []
    for item in [node] if isinstance(node, Word) else reading.items(node, "on"):
        value = item.value if isinstance(item, Word) else None
        if isinstance(value, float) and value.is_integer() and 1 <= value <= MAX_EXIT_STATUS:
            found.append(int(value))
        elif value in list(Result):
            found.append(str(value))
        else:
            words = ", ".join(Result)
            reading.findings.shape(
                item.at,
                "this is no result that can be tried again",
                nearest(str(value), Result, f"it is {words}, or an exit status from 1 to {MAX_EXIT_STATUS}"),
            )
    return tuple(found)


def _on_stop(reading: Reading, node: Node) -> OnStop:
    fields = reading.fields(node, "on-stop", ("signal", "grace"))
    usual = OnStop()
    return OnStop(
        signal=reading.choice(fields["signal"], "signal", _Signal).value
        if "signal" in fields
        else usual.signal,
        grace_s=reading.duration(fields["grace"], "grace") if "grace" in fields else usual.grace_s,
    )


def _flag(reading: Reading, fields: Mapping[str, Node], key: str, *, otherwise: bool) -> bool:
    return reading.flag(fields[key], key) if key in fields else otherwise


def _text(reading: Reading, fields: Mapping[str, Node], key: str) -> str:
    return reading.text(fields[key], key) if key in fields else ""
