"""Every expression of a workflow, looked at before anything runs: form, names, and what may surprise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tsipcd.workflows.contexts import CONTEXTS, ELSEWHERE, EVENT, NEED, RUN, SESSION, STATUS_FUNCTIONS, STEP
from tsipcd.workflows.definition import Input, InputType, Step
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.tree import Call, Index, Literal, Name, Node, Operation, Operator
from tsipcd.workflows.language import document
from tsipcd.workflows.language.faults import Findings, nearest
from tsipcd.workflows.shell_text import Misplaced, shell_text
from tsipcd.workflows.templates import OPEN, embedded

_COMPARISONS: Final = (Operator.EQUAL, Operator.UNEQUAL)
_OUTPUT_KEYS: Final = 3
"""steps.ID.outputs.NAME has that many keys after its name."""


@dataclass(frozen=True, slots=True)
class Past:
    """Which steps have run by then: the place of each id in lower case, and sets of places as bits."""

    places: Mapping[str, int]
    ended: int
    begun: int

    def has_ended(self, name: str) -> bool:
        """It surely has."""
        return bool(self.ended >> self.places[name] & 1)

    def may_have_ended(self, name: str) -> bool:
        """It comes earlier, without anything having to wait for it."""
        return bool(self.begun >> self.places[name] & 1)


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be named where an expression stands."""

    inputs: Mapping[str, Input] = field(default_factory=dict)
    env: frozenset[str] | None = frozenset()
    """Names; None: that context is not there."""
    matrix: frozenset[str] | None = None
    steps: Mapping[str, Step] | None = None
    """By their ids in lower case; None: no step has run."""
    past: Past | None = None
    """None: every step has ended, or never will."""
    needs: frozenset[str] | None = None
    only_event: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """An expression, all its parts, and what it looks up in contexts."""

    tree: Node
    parts: list[Node]
    lookups: list[tuple[Name, list[str | None]]]


