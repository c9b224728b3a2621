"""What the short way knows of the protocol's values, without loading them, is what they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from tests.cli.answers import ANSWERS
from tsipc_client.cli import brief, plain, shapes
from tsipc_client.cli.statuses import status_of_error
from tsipc_client.wire.errors import ErrorCode, error_from
from tsipc_client.wire.messages import REQUESTS, RESULTS, Request, RunStatus, Status, StepResult
from tsipc_client.wire.text import UNSAFE_CATEGORIES, is_safe

LOOKED_INTO = {
    ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_METHOD, ErrorCode.BAD_PARAMS, ErrorCode.STOPPING,
    ErrorCode.UNKNOWN_OUTCOME, ErrorCode.INTERNAL, ErrorCode.UNREACHABLE, ErrorCode.TIMED_OUT,
}  # fmt: skip
"""Not only told: one side may be older, the next daemon may know better, the connection is gone."""


def shape(kind: Any) -> shapes.Shape | None:
    """The fields of a class, or of the class whose values a field lists."""
    for inner in (kind, *get_args(kind)):
        if is_dataclass(inner):
            hints = get_type_hints(inner)
            return {field.name: shape(hints[field.name]) for field in fields(inner)}
    return None


@pytest.mark.parametrize("kind", REQUESTS)
def test_the_fields_are_those_of_the_protocol(kind: type[Request]) -> None:
    """In their order, which is that of JSON documents."""
    if kind.METHOD in plain.ARGUMENTS:
        known, declared = shapes.SHAPES[kind.METHOD], shape(RESULTS[kind])
        assert known == declared
        assert list(known) == list(declared or ())
    else:
        assert kind.METHOD not in shapes.SHAPES


def leaves(kind: Any, name: str = "") -> Iterator[tuple[str, bool]]:
    """The fields that are no records, and whether each holds a number."""
    for inner in (kind, *get_args(kind)):
        if is_dataclass(inner):
            hints = get_type_hints(inner)
            for field in fields(inner):
                yield from leaves(hints[field.name], field.name)
            return
    yield name, get_origin(kind) is not dict and not {int, float}.isdisjoint((kind, *get_args(kind)))


@pytest.mark.parametrize("kind", REQUESTS)
def test_the_numbers_are_those_of_the_protocol(kind: type[Request]) -> None:
    """A text in the place of one is refused, and the other way round."""
    if kind.METHOD in shapes.SHAPES:
        found = dict(leaves(RESULTS[kind]))
        assert {name: name in shapes.NUMBERS for name in found} == found


def test_the_words_are_those_of_the_protocol() -> None:
    """The statuses known here are all that there are."""
    assert set(shapes.STATUSES) == set(Status)
    assert set(shapes.RUN_STATUSES) == set(brief.STATUS_OF_RUN) == set(RunStatus)
    assert set(shapes.RESULTS) == set(StepResult)
    assert RunStatus.RUNNING in shapes.WORDS["status"]
    assert {words.split()[0] for words, _ in ANSWERS.values()} >= set(plain.ARGUMENTS) - {"status"}


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_has_its_status(code: ErrorCode) -> None:
    """The same as the error's class; each code is told at once or looked into."""
    assert (code in brief.STATUS_OF_ERROR) == (code not in LOOKED_INTO)
    if code in brief.STATUS_OF_ERROR:
        assert brief.STATUS_OF_ERROR[code] == status_of_error(error_from(code, ""))


def test_no_printable_character_is_unsafe() -> None:
    """What needs no look at its category never has one that moves terminals."""
    from unicodedata import category  # noqa: PLC0415

    for char in map(chr, range(sys.maxunicode + 1)):
        assert is_safe(char) == (category(char) not in UNSAFE_CATEGORIES)
