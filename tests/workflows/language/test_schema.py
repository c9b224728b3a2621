"""The JSON Schema that editors use accepts what the loader accepts, and nothing else."""

# ruff: noqa: E501 - a table of keys

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.docs.conftest import ROOT
from tests.workflows.language.test_canonical import OTHERS
from tests.workflows.language.test_document import plain
from tests.workflows.language.test_loading import WHOLE
from tsipcd.workflows.language.document import read
from tsipcd.workflows.language.loading import load

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = json.loads((ROOT / "tsipc_client/workflow.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

ODD = st.sampled_from(
    [None, True, False, 0, 1, 2, 300, 0.5, -1, "", " ", "a", "b-1", "1x", "10m", "true", "SIGINT", "x y", "fail",
     "queue", [], ["a"], [1], [None], [""], {}, {"a": 1}, {"a": ["x"]}, {"TS_A": 1}, {"x-y": 1}, {"run": "x"}]
).map(copy.deepcopy)  # fmt: skip
"""Each its own: what is put in may be changed later."""
KEYS = sorted(
    {
        "id", "name", "session", "needs", "depends", "order", "if", "timeout", "timeout-minutes", "timeout_sec",
        "continue-on-error", "run", "command", "env", "on-stop", "on-interrupt", "deliver", "outputs", "matrix",
        "retry", "retry_policy", "approve", "on-timeout", "workflow", "inputs", "parallel", "notify", "x-mine",
        "typo", "steps", "on", "concurrency", "defaults", "version", "handler_on", "finally", "on-failure",
        "attempts", "delay", "backoff", "max-delay", "jitter", "deadline", "limit", "interval_sec", "signal",
        "grace", "group", "policy", "event", "schedule", "type", "from", "cron", "timezone", "catchup", "options",
        "default", "required", "include", "exclude", "max-parallel", "fail-fast", "success", "exit", "description",
    }
)  # fmt: skip
SEEDS = [plain(read(text)) for text in (WHOLE, OTHERS)]
DAGU: dict[str, Any] = {
    "steps": [
        {
            "session": "s",
            "run": "x",
            "depends": [],
            "timeout_sec": 5,
            "retry_policy": {"limit": 1, "interval_sec": 1},
        }
    ],
    "handler_on": {"failure": {"session": "s", "run": "x"}, "exit": [{"session": "s", "notify": "x"}]},
}
SEEDS.append(DAGU)


def agree(document: object) -> None:
    """Both accept its shape, or neither."""
    text = "# language\n" + json.dumps(document)  # a comment: version 1 is JSON
    of_shape = [fault for fault in load(text).faults if fault.of_shape]
    errors = list(VALIDATOR.iter_errors(document))
    assert bool(of_shape) == bool(errors), (text, of_shape[:3], [error.message for error in errors[:3]])


def places(document: Any) -> list[Any]:
    """Every mapping and list in it."""
    found: list[Any] = [document]
    for each in found:
        if isinstance(each, dict):
            found += [value for value in each.values() if isinstance(value, dict | list)]
        elif isinstance(each, list):
            found += [value for value in each if isinstance(value, dict | list)]
    return found


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_what_is_right_is_right_for_both(seed: int) -> None:
    """The whole language, and Dagu's words."""
    assert list(VALIDATOR.iter_errors(SEEDS[seed])) == []
    agree(SEEDS[seed])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_loader_and_the_schema_agree(data: st.DataObject) -> None:
    """On documents that are right but for a few keys or values, put in or taken out anywhere."""
    document = json.loads(json.dumps(data.draw(st.sampled_from(SEEDS))))
    for _ in range(data.draw(st.integers(1, 3))):
        where: Any = data.draw(st.sampled_from(places(document)))
        if isinstance(where, list):
            if bool(where) and data.draw(st.booleans()):
                where.pop()
            else:
                where.append(data.draw(ODD))
        elif bool(where) and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(where)))
            if data.draw(st.booleans()):
                del where[key]
            else:
                where[key] = data.draw(ODD)
        else:
            where[data.draw(st.sampled_from(KEYS))] = data.draw(ODD)
    agree(document)


def test_a_difference_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the schema lets pass is told."""
    monkeypatch.setitem(SCHEMA["properties"], "typo", {})
    with pytest.raises(AssertionError):
        agree({"steps": [{"session": "s", "run": "x"}], "typo": 1})
