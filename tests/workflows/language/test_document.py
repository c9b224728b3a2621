"""Texts as nodes: YAML 1.2 and JSON, and what is refused of them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.language.document import Fields, Items, Node, Word, read
from tsipcd.workflows.language.faults import Unreadable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def plain(node: Node) -> object:
    """The values without their places."""
    match node:
        case Word():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Fields():
            return {key: plain(item) for key, item in node.fields.items()}


@given(JSON.map(lambda value: [value]), st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_json(value: list[object], ascii_only: bool, indent: int | None) -> None:
    """Whatever characters its texts hold, escaped or not."""
    assert plain(read(json.dumps(value, ensure_ascii=ascii_only, indent=indent))) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: yes", {"on": "yes"}),
        ("no: NO", {"no": "NO"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 010", {"a": 10.0}),
        ("a: 0o10", {"a": 8.0}),
        ("a: 0x1F", {"a": 31.0}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("a: True\nb: 'true'", {"a": True, "b": "true"}),
        ("a: .5\nb: -1e3", {"a": 0.5, "b": -1000.0}),
        ("a: &x [1]\nb: *x", {"a": [1.0], "b": [1.0]}),
        ("a: !!str 1", {"a": "1"}),
        ("%YAML 1.2\n---\na: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)
def test_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    """No `yes`, no dates, no numbers in base sixty, no octal by a mere zero."""
    assert plain(read(text)) == value


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "empty"),
        ("a: 1\nb: 2\na: 3", 3, "second time"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a: !cancelled()", 1, "tag"),
        ("a: *x", 1, "no anchor"),
        ("a: &x [*x]", 1, "no anchor"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "merge keys"),
        ("[a]: 1", 1, "one word"),
        ("a: b: c", 1, "mapping values"),
        ("a: [1,", 1, "did not find"),
        ("a: \x01", 1, "U+0001"),
        ("[" * 100 + "]" * 100, 1, "nested"),
        ("a: " + "x" * 1_000_000, 1, "larger"),
        ("a: \ud800", 1, "surrogate"),
    ],
)
def test_what_is_no_document_is_told_with_its_place(text: str, line: int, what: str) -> None:
    """In words, with a line."""
    with pytest.raises(Unreadable, match=what.replace("+", r"\+")) as caught:
        read(text)
    assert text.count("\n", 0, caught.value.at) + 1 == line


def test_aliases_are_counted_as_if_written_out() -> None:
    """A text of a few lines that stands for billions of values is refused at once."""
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Unreadable, match="more than 200,000 values"):
        read("\n".join(lines))


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@,? \n\t1.~$\\u00"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else is ever raised."""
    with contextlib.suppress(Unreadable):
        read(text)
