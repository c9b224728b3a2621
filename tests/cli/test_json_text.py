"""JSON text without the library: what the library writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsipc_client.render.json_text import encode

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(alphabet=st.characters(codec=None)),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 0, 2]))
@example({"a": [], "b": {}, "c": [{"d": (1, 2.5)}]}, 2)
@example('\x7f"\\\x1b\u202e\ud800가', None)
def test_it_is_what_the_library_writes(value: object, indent: int | None) -> None:
    """On one line, or indented; DEL, which the library leaves as it is, is escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    expected = json.dumps(value, indent=indent, separators=separators)
    assert encode(value, indent=indent) == expected.replace("\x7f", "\\u007f")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"", {1}])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    """Never a document that no program can read."""
    with pytest.raises(ValueError, match="not in JSON"):
        encode([value])
