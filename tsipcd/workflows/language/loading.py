"""From a text to a workflow that can be run, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tsipcd.workflows.definition import Kind, Step, Workflow, chain
from tsipcd.workflows.language import document
from tsipcd.workflows.language.checks import Checker, Past, Scope
from tsipcd.workflows.language.conditions import whole_expression
from tsipcd.workflows.language.document import Fields, Items, Node, Word
from tsipcd.workflows.language.faults import Fault, Findings, Unreadable
from tsipcd.workflows.language.fields import Reading
from tsipcd.workflows.language.graph import MAX_STEPS, arranged, chained, read_steps
from tsipcd.workflows.language.steps import Defaults, Draft, read_defaults, read_handlers, timeout
from tsipcd.workflows.language.triggers import read_concurrency, read_inputs, read_triggers
from tsipcd.workflows.templates import OPEN

VERSION: Final = 2
"""Of the form that this reads; version 1 is a plain chain of literal commands."""

HANDLERS: Final = ("on-success", "on-failure", "on-cancel", "finally")
KEYS: Final = (
    "name", "description", "on", "inputs", "env", "defaults", "concurrency", "timeout", "timeout-minutes",
    "steps", *HANDLERS, "version", "created", "$schema",
)  # fmt: skip
DAGU: Final = {"success": "on-success", "failure": "on-failure", "abort": "on-cancel", "exit": "finally"}
_HINTS: Final = {
    "jobs": "`steps:` is the one list; `session:` says where each runs, `needs:` makes a graph",
    "permissions": "a command has the rights of its session",
    "run-name": "a run is called by its number",
    "schedule": "write on: {schedule: [{cron: ...}]}",
    "params": "write inputs",
}
_VERSION_1: Final = frozenset({"name", "created", "version", "steps"})
_STEP_1: Final = frozenset({"session", "command"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a text came to. `workflow` is None if and only if a fault is an error."""

    workflow: Workflow | None
    faults: tuple[Fault, ...]
    name: str = ""
    """What the text itself calls it."""
    description: str = ""


def load(text: str, name: str = "") -> Loaded:
    """The workflow in `text`, called `name`, else as it says itself. Raises nothing."""
    findings = Findings(text)
    try:
        root = document.read(text)
    except Unreadable as error:
        findings.shape(error.at, error.what, error.hint)
        return Loaded(None, findings.all())
    return _Loading(findings, root, name).whole()


@dataclass(slots=True)
class _Loading:
    findings: Findings
    root: Node
    name: str
    defaults: Defaults = field(default_factory=Defaults)

    def whole(self) -> Loaded:
        findings, root = self.findings, self.root
        reading = Reading(findings)
        if _is_version_1(root, findings.text):
            return self._version_1(reading)
        fields = dict(reading.fields(root, "a workflow", (*KEYS, "handler_on"), hints=_HINTS))
        self._version(fields)
        inside = reading.text(fields["name"], "name") if "name" in fields else ""
        described = (
            reading.text(fields["description"], "description", may_be_empty=True)
            if "description" in fields
            else ""
        )
        self._handler_on(reading, fields)
        if "defaults" in fields:
            self.defaults = read_defaults(reading, fields["defaults"])
        inputs = read_inputs(reading, fields["inputs"]) if "inputs" in fields else ()
        env = reading.env(fields["env"], "env") if "env" in fields else ()
        on = read_triggers(reading, fields["on"]) if "on" in fields else ()
        group = read_concurrency(reading, fields["concurrency"]) if "concurrency" in fields else None
        limit_s = timeout(reading, fields)
        if "steps" not in fields and isinstance(root, Fields):
            findings.shape(root.at, "steps is missing", "`steps:` is the list of what is done")
        drafts = read_steps(reading, fields["steps"], self.defaults) if "steps" in fields else []
        if len(drafts) > MAX_STEPS:
            findings.error(root.at, f"there are more than {MAX_STEPS:,} steps")
        drafts = arranged(findings, drafts)
        handlers = {
            key: chained(findings, read_handlers(reading, fields[key], key, self.defaults))
            if key in fields
            else []
            for key in HANDLERS
        }
        if not findings.has_errors:
            scope = Scope(inputs=dict(inputs), env=frozenset(key for key, _ in env))
            self._check(fields, scope, drafts, handlers)
        if findings.has_errors:
            return Loaded(None, findings.all(), inside, described)
        workflow = Workflow(
            name=self.name or inside,
            steps=_steps(drafts),
            on=on,
            inputs=inputs,
            env=env,
            concurrency=group,
            timeout_s=limit_s,
            on_success=_steps(handlers["on-success"]),
            on_failure=_steps(handlers["on-failure"]),
            on_cancel=_steps(handlers["on-cancel"]),
            finally_=_steps(handlers["finally"]),
        )
        return Loaded(workflow, findings.all(), inside, described)

    def _version(self, fields: Mapping[str, Node]) -> None:
        node = fields.get("version")
        if node is None or (isinstance(node, Word) and node.value == VERSION):
            return
        value = node.value if isinstance(node, Word) else None
        if isinstance(value, float) and value > VERSION:
            self.findings.shape(
                node.at, f"this is version {value:g} of the form, newer than this program", "upgrade ts-ipc"
            )
        elif value == 1:
            self.findings.shape(
                node.at, "version 1 is JSON with session and command in each step, and nothing else",
                f"write version: {VERSION}",
            )  # fmt: skip
        else:
            self.findings.shape(node.at, f"version must be {VERSION}")

    def _handler_on(self, reading: Reading, fields: dict[str, Node]) -> None:
        """Dagu's place for what comes last."""
        node = fields.pop("handler_on", None)
        if node is None:
            return
        self.findings.warning(
            node.at, "handler_on is read as on-success, on-failure, on-cancel and finally", "write these"
        )
        for key, one in reading.fields(node, "handler_on", tuple(DAGU)).items():
            if DAGU[key] in fields:
                self.findings.shape(one.at, f"{key} is another word for {DAGU[key]}, which stands here too")
            fields[DAGU[key]] = Items(one.at, [one]) if isinstance(one, Fields) else one

    def _version_1(self, reading: Reading) -> Loaded:
        fields = reading.fields(self.root, "a workflow", tuple(_VERSION_1))
        inside = reading.text(fields["name"], "name") if "name" in fields else ""
        steps = []
        for node in reading.items(fields["steps"], "steps"):
            step = reading.fields(node, "a step", tuple(_STEP_1))
            command = reading.text(step["command"], "command")
            if OPEN in command:
                hint = f'add "version": {VERSION} to have it evaluated'
                self.findings.warning(step["command"].at, "in version 1 ${{ }} is plain text", hint)
            steps.append((reading.name(step["session"], "session"), command))
        if not steps:
            self.findings.shape(fields["steps"].at, "there are no steps")
        if self.findings.has_errors:
            return Loaded(None, self.findings.all(), inside)
        return Loaded(chain(self.name or inside, steps), self.findings.all(), inside)

    def _check(
        self,
        fields: Mapping[str, Node],
        scope: Scope,
        drafts: list[Draft],
        handlers: Mapping[str, list[Draft]],
    ) -> None:
        checker = Checker(self.findings)
        before = Scope(inputs=scope.inputs, env=scope.env)
        for word in _words(fields.get("env"), fields.get("concurrency")):
            checker.texts(word, word.text, before)
        for condition, source in _event_conditions(fields.get("on")):
            checker.condition(condition, source, Scope(only_event=True))
        steps = {draft.step.id.lower(): draft.step for draft in drafts}
        place = {name: index for index, name in enumerate(steps)}
        for index, (draft, ended) in enumerate(zip(drafts, _closures(drafts), strict=True)):
            _check_step(checker, draft, _scope_of(draft, scope, steps, Past(place, ended, (1 << index) - 1)))
        for draft in (draft for drafts in handlers.values() for draft in drafts):
            _check_step(checker, draft, Scope(inputs=scope.inputs, env=scope.env, steps=steps))


