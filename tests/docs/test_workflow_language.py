"""Every workflow that the pages show can be saved as it stands there."""

from __future__ import annotations

import re

import pytest

from tests.docs.conftest import ROOT
from tsipcd.workflows.language.loading import load

EXAMPLES = re.findall(
    r"^```yaml\n(.*?)^```", (ROOT / "docs/workflows.md").read_text(), re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_right(text: str) -> None:
    """Without a warning."""
    found = load(text, "example")
    assert found.faults == ()
    assert found.workflow is not None


def test_there_are_examples() -> None:
    """Or the test above would find nothing wrong."""
    assert len(EXAMPLES) > 8
