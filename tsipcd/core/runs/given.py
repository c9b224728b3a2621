"""What whoever starts a run gives it, checked against what its workflow asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipcd.workflows.definition import Input, InputType, Scalar, Workflow
from tsipcd.workflows.expressions.values import number_in

_TRUTH = {"true": True, "false": False}


def inputs_of(workflow: Workflow, given: Mapping[str, str]) -> tuple[tuple[str, Scalar], ...]:
    """Every input of `workflow` with its value, in the definition's order. Raises `BadInput`."""
    asked = dict(workflow.inputs)
    for name in given:
        if name not in asked:
            near = difflib.get_close_matches(name, asked, n=1)
            known = ", ".join(asked)
            hint = f"did you mean {near[0]}?" if near else f"it takes {known}" if known else "it takes none"
            raise _wrong(f"{workflow.name} has no input {name!r}", hint)
    return tuple((name, _value(workflow, name, each, given.get(name))) for name, each in asked.items())


def _value(workflow: Workflow, name: str, asked: Input, given: str | None) -> Scalar:
    if given is None:
        if asked.required and asked.default is None:
            raise _wrong(f"{workflow.name} needs the input {name!r}", f"give it: --input {name}=VALUE")
        return asked.default if asked.default is not None else _EMPTY[asked.type]
    match asked.type:
        case InputType.BOOLEAN:
            if given not in _TRUTH:
                raise _wrong(f"the input {name!r} is true or false, not {given!r}")
            return _TRUTH[given]
        case InputType.NUMBER:
            number = number_in(given)
            if number != number or not given.strip():  # noqa: PLR0124 (NaN)
                raise _wrong(f"the input {name!r} is a number, not {given!r}")
            return number
        case InputType.CHOICE:
            if given not in asked.options:
                raise _wrong(f"the input {name!r} is one of {', '.join(asked.options)}, not {given!r}")
            return given
        case InputType.STRING:
            return given


_EMPTY: Mapping[InputType, Scalar] = {
    InputType.BOOLEAN: False,
    InputType.NUMBER: 0.0,
    InputType.STRING: "",
    InputType.CHOICE: "",
}


def _wrong(message: str, hint: str = "") -> BadInput:
    return BadInput(ErrorCode.BAD_PARAMS, message, hint=hint or "nothing was run")