def _scope_of(draft: Draft, scope: Scope, steps: Mapping[str, Step], past: Past) -> Scope:
    matrix = draft.step.matrix
    keys = frozenset(key for one in matrix.combinations for key, _ in one) if matrix is not None else None
    needs = frozenset(need.lower() for need in draft.step.needs)
    return Scope(inputs=scope.inputs, env=scope.env, matrix=keys, steps=steps, past=past, needs=needs)


def _check_step(checker: Checker, draft: Draft, scope: Scope) -> None:
    step, nodes = draft.step, draft.nodes
    if step.if_ and "if" in nodes:
        checker.condition(nodes["if"], step.if_, scope)
    own = frozenset(key for key, _ in step.env)
    within = Scope(
        inputs=scope.inputs, env=own | (scope.env or frozenset()), matrix=scope.matrix, steps=scope.steps,
        past=scope.past, needs=scope.needs,
    )  # fmt: skip
    for node in _words(nodes.get("env"), nodes.get("inputs")):
        checker.texts(node, node.text, within)
    if step.kind is Kind.COMMAND:
        checker.command(nodes.get("run") or nodes["command"], step.command, within)
    elif step.kind in (Kind.APPROVAL, Kind.NOTIFY):
        checker.texts(nodes["approve" if step.kind is Kind.APPROVAL else "notify"], step.command, within)


def _closures(drafts: list[Draft]) -> list[int]:
    """All that each step waits for, however far, a bit for each place. Drafts are in order."""
    place = {draft.step.id: index for index, draft in enumerate(drafts)}
    reached: list[int] = []
    for draft in drafts:
        bits = 0
        for need in draft.step.needs:
            bits |= reached[place[need]] | 1 << place[need]
        reached.append(bits)
    return reached


def _is_version_1(root: Node, text: str) -> bool:
    """Its commands are plain text: only what a file of version 1 has is in it, and it is JSON as they are."""
    if not isinstance(root, Fields) or not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    version, steps = root.fields.get("version"), root.fields.get("steps")
    if not root.fields.keys() <= _VERSION_1 or not isinstance(steps, Items):
        return False
    if version is not None and not (isinstance(version, Word) and version.value == 1):
        return False
    return all(isinstance(step, Fields) and step.fields.keys() == _STEP_1 for step in steps.items)


def _steps(drafts: list[Draft]) -> tuple[Step, ...]:
    return tuple(draft.step for draft in drafts)


def _words(*nodes: Node | None) -> Iterator[Word]:
    for node in nodes:
        if isinstance(node, Word):
            yield node
        elif isinstance(node, Fields):
            yield from (value for value in node.fields.values() if isinstance(value, Word))


def _event_conditions(node: Node | None) -> Iterator[tuple[Node, str]]:
    """Each `if:` of an event, by the same rules as a step's; what is wrong with its form was told before."""
    waiting = [node] if node is not None else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, Items):
            waiting += one.items
        elif isinstance(one, Fields):
            found = one.fields.get("if")
            if isinstance(found, Word):
                text = found.text.strip()
                yield found, whole_expression(text) or text
            waiting += [value for key, value in one.fields.items() if key == "event"]
