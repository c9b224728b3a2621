"""JSON that people edit: strict, and every complaint has its place."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipc_client.wire.errors import WireError
from tsipcd.views import document

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def complaint(text: str) -> str:
    with pytest.raises(WireError) as caught:
        document.parse(text, "F").plain()
    return caught.value.message


@given(VALUES, st.sampled_from([None, 0, 1, 2]), st.booleans())
def test_it_reads_what_the_standard_parser_reads(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Any document, however it is laid out."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert document.parse(f" {text}\n", "F").plain() == json.loads(text)


@given(st.text(alphabet='{}[]",:\\ \n\t0123456789.eE+-truefalsn/u'))
def test_it_reads_nothing_that_the_standard_parser_refuses(text: str) -> None:
    """Either both read the same, or ours refuses."""
    try:
        found = document.parse(text, "F").plain()
    except WireError:
        return
    assert found == json.loads(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "F: it is empty"),
        (" \n", "F: it is empty"),
        ('{\n  "a": 1,\n}', "F: line 2, column 9: there is a comma too many before }"),
        ("[1,\n2,]", "F: line 2, column 2: there is a comma too many before ]"),
        ('{\n  "a": 1\n  "b": 2\n}', "F: line 3, column 3: expected , or }"),
        ('{"a" 1}', "F: line 1, column 6: expected : after the key"),
        ("{a: 1}", "F: line 1, column 2: expected a key in double quotes"),
        ('{"a": }', "F: line 1, column 7: expected a value"),
        ('{"a": NaN}', "F: line 1, column 7: expected a value"),
        ("{'a': 1}", "F: line 1, column 2: expected a key in double quotes"),
        ('["a\nb"]', "F: line 1, column 2: this text has no closing quote on its line"),
        (r'["세\x"]', "F: line 1, column 4: there is a wrong \\ escape in this text"),
        (r'["\ud800"]', "F: line 1, column 2: there is half of a surrogate pair in this text"),
        ('{"a": 1, "a": 2}', 'F: line 1, column 10: the key "a" stands here a second time'),
        ('{"a\\n": 1, "a\\n": 2}', 'F: line 1, column 12: the key "a\\n" stands here a second time'),
        ("[1e999]", "F: line 1, column 2: this number is too large"),
        ("1" * 5000, "F: line 1, column 1: this number is too large"),
        ("[" * 70, "F: line 1, column 66: nested deeper than 64"),
        ("{} x", "F: line 1, column 4: expected nothing after the end of the document"),
        ("[1", "F: line 1, column 3: expected , or ]"),
        ("{", "F: line 1, column 2: expected a key in double quotes"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, message: str) -> None:
    """Line and column count from 1, in characters."""
    assert complaint(text) == message


def test_the_place_is_also_for_programs() -> None:
    """An editor can jump to it."""
    with pytest.raises(WireError) as caught:
        document.parse("[\n x]", "/p/F")
    assert caught.value.data == {"path": "/p/F", "line": 2, "column": 2, "reason": "expected a value"}


def test_a_value_of_the_wrong_kind_is_told_with_its_place() -> None:
    """What it is, and what it should be."""
    node = document.parse('{"a": 1}', "F").fields("it")["a"]
    for access, kind in ((node.fields, "an object"), (node.items, "a list"), (node.text, "text")):
        with pytest.raises(WireError, match=f"line 1, column 7: it must be {kind}"):
            access("it")


@pytest.mark.parametrize(
    ("text", "reason"), [('""', "is empty"), (f'"{"세" * 86}"', "longer than 255 bytes")]
)
def test_a_name_has_its_limits(text: str, reason: str) -> None:
    """Those of the protocol."""
    with pytest.raises(WireError, match=reason):
        document.parse(text, "F").name("it")


@given(VALUES)
def test_what_is_written_can_be_shown(value: Any) -> None:
    """No character moves a terminal but the line ends of the layout, and reading gives the value back."""
    data = document.dump(value).decode()
    assert json.loads(data) == value
    assert {unicodedata.category(char) for char in data.replace("\n", "")}.isdisjoint(
        {"Cc", "Cf", "Zl", "Zp"}
    )


def test_ordinary_text_is_written_as_it_is() -> None:
    """Indented by two; only what does not show as itself is an escape."""
    value = {"a": ["세션 → \x1b[31m\x7f\u202e\U000e0001"]}
    expected = '{\n  "a": [\n    "세션 → \\u001b[31m\\u007f\\u202e\\udb40\\udc01"\n  ]\n}\n'
    assert document.dump(value).decode() == expected
