"""GitHub's own cases of its expression language, where a folder of them lies beside the project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.daemon import ROOT
from tsipcd.workflows.expressions.evaluation import Evaluation
from tsipcd.workflows.expressions.faults import ExpressionError
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.values import Value

DATA = ROOT.parent / "shared/conformance/expressions"


def _cases() -> Iterator[Any]:
    for path in sorted(DATA.glob("*.json")):
        for group, cases in json.loads(path.read_text()).items():
            for index, case in enumerate(cases):
                yield pytest.param(case, id=f"{path.stem}-{group}-{index}")


def _kind(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return "Null" if value is None else "Boolean"
    if isinstance(value, str):
        return "String"
    if isinstance(value, int | float):
        return "Number"
    return "Object" if isinstance(value, Mapping) else "Array"


@pytest.mark.parametrize("case", tuple(_cases()))
def test_github_case(case: dict[str, Any]) -> None:
    """The same value of the same kind, or the same error at the same stage."""
    contexts = case.get("contexts", {})
    if "err" in case:
        with pytest.raises(ExpressionError) as caught:
            Evaluation(case["expr"], contexts).of(parse(case["expr"], contexts))
        assert caught.value.stage == case["err"]["kind"]
        assert case["err"]["value"] in caught.value.message
        return
    value = Evaluation(case["expr"], contexts).of(parse(case["expr"], contexts))
    wanted = case["result"]
    assert _kind(value) == wanted["kind"]
    assert value == wanted["value"] or repr(value).lower() == str(wanted["value"]).lower()
