"""`docs/protocol.md` says what the code does."""

from __future__ import annotations

import dataclasses
import json
import re
from enum import Enum
from pathlib import Path

import pytest

from tests.wire.golden import encoded
from tests.wire.samples import NUMBER
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode
from tsipcd.server import limits, listener, peer
from tsipcd.server.decode import MAX_ID_CHARS
from tsipcd.server.encode import JSON_RPC_CODES, SERVER_ERROR

PAGE = (Path(__file__).resolve().parents[2] / "docs/protocol.md").read_text()
SECTIONS = dict(re.findall(r"^##+ `?([^`\n]+)`?\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
CLIENT_ONLY = {ErrorCode.UNREACHABLE, ErrorCode.TIMED_OUT}
RECORDS = [
    m.WorkflowView,
    m.NodeView,
    m.FaultView,
    m.Fanout,
    m.StepView,
    m.MessageView,
    m.Change,
    m.Subscription,
    m.PausedEvent,
    m.SessionView,
    m.EventView,
]


def rows(section: str) -> list[list[str]]:
    """The cells of every table row in a section."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def default_of(field: dataclasses.Field[object]) -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("kind", m.REQUESTS, ids=lambda kind: kind.METHOD)
def test_every_parameter_is_described(kind: type[m.Request]) -> None:
    """Name and default of each, and none that there is not; the steps of a workflow as well."""
    expected = {(f"`{field.name}`", default_of(field)) for field in dataclasses.fields(kind)}
    if kind is m.Workflow:
        expected |= {(f"`{field.name}`", default_of(field)) for field in dataclasses.fields(m.Step)}
    assert {(row[0], row[2]) for row in rows(kind.METHOD) if len(row) == 4} == expected


@pytest.mark.parametrize(("kind", "result"), m.RESULTS.items(), ids=lambda kind: kind.__name__)
def test_every_result_field_is_described(kind: type[m.Request], result: type[m.Result]) -> None:
    """Each field of the answer is in the method's section; for `run` the stream's, too."""
    expected = {f"`{field.name}`" for field in dataclasses.fields(result)}
    if kind is m.Run:
        expected |= {f"`{field.name}`" for field in dataclasses.fields(m.Progress)}
    assert {row[0] for row in rows(kind.METHOD) if len(row) == 3} == expected


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_is_described(kind: type) -> None:
    """What the lists hold has a section each."""
    assert [row[0] for row in rows(kind.__name__)] == [
        f"`{field.name}`" for field in dataclasses.fields(kind)
    ]


def test_every_error_code_is_described() -> None:
    """With the number that JSON-RPC gets."""
    assert [(row[0], row[2]) for row in rows("Errors")] == [
        (f"`{code}`", str(JSON_RPC_CODES.get(code, SERVER_ERROR)))
        for code in ErrorCode
        if code not in CLIENT_ONLY
    ]


@pytest.mark.parametrize(
    "kind", [m.MessageType, m.Action, m.Status, m.Decision, m.RunStatus], ids=lambda kind: kind.__name__
)
def test_every_word_of_a_closed_set_is_listed(kind: type[Enum]) -> None:
    """In its order."""
    (line,) = [line for line in SECTIONS["Values"].splitlines() if line.startswith(f"| {kind.__name__} |")]
    assert re.findall(r"`([^`]+)`", line) == [member.value for member in kind]


def test_the_examples_are_golden_bytes() -> None:
    """Each hex block is one of the golden frames, each JSON block one of the golden lines."""
    parts = [part for _, golden in encoded() for part in golden.values()]
    hexes = re.findall(r"^```hex\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(hexes) >= 6
    assert len(lines) >= 3
    assert {"".join(block.split()) for block in hexes} <= {part["msgpack"] for part in parts}
    assert set(lines) <= {part["json"] for part in parts}
    assert f"id {NUMBER}" in PAGE


@pytest.mark.parametrize(
    "text",
    [
        f"{m.MAX_FRAME_BYTES:,} bytes",
        f"{m.MAX_BODY_BYTES:,} bytes",
        f"| name | {m.MAX_NAME_BYTES} bytes",
        f"| key | {limits.MAX_KEY_BYTES} bytes",
        f"from 0 to {limits.MAX_LISTED:,}",
        f"at most {limits.MAX_TTL_S:,.0f}",
        f"at most {MAX_ID_CHARS} characters",
        f"| {peer.FRAME_S:g} s |",
        f"| {peer.MAX_OPEN} |",
        f"| {peer.MAX_UNREAD_BYTES >> 20} MiB |",
        f"| {peer.MAX_UNSENT_BYTES >> 20} MiB |",
        f"| {listener.MAX_CLIENTS}, fewer",
        f"It is version {m.WIRE_VERSION} of the protocol",
    ],
)
def test_the_limits_are_those_of_the_code(text: str) -> None:
    """Every number on the page is the one that is kept."""
    assert text in PAGE


def test_every_link_leads_somewhere() -> None:
    """Within the page to a heading, elsewhere to a file."""
    headings = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in SECTIONS}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https://"):
            assert (Path(__file__).resolve().parents[2] / "docs" / target).is_file()