class Checker:
    """Checks the expressions of one text."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._read: dict[tuple[str, bool], _Read] = {}

    def condition(self, place: document.Node, source: str, scope: Scope) -> None:
        """The expression of an `if:`."""
        at = _offset(self._findings.text, place, source)
        read = self._tree(at, source, scope, status=True)
        if read is None:
            return
        if not any(_varies(node) for node in read.parts):
            self._findings.warning(at, f"this condition is always the same: {source}")
        self._tell_text_as_truth(at, read.tree)

    def texts(self, place: document.Node, text: str, scope: Scope) -> None:
        """A text that may hold expressions."""
        if OPEN not in text:
            return
        base = _offset(self._findings.text, place, OPEN)
        try:
            found = embedded(text)
        except ExpressionError:
            self._findings.error(base, "a ${{ has no }}", "close it; a single quote in it needs its partner")
            return
        for one in found:
            source = one.source.strip()
            at = base = _offset(self._findings.text, place, source, base)
            if not source:
                self._findings.error(at, "there is nothing in ${{ }}")
            else:
                self._tree(at, source, scope, status=False)

    def command(self, place: document.Node, text: str, scope: Scope) -> None:
        """A command: its expressions, and whether each stands where a shell expands a variable."""
        self.texts(place, text, scope)
        try:
            shell_text(text)
        except Misplaced as error:
            nth = text.count(OPEN, 0, error.at)
            self._findings.error(_nth_open(self._findings.text, place, nth), error.what, error.hint)
        except ExpressionError:
            pass  # `texts` has told it

    def _tree(self, at: int, source: str, scope: Scope, *, status: bool) -> _Read | None:
        names = ("event",) if scope.only_event else CONTEXTS
        read = self._read.get((source, scope.only_event))
        if read is None:
            try:
                tree = parse(source, names, STATUS_FUNCTIONS)
            except ExpressionError as error:
                self._tell(at, source, error)
                return None
            if tree is None:
                return None
            parts = _parts(tree)
            read = _Read(tree, parts, _lookups(parts))
            self._read[source, scope.only_event] = read
        verbatim = self._findings.text.startswith(source, at)
        for root, keys in read.lookups:
            self._lookup(at + root.span.start * verbatim, root.name.lower(), keys, scope)
        for part in read.parts:
            if isinstance(part, Call):
                self._tell_call(at, part, status=status)
            elif isinstance(part, Operation) and part.operator in _COMPARISONS:
                self._tell_comparison(at, part, scope)
        return read

    def _tell(self, at: int, source: str, error: ExpressionError) -> None:
        what = error.message.partition(" within expression:")[0].partition(". Located at")[0]
        name = source[max(error.column - 1, 0) :]
        hint = next((hint for word, hint in ELSEWHERE.items() if name.startswith(f"{word}.")), error.hint)
        verbatim = self._findings.text.startswith(source, at)
        self._findings.error(at + max(error.column - 1, 0) * verbatim, what, hint)

    def _lookup(self, at: int, root: str, keys: list[str | None], scope: Scope) -> None:
        key = keys[0] if keys else None
        match root:
            case "run" | "event" | "session" if key is not None:
                self._one_of(at, root, key, {"run": RUN, "event": EVENT, "session": SESSION}[root])
            case "inputs" if key is not None:
                self._one_of(
                    at, root, key, scope.inputs, "inputs: at the top level names what a run can be given"
                )
            case "env" if scope.env is None:
                self._findings.error(at, "env is not known here")
            case "env" if key is not None:
                known = (
                    "env has what env: of this file sets; the shell's own variables are $NAME in a command"
                )
                self._one_of(at, root, key, scope.env or (), known)
            case "matrix" if scope.matrix is None:
                self._findings.error(at, "there is no matrix here", "a step with `matrix:` has these values")
            case "matrix" if key is not None:
                self._one_of(at, root, key, scope.matrix or ())
            case "steps" if scope.steps is None:
                self._findings.error(at, "no step has run when this is evaluated")
            case "steps" if key is not None:
                self._step(at, key, keys, scope, scope.steps or {})
            case "needs" if scope.needs is None:
                self._findings.error(at, "nothing is needed here")
            case "needs" if key is not None:
                self._need(at, key, keys, scope.needs or frozenset())
            case _:
                pass

    def _one_of(
        self,
        at: int,
        root: str,
        key: str,
        known: Mapping[str, object] | tuple[str, ...] | frozenset[str],
        hint: str = "",
    ) -> None:
        if key.lower() not in {name.lower() for name in known}:
            listed = f"there are {', '.join(sorted(known))}" if known else "there are none"
            self._findings.error(at, f"there is no {root}.{key}", nearest(key, known, hint or listed))

    def _step(
        self, at: int, key: str, keys: list[str | None], scope: Scope, steps: Mapping[str, Step]
    ) -> None:
        name = key.lower()
        if name not in steps:
            hint = nearest(key, [step.id for step in steps.values()], "`id:` gives a step its name")
            self._findings.error(at, f"there is no step {key}", hint)
            return
        if scope.past is not None and not scope.past.has_ended(name):
            if not scope.past.may_have_ended(name):
                self._findings.error(at, f"the step {key} runs later, or is this one", f"add `needs: {key}`")
                return
            self._findings.warning(at, f"the step {key} may not have ended by then", f"add `needs: {key}`")
        self._step_keys(at, steps[name], keys)

    def _step_keys(self, at: int, step: Step, keys: list[str | None]) -> None:
        what = keys[1] if len(keys) > 1 else None
        if what is None:
            return
        self._one_of(at, f"steps.{step.id}", what, STEP)
        output = keys[2] if len(keys) >= _OUTPUT_KEYS else None
        if what.lower() != "outputs" or output is None:
            return
        if step.outputs is None:
            self._findings.warning(
                at,
                f"the step {step.id} does not say that it sets {output}",
                f"add to it: outputs: [{output}]",
            )
        else:
            self._one_of(at, f"steps.{step.id}.outputs", output, step.outputs)

    def _need(self, at: int, key: str, keys: list[str | None], needs: frozenset[str]) -> None:
        if key.lower() not in needs:
            hint = nearest(key, needs, "needs has what this step waits for; `steps` has all that has run")
            self._findings.error(at, f"{key} is nothing that this step needs", hint)
        elif len(keys) > 1 and keys[1] is not None:
            self._one_of(at, f"needs.{key}", keys[1], NEED)

    def _tell_call(self, at: int, call: Call, *, status: bool) -> None:
        if not status and call.name in STATUS_FUNCTIONS:
            self._findings.error(at, f"{call.name}() is for conditions only", "use run.status, or `if:`")

    def _tell_comparison(self, at: int, comparison: Operation, scope: Scope) -> None:
        for one, other in (comparison.operands, comparison.operands[::-1]):
            if not isinstance(other, Literal):
                continue
            if isinstance(other.value, bool) and _is_output(one):
                word = str(other.value).lower()
                self._findings.warning(at, "an output is text and never equals a boolean", f"write '{word}'")
            if isinstance(other.value, str) and _boolean_input(one, scope):
                self._findings.warning(
                    at, "this input is a boolean and never equals text", "leave the quotes out"
                )

    def _tell_text_as_truth(self, at: int, tree: Node) -> None:
        operands = (
            tree.operands if isinstance(tree, Operation) and tree.operator not in _COMPARISONS else (tree,)
        )
        if any(_is_output(node) for node in operands):
            self._findings.warning(
                at, "an output is text, and 'false' is as true as any", "compare it: == 'true'"
            )


def _parts(tree: Node) -> list[Node]:
    found = [tree]
    for node in found:
        if isinstance(node, Index):
            found += (node.of, node.key)
        elif isinstance(node, Operation):
            found += node.operands
        elif isinstance(node, Call):
            found += node.arguments
    return found


def _lookups(parts: list[Node]) -> list[tuple[Name, list[str | None]]]:
    """Each context that is named, with the keys that follow; None for one that is only known later."""
    inner: set[int] = set()
    found: list[tuple[Name, list[str | None]]] = []
    for node in parts:
        if isinstance(node, Index):
            if id(node) in inner:
                continue
            keys: list[str | None] = []
            at: Node = node
            while isinstance(at, Index):
                inner.add(id(at))
                key = at.key.value if isinstance(at.key, Literal) else None
                keys.append(key if isinstance(key, str) else None)
                at = at.of
            if isinstance(at, Name):
                inner.add(id(at))
                found.append((at, keys[::-1]))
        elif isinstance(node, Name) and id(node) not in inner:
            found.append((node, []))
    return found


def _varies(node: Node) -> bool:
    return isinstance(node, Name) or (isinstance(node, Call) and node.name in STATUS_FUNCTIONS)


def _is_output(node: Node) -> bool:
    return isinstance(node, Index) and any(
        root.name.lower() == "steps" and len(keys) == _OUTPUT_KEYS and (keys[1] or "").lower() == "outputs"
        for root, keys in _lookups([node])
    )


def _boolean_input(node: Node, scope: Scope) -> bool:
    return isinstance(node, Index) and any(
        root.name.lower() == "inputs"
        and len(keys) == 1
        and (found := scope.inputs.get(keys[0] or "")) is not None
        and found.type is InputType.BOOLEAN
        for root, keys in _lookups([node])
    )


def _offset(text: str, place: document.Node, wanted: str, start: int = 0) -> int:
    """Where `wanted` stands in the scalar, at its beginning if it is not there letter by letter."""
    if not isinstance(place, document.Word):
        return place.at
    found = text.find(wanted, max(start, place.at), place.end)
    return found if found >= 0 else max(start, place.at)


def _nth_open(text: str, place: document.Node, nth: int) -> int:
    at = _offset(text, place, OPEN)
    for _ in range(nth):
        at = _offset(text, place, OPEN, at + len(OPEN))
    return at
